//! A user who continues after the program crashes.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::{Client, Reply, Request, eventually};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::observations::{AnsweredIn, RunCounter, UserLog};
use crate::{
    random::Random,
    sale::{CHARGE, pick_seat},
    test_app::PRICE,
};

/// The most attempts of one request: enough for more than half a minute.
const TRIES: usize = 600;
/// The limit for events that must happen, on a slow machine.
const SOON: Duration = Duration::from_mins(1);

/// The sale that all users take part in.
pub(crate) struct SharedSale {
    pub(crate) concert: String,
    pub(crate) performance: String,
    pub(crate) runs: RunCounter,
    /// The program is not killed: a request that it does not answer is its fault.
    pub(crate) is_never_killed: bool,
    /// The number of repeated requests of all users.
    pub(crate) repeats: AtomicUsize,
}

pub(crate) struct RetryingUser {
    pub(crate) number: usize,
    pub(crate) sale: Arc<SharedSale>,
    /// Sends the identity with every request.
    pub(crate) client: Client,
    pub(crate) random: Random,
    place: Value,
    /// The requested seat. It is requested again if the answer was lost.
    wanted: Option<String>,
    reservation: Option<String>,
    result: UserResult,
}

/// The results of one user.
#[derive(Debug, Default)]
pub(crate) struct UserResult {
    pub(crate) log: UserLog,
    /// The answer to the payment.
    pub(crate) paid: Option<Value>,
    pub(crate) balance: i64,
    /// The number of repeated requests.
    pub(crate) repeats: usize,
    /// The number of times that a place was shown to be as before a crash.
    pub(crate) came_back: usize,
}

/// True if the client must send the same request again after this answer.
fn must_be_repeated(reply: &Reply) -> bool {
    // The first of two requests may still run, for example on a connection that its client gave up.
    let in_progress = "/problems/request-in-progress";
    match reply.status {
        // 408: a connection that was open for too long without a request.
        408 | 503 => true,
        409 => reply.json["type"] == in_progress,
        _ => false,
    }
}

/// The result of a step.
enum Step {
    Done,
    /// The place is not active any more: a crash has put its user back into the line.
    PlaceLost,
    SoldOut,
}

impl SharedSale {
    /// Waits until a user must repeat a request, from now on.
    pub(crate) async fn wait_for_a_repeat(&self) -> Result<()> {
        let before = self.repeats.load(Ordering::Relaxed);
        eventually("a user repeats a request", SOON, async || {
            let now = self.repeats.load(Ordering::Relaxed);
            Ok((now > before).then_some(()))
        })
        .await
    }
}

impl RetryingUser {
    pub(crate) fn new(
        number: usize,
        sale: Arc<SharedSale>,
        client: Client,
        random: Random,
    ) -> Self {
        Self {
            number,
            sale,
            client,
            random,
            place: Value::Null,
            wanted: None,
            reservation: None,
            result: UserResult::default(),
        }
    }

    /// Charges, joins, waits, holds and pays, or learns that all seats are gone.
    pub(crate) async fn run(mut self) -> Result<UserResult> {
        let charge = self
            .client
            .post("/v1/points/charges")
            .idempotency_key("charge");
        let charge = charge.json(&json!({"amount": CHARGE}));
        self.ask(charge).await?.1.expect_status(201)?;
        if self.join().await? {
            while self.wait().await? {
                match self.buy().await? {
                    Step::Done => break,
                    Step::PlaceLost => {}
                    Step::SoldOut => {
                        self.leave().await?;
                        break;
                    }
                }
            }
        }
        let points = self
            .ask(self.client.get("/v1/points"))
            .await?
            .1
            .expect_status(200)?;
        self.result.balance = points.at("/balance")?.as_i64().context("a number")?;
        Ok(self.result)
    }

