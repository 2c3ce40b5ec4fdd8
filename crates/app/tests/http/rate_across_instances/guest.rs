//! A user who comes to the queue.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Client, Reply};
use serde_json::json;

use super::{
    history::Seen,
    house::{House, SEATS_A_ROW},
};
use crate::test_app::PRICE;

/// One in this many users joins twice, and one in this many of those who leave pays first.
pub(super) const ONE_IN: usize = 10;

/// A user with a place.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) number: usize,
    pub(super) name: String,
    token: String,
}

impl Guest {
    pub(super) fn name(number: usize) -> String {
        format!("guest-{number:05}")
    }

    /// Joins. Some users then join again at another door, and get the place that they have.
    pub(super) async fn join(house: &House, number: usize) -> Result<(Self, Vec<Seen>)> {
        let name = Self::name(number);
        let concert = json!({"concert_id": house.concert});
        let joining = |door: &Client| door.user(&name).post("/v1/queue/tokens").json(&concert);
        let joined = house.ask(number, joining).await?.expect(201, 200)?;
        let mut seen = vec![Seen::told(&name, &joined.json)?];
        let token = joined.text_at("/queue_token")?.to_owned();
        if number.is_multiple_of(ONE_IN) {
            let held = house.ask(number + 1, joining).await?;
            let held = held.reply.expect_status(200)?;
            ensure!(held.text_at("/queue_token")? == token, "another token");
            seen.push(Seen::told(&name, &held.json)?);
        }
        let guest = Self {
            number,
            name,
            token,
        };
        Ok((guest, seen))
    }

    /// Looks the place up.
    pub(super) async fn look_up(&self, house: &House) -> Result<Seen> {
        let place = house.ask(self.number, |door| {
            door.get("/v1/queue/token").queue_token(&self.token)
        });
        let place = place.await?.reply.expect_status(200)?;
        Seen::told(&self.name, &place.json)
    }

    /// Looks the place up once more, and gives it back: by paying for a seat, or by leaving. The
    /// request goes to the door after that of the join, so that no instance answers from its cache.
    pub(super) async fn go(&self, house: &House) -> Result<Seen> {
        if self.number.is_multiple_of(ONE_IN) {
            let reservation = self.hold(house).await?;
            let seen = self.look_up(house).await?;
            self.pay(house, &reservation).await?;
            return Ok(seen);
        }
        let seen = self.look_up(house).await?;
        let left = house.ask(self.number + 1, |door| {
            door.delete("/v1/queue/token").queue_token(&self.token)
        });
        left.await?.expect(204, 410)?;
        Ok(seen)
    }

    async fn hold(&self, house: &House) -> Result<String> {
        let points = json!({"amount": PRICE});
        let charged = house.ask(self.number, |door| {
            let charge = door.user(&self.name).post("/v1/points/charges");
            charge.idempotency_key("charge").json(&points)
        });
        charged.await?.reply.expect_status(201)?;
        let seat = self.number / ONE_IN;
        let (row, seat) = (seat / SEATS_A_ROW + 1, seat % SEATS_A_ROW + 1);
        let wanted = json!({
            "performance_id": house.performance, "seats": [format!("R{row}-{seat}")],
        });
        let held = house.ask(self.number, |door| {
            let hold = door.user(&self.name).post("/v1/reservations");
            hold.queue_token(&self.token).json(&wanted)
        });
        let held: Reply = held.await?.expect(201, 200)?;
        Ok(held.text_at("/id")?.to_owned())
    }

    async fn pay(&self, house: &House, reservation: &str) -> Result<()> {
        let path = format!("/v1/reservations/{reservation}/payment");
        let paid = house.ask(self.number + 1, |door| {
            let pay = door.user(&self.name).post(&path).queue_token(&self.token);
            pay.idempotency_key("payment")
        });
        paid.await?.reply.expect_status(200)?;
        Ok(())
    }
}
