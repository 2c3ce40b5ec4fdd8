//! A program with a concert on sale, and its users.

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{App, AppConfig, Client, Reply};
use serde_json::{Value, json};

use crate::stores::Stores;

/// The admin key of every test.
pub(crate) const ADMIN_KEY: &str = "key-of-the-operators-of-tests";
/// The price of every seat.
pub(crate) const PRICE: i64 = 100;

/// A program with one concert and one performance.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) concert: String,
    pub(crate) performance: String,
}

/// A user on their way from the queue to the payment.
pub(crate) struct Visitor {
    /// Sends the queue token with every request.
    pub(crate) client: Client,
    pub(crate) place: Value,
}

/// Starts a program.
pub(crate) async fn start(config: AppConfig) -> Result<App> {
    App::start(env!("CARGO_BIN_EXE_frontrow").as_ref(), config).await
}

impl TestApp {
    /// A program on `stores` that sells `rows` rows of `seats` seats under `policy`.
    pub(crate) async fn open(stores: Stores, rows: u16, seats: u16, policy: Value) -> Result<Self> {
        Self::open_with(stores.config().await?, rows, seats, policy).await
    }

    /// The same with a configuration of its own.
    pub(crate) async fn open_with(
        config: AppConfig,
        rows: u16,
        seats: u16,
        policy: Value,
    ) -> Result<Self> {
        let app = start(config).await?;
        let (concert, performance) = on_sale(&app, rows, seats, policy).await?;
        Ok(Self {
            app,
            concert,
            performance,
        })
    }

    /// The operator.
    pub(crate) fn admin(&self) -> Client {
        admin(&self.app)
    }

    /// A user of the program.
    pub(crate) fn user(&self, name: &str) -> Client {
        self.app.client().user(name)
    }

    /// Joins the concert's queue.
    pub(crate) async fn join(&self, name: &str) -> Result<Visitor> {
        self.join_concert(name, &self.concert).await
    }

    /// Joins the queue of any concert of this program.
    pub(crate) async fn join_concert(&self, name: &str, concert: &str) -> Result<Visitor> {
        let client = self.user(name);
        let place = client
            .post("/v1/queue/tokens")
            .json(&json!({"concert_id": concert}))
            .await?
            .expect_status(201)?;
        let token = place.text_at("/queue_token")?;
        Ok(Visitor {
            client: client.queue_token(token),
            place: place.json,
        })
    }

    /// Requests to join the concert's queue. Returns any answer.
    pub(crate) async fn ask_to_join(&self, name: &str) -> Result<Reply> {
        self.user(name)
            .post("/v1/queue/tokens")
            .json(&json!({"concert_id": self.concert}))
            .await
    }

    /// Joins the concert's queue, or gets the place that the user already has.
    pub(crate) async fn join_again(&self, name: &str) -> Result<Visitor> {
        let place = self.ask_to_join(name).await?;
        ensure!([200, 201].contains(&place.status), "{place:?}");
        let token = place.text_at("/queue_token")?;
        Ok(Visitor {
            client: self.user(name).queue_token(token),
            place: place.json,
        })
    }

    /// The path of the concert's performances.
    pub(crate) fn performances_path(&self) -> String {
        format!("/v1/concerts/{}/performances", self.concert)
    }

    /// The path of the performance's seats.
    pub(crate) fn seats_path(&self) -> String {
        format!("{}/{}/seats", self.performances_path(), self.performance)
    }

    /// Every reservation of the concert, as its operator sees it.
    pub(crate) async fn sales(&self) -> Result<Vec<Value>> {
        self.sales_of(&self.concert).await
    }

    /// The same for any concert of this program.
    pub(crate) async fn sales_of(&self, concert: &str) -> Result<Vec<Value>> {
        let path = format!("/v1/admin/concerts/{concert}/reservations");
        let mut sales = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self
                .admin()
                .get(&format!("{path}?limit=100{cursor}"))
                .await?;
            let page = page.expect_status(200)?;
            sales.extend(page.at("/items")?.as_array().cloned().unwrap_or_default());
            match page.at("/next_cursor")?.as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(sales),
            }
        }
    }
}

/// The operator of `app`.
pub(crate) fn admin(app: &App) -> Client {
    app.client().bearer(ADMIN_KEY)
}

/// Puts a concert on sale. Returns its id and that of its performance.
pub(crate) async fn on_sale(
    app: &App,
    rows: u16,
    seats: u16,
    policy: Value,
) -> Result<(String, String)> {
    let concert = admin(app)
        .post("/v1/admin/concerts")
        .json(&json!({"title": "A concert", "queue": policy}))
        .await?
        .expect_status(201)?;
    let concert = concert.text_at("/id")?.to_owned();
    let rows: Vec<_> = (1..=rows)
        .map(|row| json!({"name": format!("R{row}"), "seats": seats}))
        .collect();
    let performance = admin(app)
        .post(&format!("/v1/admin/concerts/{concert}/performances"))
        .json(&json!({
            "starts_at": "2099-01-01T19:30:00Z",
            "venue": "A hall",
            "sections": [{"name": "Stalls", "price": PRICE, "rows": rows}],
        }))
        .await?
        .expect_status(201)?;
    Ok((concert, performance.text_at("/id")?.to_owned()))
}

impl Visitor {
    /// Holds seats.
    pub(crate) async fn hold(&self, test_app: &TestApp, seats: &[&str]) -> Result<Reply> {
        self.client
            .post("/v1/reservations")
            .json(&json!({"performance_id": test_app.performance, "seats": seats}))
            .await
    }

    /// Releases a hold.
    pub(crate) async fn release(&self, reservation: &str) -> Result<Reply> {
        self.client
            .delete(&format!("/v1/reservations/{reservation}"))
            .await
    }

    /// Charges points.
    pub(crate) async fn charge(&self, amount: i64, key: &str) -> Result<Reply> {
        self.client
            .post("/v1/points/charges")
            .idempotency_key(key)
            .json(&json!({"amount": amount}))
            .await
    }

    /// Pays a reservation.
    pub(crate) async fn pay(&self, reservation: &str, key: &str) -> Result<Reply> {
        self.client
            .post(&format!("/v1/reservations/{reservation}/payment"))
            .idempotency_key(key)
            .await
    }

    /// The balance.
    pub(crate) async fn balance(&self) -> Result<i64> {
        let points = self.client.get("/v1/points").await?.expect_status(200)?;
        points
            .at("/balance")?
            .as_i64()
            .context("a balance is a number")
    }

    /// Looks the place up.
    pub(crate) async fn look_up(&mut self) -> Result<Reply> {
        let reply = self.client.get("/v1/queue/token").await?;
        if reply.status == 200 {
            self.place = reply.json.clone();
            ensure!(reply.text_at("/queue_token")?.len() > 20);
        }
        Ok(reply)
    }

    /// True if the place was active at the last look-up.
    pub(crate) fn is_active(&self) -> bool {
        self.place["state"] == "active"
    }

    /// Waits for the time that the program gave until the next poll.
    pub(crate) async fn pause(&self) {
        let pause = self.place["poll_after_ms"].as_u64().unwrap_or(50);
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
    }
}
