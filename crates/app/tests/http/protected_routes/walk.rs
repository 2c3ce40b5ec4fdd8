//! A walk from one protected route to the next.

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, Method, Reply};
use serde_json::{Value, json};

use super::{
    routes::{Route, Subject},
    tokens::{self, CURRENT, PREVIOUS},
};
use crate::{
    buyer::Buyer,
    stores::{Stores, Totals},
    test_app::{TestApp, on_sale},
};

/// A program with two concerts on sale, and the protected routes in its document.
pub(super) struct Walk {
    pub(super) test_app: TestApp,
    stores: Stores,
    pub(super) other_concert: String,
    pub(super) other_performance: String,
    protected: Vec<Route>,
}

/// The reservations, payments and sales.
#[derive(Debug, PartialEq)]
pub(super) struct State {
    sales: [Vec<Value>; 2],
    totals: Totals,
}

impl Walk {
    /// A walk at a program whose concert has a queue with this policy.
    pub(super) async fn begin(stores: Stores, policy: Value) -> Result<Self> {
        // Users are identified by X-User-Id, or by a signed identity.
        let config = tokens::configure(stores.config().await?, &[CURRENT, PREVIOUS])
            .env("FRONTROW_IDENTITY__TRUST_X_USER_ID", "true");
        let test_app = TestApp::open_with(config, 2, 10, policy).await?;
        let (other_concert, other_performance) = on_sale(&test_app.app, 2, 10, json!({})).await?;
        let protected = Route::with_access(&test_app.app.client(), "protected").await?;
        let walk = Self {
            test_app,
            stores,
            other_concert,
            other_performance,
            protected,
        };
        walk.knows_the_routes_that_must_be_protected()?;
        Ok(walk)
    }

    /// Lists routes, so that a route whose protection was forgotten is noticed.
    fn knows_the_routes_that_must_be_protected(&self) -> Result<()> {
        let names: Vec<_> = self.protected.iter().map(Route::to_string).collect();
        for name in [
            "GET /v1/concerts/{concert_id}/performances",
            "GET /v1/concerts/{concert_id}/performances/{performance_id}/seats",
            "POST /v1/reservations",
            "POST /v1/reservations/{reservation_id}/payment",
        ] {
            ensure!(
                names.iter().any(|known| known == name),
                "{name} is not protected: {names:?}"
            );
        }
        Ok(())
    }

    /// The ids of what `buyer` holds. A hold is requested for a free seat.
    pub(super) fn about(&self, buyer: &Buyer) -> Subject {
        Subject {
            concert: self.test_app.concert.clone(),
            performance: self.test_app.performance.clone(),
            reservation: buyer.reservation.clone(),
            seat: "R2-10".into(),
            key: "a key of the walk".into(),
        }
    }

    /// Requests every protected route as `client`. Each must refuse with this status and problem,
    /// and nothing may change.
    pub(super) async fn is_refused(
        &self,
        case: &str,
        client: &Client,
        about: &Subject,
        (status, slug): (u16, &str),
    ) -> Result<Vec<Reply>> {
        let before = self.state().await?;
        let mut replies = Vec::new();
        for route in &self.protected {
            let what = format!("{case}: {route}");
            let reply = route.request(client, about)?.await?;
            problem(&reply, status, slug).with_context(|| what.clone())?;
            if route.method == Method::GET {
                // The same handler serves HEAD, so HEAD must not get around the gate.
                let head = route.request_as(Method::HEAD, client, about)?.await?;
                head.expect_status(status).context(what)?;
            }
            replies.push(reply);
        }
        ensure!(self.state().await? == before, "{case}: something changed");
        Ok(replies)
    }

    /// Requests every protected route as `client`, whose user is `buyer`. Each must let the request
    /// pass. The last one is the payment, which ends the place.
    pub(super) async fn passes(&self, case: &str, client: &Client, buyer: &Buyer) -> Result<()> {
        let mut about = self.about(buyer);
        about.seat.clone_from(&buyer.seat); // a repeated request for the same seats is no new hold
        for route in &self.protected {
            let reply = route.request(client, &about)?.await?;
            reply
                .expect_status(200)
                .with_context(|| format!("{case}: {route}"))?;
        }
        Ok(())
    }

    /// The state that a request could change.
    pub(super) async fn state(&self) -> Result<State> {
        Ok(State {
            sales: [
                self.test_app.sales().await?,
                self.test_app.sales_of(&self.other_concert).await?,
            ],
            totals: self.stores.totals(&self.test_app.app).await?,
        })
    }
}

/// Checks that `reply` is this problem, in the format of all problems.
pub(super) fn problem(reply: &Reply, status: u16, slug: &str) -> Result<()> {
    ensure!(
        reply.status == status && reply.json["type"] == format!("/problems/{slug}"),
        "instead of {status} {slug}: {} {}",
        reply.status,
        reply.text
    );
    ensure!(
        reply.header("content-type") == Some("application/problem+json")
            && reply.json["status"] == status
            && reply.header("www-authenticate").is_some() == (status == 401),
        "no good problem document: {reply:?}"
    );
    Ok(())
}
