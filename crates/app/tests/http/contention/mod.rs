//! Many people who want the same thing at the same moment, of several processes on one MySQL database.
//!
//! Each file has one race. First it is shown to happen: [`Unguarded`](unguarded::Unguarded) statements, which
//! say nothing of what they take for granted, run into each other step by step, so that no luck is needed.
//! Where the schema refuses them, that is shown too. Then the product goes through the same over HTTP, and
//! it does not happen.
//!
//! What happened is judged from the [`Records`](records::Records), what the database has in the end: the
//! [contradictions](records::Records::contradictions) that careless statements leave there are not there
//! after the product's, and every [answer](records::Records::assert_consistent_with) that somebody got is true.

mod box_office;
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
mod sweeps;
mod unguarded;

use diesel::{QueryResult, result::Error};

/// A statement failed, with a text that has this in it: the name of a key or check, say.
fn refused_by(result: QueryResult<()>, what: &str) -> anyhow::Result<()> {
    match result {
        Err(Error::DatabaseError(_, text)) if text.message().contains(what) => Ok(()),
        other => anyhow::bail!("should be refused by {what}: {other:?}"),
    }
}
