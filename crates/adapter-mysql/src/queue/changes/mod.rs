//! What changes a queue on behalf of its users: batches of requests that share a transaction.

mod batch;
mod decisions;
mod requests;
mod transaction;

pub(super) use self::{
    batch::Batches,
    decisions::place,
    requests::{Answer, Request},
};
