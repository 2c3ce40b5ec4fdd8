//! Checks that the answers to users agree with the database.

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::Reply;
use serde_json::{Value, json};

use super::records::{Records, Reservation};
use crate::lifetimes::instant;

impl Records {
    /// Errors if the records have contradictions.
    pub(super) fn ensure_sound(&self) -> Result<()> {
        let contradictions = self.contradictions();
        ensure!(contradictions.is_empty(), "{contradictions:#?}");
        Ok(())
    }

    /// Checks that the last answer to `user` about a reservation agrees with the records.
    ///
    /// `id` is the reservation in the request. None for a hold, whose answer contains it.
    pub(super) fn assert_consistent_with(
        &self,
        user: &str,
        id: Option<&str>,
        answer: &Reply,
    ) -> Result<()> {
        self.check(user, id, answer)
            .with_context(|| format!("{user} got {} {}", answer.status, answer.text))
    }

    fn check(&self, user: &str, id: Option<&str>, answer: &Reply) -> Result<()> {
        let problem = answer.json["type"].as_str().unwrap_or_default();
        match (answer.status, problem) {
            (200 | 201, _) => return self.is_as_answered(user, answer),
            (409, "/problems/seats-taken") => return self.are_taken(user, &answer.json["seats"]),
            _ => {}
        }
        let reservation = self.reservation(id.context("no answer to a hold")?)?;
        ensure!(reservation.user_id == user, "it is another user's");
        let state = reservation.state.as_str();
        let so = match (answer.status, problem) {
            (204, _) => state == "cancelled",
            (410, "/problems/hold-over") => reservation.is_over(self.now),
            // A place ends with the payment.
            (409, "/problems/already-paid") | (410, "/problems/place-gone") => state == "confirmed",
            _ => bail!("no request may get this answer"),
        };
        ensure!(so, "{reservation:?}");
        Ok(())
    }

    /// Checks that the reservation is as in the answer, except for changes by the passing of time.
    fn is_as_answered(&self, user: &str, answer: &Reply) -> Result<()> {
        let reservation = self.reservation(answer.text_at("/id")?)?;
        ensure!(reservation.user_id == user, "it is another user's");
        let labels: Vec<_> = reservation.seats().into_iter().map(|(at, _)| at).collect();
        ensure!(*answer.at("/seats")? == json!(labels), "{reservation:?}");
        ensure!(
            *answer.at("/total")? == reservation.total,
            "{reservation:?}"
        );
        let until = microseconds(answer.at("/held_until")?)?;
        match answer.text_at("/state")? {
            "held" if until <= Some(self.now) => {
                ensure!(reservation.is_over(self.now), "{reservation:?}");
                return Ok(());
            }
            state => ensure!(reservation.state == state, "{reservation:?}"),
        }
        let confirmed = microseconds(answer.at("/confirmed_at")?)?;
        let ends = (reservation.held_until, reservation.confirmed_at);
        ensure!(ends == (until, confirmed), "{reservation:?}");
        if confirmed.is_some() {
            self.was_charged(reservation, answer)?;
        }
        Ok(())
    }

    fn was_charged(&self, reservation: &Reservation, answer: &Reply) -> Result<()> {
        let [payment] = self.payments_of(reservation)[..] else {
            bail!("it was not paid once");
        };
        ensure!(*answer.at("/charged")? == payment.amount, "{payment:?}");
        ensure!(
            *answer.at("/balance")? == payment.balance_after,
            "{payment:?}"
        );
        Ok(())
    }

    /// Checks that the named seats exist and are not the user's. Their users at that time may have
    /// lost them since.
    fn are_taken(&self, user: &str, seats: &Value) -> Result<()> {
        let seats = seats.as_array().filter(|seats| !seats.is_empty());
        for label in seats.context("no seats are named")? {
            let mut all = self.seats.iter();
            let seat = all.find(|seat| *label == seat.label.as_str());
            let seat = seat.with_context(|| format!("there is no {label}"))?;
            ensure!(seat.user_id.as_deref() != Some(user), "{label} is theirs");
        }
        Ok(())
    }
}

/// Microseconds since 1970. None for null.
fn microseconds(shown: &Value) -> Result<Option<i64>> {
    if shown.is_null() {
        return Ok(None);
    }
    Ok(Some(instant(shown)?.as_microsecond()))
}
