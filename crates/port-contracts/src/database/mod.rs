//! The contracts of a database: one file for each subject, one function for each promise.
//!
//! `database_contracts!` makes a test of each of them. They share `TestSale`, which sells the
//! seats of one performance through the ports. Real time goes on while a contract runs, so spans
//! are chosen such that a few seconds more change nothing.

pub mod books;
pub mod catalogue;
pub mod charges;
pub mod concurrent_holds;
pub mod concurrent_payments;
pub mod counting;
pub mod creating;
pub mod currency;
pub mod deleting;
pub mod editing;
pub mod ends;
pub mod first_edition;
pub mod hold_refusals;
pub mod holds;
pub mod keys;
pub mod lists;
pub mod payment_refusals;
pub mod payments;
pub mod policies;
pub mod rankings;
pub mod releases;
pub mod reopening;
pub mod seat_plan_edits;
pub mod served;
pub mod stops;
pub mod turns;

mod calls;
mod suite;
mod test_sale;
#[cfg(test)]
mod tests;

use std::time::Duration;

use frontrow_domain::model::{Amount, SeatLabel};
use jiff::SignedDuration;
pub(crate) use test_sale::{HOLD, TestSale, operator, seats, user};
use tokio::task::JoinSet;

use crate::{DatabasePorts, Fixture};

/// A fixture of a database.
pub trait DatabaseFixture: Fixture<Ports = DatabasePorts> {}

impl<F: Fixture<Ports = DatabasePorts>> DatabaseFixture for F {}

/// Returns an amount of money.
pub(crate) fn amount(minor_units: i64) -> Amount {
    Amount::try_from(minor_units).expect("an amount")
}

/// Returns the label of a seat.
pub(crate) fn label(name: &str) -> SeatLabel {
    name.parse().expect("a label")
}

/// Returns a span with a sign.
pub(crate) fn signed(span: Duration) -> SignedDuration {
    span.try_into().expect("a short span")
}

/// Runs all these calls at once, and returns their results in no particular order.
pub(crate) async fn at_once<T: Send + 'static>(
    calls: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    calls.into_iter().collect::<JoinSet<T>>().join_all().await
}