    /// Sends a request until it is answered. Also returns the run of the program that answered.
    async fn ask(&mut self, request: Request) -> Result<(AnsweredIn, Reply)> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let run = self.sale.runs.now();
            match request.clone().await {
                Ok(reply) if !must_be_repeated(&reply) => {
                    let answered = AnsweredIn {
                        sent_in: run,
                        is_certain: self.sale.runs.now() == run,
                    };
                    return Ok((answered, reply));
                }
                Ok(reply) => {
                    let says_when = reply.header("retry-after").is_some();
                    ensure!(reply.status == 408 || says_when, "{reply:?}");
                    last = reply.text;
                }
                Err(error) if self.sale.is_never_killed => return Err(error),
                Err(error) => last = format!("{error:#}"),
            }
            self.result.repeats += 1;
            self.sale.repeats.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(self.random.between(30, 90))).await;
        }
        bail!("no answer, at last: {last}")
    }

    fn token(&self) -> Option<&str> {
        self.place["queue_token"].as_str()
    }

    fn with_token(&self, request: Request) -> Request {
        match self.token() {
            Some(token) => request.queue_token(token),
            None => request,
        }
    }

    /// Joins. Returns false if the concert is sold out.
    async fn join(&mut self) -> Result<bool> {
        let join = self.client.post("/v1/queue/tokens");
        let join = join.json(&json!({"concert_id": self.sale.concert}));
        let (answered, joined) = self.ask(self.with_token(join)).await?;
        match joined.status {
            200 | 201 => {
                self.accept_place(answered, joined.json, joined.status == 201)?;
                Ok(true)
            }
            409 => {
                ensure!(
                    joined.text_at("/type")? == "/problems/sold-out",
                    "{joined:?}"
                );
                Ok(false)
            }
            _ => bail!("an unexpected answer to a join: {joined:?}"),
        }
    }

    /// Accepts a place in an answer. It must be the same as before.
    fn accept_place(&mut self, answered: AnsweredIn, place: Value, joined_now: bool) -> Result<()> {
        if !self.place.is_null() {
            ensure!(
                place["joined_at"] == self.place["joined_at"],
                "another place: {place} after {}",
                self.place
            );
            let again = place["queue_token"] != self.place["queue_token"];
            self.result.came_back += usize::from(again);
        }
        self.result.log.record(answered, &place, joined_now)?;
        self.place = place;
        Ok(())
    }

    /// Waits to be admitted. Returns false if the concert is sold out before that.
    async fn wait(&mut self) -> Result<bool> {
        loop {
            let (answered, looked) = self
                .ask(self.with_token(self.client.get("/v1/queue/token")))
                .await?;
            // No place ends during the test before its user has bought or left.
            self.accept_place(answered, looked.expect_status(200)?.json, false)?;
            if self.place["state"] == "active" {
                return Ok(true);
            }
            if self.place["queue"]["sold_out"] == true {
                ensure!(self.reservation.is_none(), "sold out with a hold unpaid");
                return Ok(false);
            }
            let pause = self.place["poll_after_ms"].as_u64().unwrap_or(50);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn buy(&mut self) -> Result<Step> {
        if self.reservation.is_none() {
            let step = self.hold().await?;
            if !matches!(step, Step::Done) {
                return Ok(step);
            }
        }
        let reservation = self.reservation.as_deref().context("it is held")?;
        let path = format!("/v1/reservations/{reservation}/payment");
        let pay = self.with_token(self.client.post(&path).idempotency_key("payment"));
        let (_, paid) = self.ask(pay.clone()).await?;
        if paid.status == 429 {
            return Ok(Step::PlaceLost);
        }
        let paid = paid.expect_status(200)?;
        ensure!(paid.text_at("/state")? == "confirmed" && *paid.at("/charged")? == PRICE);
        let (_, again) = self.ask(pay).await?;
        ensure!(
            again.json == paid.json,
            "a repeat gets the same answer: {again:?}"
        );
        self.result.paid = Some(paid.json);
        Ok(Step::Done)
    }

    /// Holds one of the seats that are shown as available, until there is none.
    async fn hold(&mut self) -> Result<Step> {
        let SharedSale {
            concert,
            performance,
            ..
        } = &*self.sale;
        let seats = format!("/v1/concerts/{concert}/performances/{performance}/seats");
        let performance = performance.clone();
        let mut refused = HashSet::new();
        loop {
            if self.wanted.is_none() {
                let (_, map) = self.ask(self.with_token(self.client.get(&seats))).await?;
                if map.status == 429 {
                    return Ok(Step::PlaceLost);
                }
                self.wanted = pick_seat(&map.expect_status(200)?, &refused, self.number)?;
            }
            let Some(wanted) = self.wanted.clone() else {
                return Ok(Step::SoldOut);
            };
            let request = self.client.post("/v1/reservations");
            let request = request.json(&json!({"performance_id": performance, "seats": [wanted]}));
            let (_, held) = self.ask(self.with_token(request)).await?;
            match held.status {
                // 200 when the first answer was lost.
                200 | 201 => {
                    self.reservation = Some(held.text_at("/id")?.to_owned());
                    return Ok(Step::Done);
                }
                409 => {
                    ensure!(
                        held.text_at("/type")? == "/problems/seats-taken",
                        "{held:?}"
                    );
                    refused.insert(wanted);
                    self.wanted = None;
                }
                429 => return Ok(Step::PlaceLost),
                _ => bail!("an unexpected answer to a hold: {held:?}"),
            }
        }
    }

    async fn leave(&mut self) -> Result<()> {
        let (_, left) = self
            .ask(self.with_token(self.client.delete("/v1/queue/token")))
            .await?;
        // 410 when the first answer was lost.
        ensure!([204, 410].contains(&left.status), "{left:?}");
        Ok(())
    }
}
