//! Many users want the same thing at the same moment, from several processes on one MySQL database.
//!
//! Each file has one race. First it shows that the race happens:
//! [`Unguarded`](unguarded::Unguarded) statements, which do not check again what they assume,
//! interfere with each other step by step, so the result does not depend on timing. If the schema
//! refuses them, the test shows that too. Then the product runs the same race over HTTP, and the
//! race does not happen.
//!
//! The results are judged from the [`Records`](records::Records), the final content of the
//! database. It must not have the [contradictions](records::Records::contradictions) that unguarded
//! statements leave, and every [answer](records::Records::assert_consistent_with) to a user must be
//! true.

mod contradictions;
mod crowd;
mod one_balance;
mod one_payment;
mod one_seat;
mod overlapping_holds;
mod payment_and_expiry;
mod payment_and_release;
mod records;
mod responses_vs_records;
mod sale_instances;
mod sweeps;
mod unguarded;

use diesel::{QueryResult, result::Error};

/// Checks that a statement failed with an error that contains this text, such as the name of a key
/// or check.
fn refused_by(result: QueryResult<()>, what: &str) -> anyhow::Result<()> {
    match result {
        Err(Error::DatabaseError(_, text)) if text.message().contains(what) => Ok(()),
        other => anyhow::bail!("should be refused by {what}: {other:?}"),
    }
}
