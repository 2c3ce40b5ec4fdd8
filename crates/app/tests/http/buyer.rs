//! Users who have everything for a purchase except the payment.

use anyhow::Result;
use frontrow_test_harness::{Client, Reply, Request};

use crate::test_app::{PRICE, TestApp, Visitor};

/// A user with an active place, a held seat, and the points for three such seats.
pub(crate) struct Buyer {
    /// Sends the queue token with every request.
    pub(crate) visitor: Visitor,
    pub(crate) reservation: String,
    pub(crate) seat: String,
}

impl Buyer {
    /// The balance of a buyer, in points.
    pub(crate) const POINTS: i64 = 3 * PRICE;

    /// A user who joined, holds `seat` and has charged.
    pub(crate) async fn at(test_app: &TestApp, name: &str, seat: &str) -> Result<Self> {
        let buyer = Self::without_points(test_app, name, seat).await?;
        let charged = buyer.visitor.charge(Self::POINTS, "first charge").await?;
        charged.expect_status(201)?;
        Ok(buyer)
    }

    /// A user who joined and holds `seat`, without points.
    pub(crate) async fn without_points(test_app: &TestApp, name: &str, seat: &str) -> Result<Self> {
        let visitor = test_app.join(name).await?;
        let held = visitor.hold(test_app, &[seat]).await?.expect_status(201)?;
        Ok(Self {
            visitor,
            reservation: held.text_at("/id")?.to_owned(),
            seat: seat.to_owned(),
        })
    }

    /// The queue token.
    pub(crate) fn token(&self) -> &str {
        self.visitor.place["queue_token"]
            .as_str()
            .unwrap_or_default()
    }

    /// Pays for the held seat.
    pub(crate) async fn pay(&self, key: &str) -> Result<Reply> {
        self.visitor.pay(&self.reservation, key).await
    }

    /// The request of `client` that pays for the held seat.
    pub(crate) fn payment_by(&self, client: &Client, key: &str) -> Request {
        client
            .post(&format!("/v1/reservations/{}/payment", self.reservation))
            .idempotency_key(key)
    }
}
