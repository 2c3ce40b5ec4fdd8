//! A user who joins the queue and polls.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Client, Reply};
use serde_json::json;

use super::{
    history::Seen,
    instance_group::{InstanceGroup, SEATS_A_ROW},
};
use crate::test_app::PRICE;

/// One in this many users joins twice, and pays for a seat instead of leaving.
pub(super) const ONE_IN: usize = 10;

/// A user with a place.
#[derive(Debug, Clone)]
pub(super) struct PollingUser {
    pub(super) number: usize,
    pub(super) name: String,
    token: String,
}

impl PollingUser {
    pub(super) fn name(number: usize) -> String {
        format!("user-{number:05}")
    }

    /// Joins. Some users then join again at another instance, and get the place that they have.
    pub(super) async fn join(group: &InstanceGroup, number: usize) -> Result<(Self, Vec<Seen>)> {
        let name = Self::name(number);
        let concert = json!({"concert_id": group.concert});
        let joining = |client: &Client| client.user(&name).post("/v1/queue/tokens").json(&concert);
        let joined = group.ask(number, joining).await?.expect(201, 200)?;
        let mut seen = vec![Seen::from_answer(&name, &joined.json)?];
        let token = joined.text_at("/queue_token")?.to_owned();
        if number.is_multiple_of(ONE_IN) {
            let held = group.ask(number + 1, joining).await?;
            let held = held.reply.expect_status(200)?;
            ensure!(held.text_at("/queue_token")? == token, "another token");
            seen.push(Seen::from_answer(&name, &held.json)?);
        }
        let user = Self {
            number,
            name,
            token,
        };
        Ok((user, seen))
    }

    /// Looks the place up.
    pub(super) async fn look_up(&self, group: &InstanceGroup) -> Result<Seen> {
        let place = group.ask(self.number, |client| {
            client.get("/v1/queue/token").queue_token(&self.token)
        });
        let place = place.await?.reply.expect_status(200)?;
        Seen::from_answer(&self.name, &place.json)
    }

    /// Looks the place up once more, and gives it back: by paying for a seat, or by leaving. The
    /// request goes to the instance after the one of the join, so that no instance answers from its
    /// cache.
    pub(super) async fn leave_or_pay(&self, group: &InstanceGroup) -> Result<Seen> {
        if self.number.is_multiple_of(ONE_IN) {
            let reservation = self.hold(group).await?;
            let seen = self.look_up(group).await?;
            self.pay(group, &reservation).await?;
            return Ok(seen);
        }
        let seen = self.look_up(group).await?;
        let left = group.ask(self.number + 1, |client| {
            client.delete("/v1/queue/token").queue_token(&self.token)
        });
        left.await?.expect(204, 410)?;
        Ok(seen)
    }

    async fn hold(&self, group: &InstanceGroup) -> Result<String> {
        let points = json!({"amount": PRICE});
        let charged = group.ask(self.number, |client| {
            let charge = client.user(&self.name).post("/v1/points/charges");
            charge.idempotency_key("charge").json(&points)
        });
        charged.await?.reply.expect_status(201)?;
        let seat = self.number / ONE_IN;
        let (row, seat) = (seat / SEATS_A_ROW + 1, seat % SEATS_A_ROW + 1);
        let wanted = json!({
            "performance_id": group.performance, "seats": [format!("R{row}-{seat}")],
        });
        let held = group.ask(self.number, |client| {
            let hold = client.user(&self.name).post("/v1/reservations");
            hold.queue_token(&self.token).json(&wanted)
        });
        let held: Reply = held.await?.expect(201, 200)?;
        Ok(held.text_at("/id")?.to_owned())
    }

    async fn pay(&self, group: &InstanceGroup, reservation: &str) -> Result<()> {
        let path = format!("/v1/reservations/{reservation}/payment");
        let paid = group.ask(self.number + 1, |client| {
            let pay = client.user(&self.name).post(&path).queue_token(&self.token);
            pay.idempotency_key("payment")
        });
        paid.await?.reply.expect_status(200)?;
        Ok(())
    }
}
