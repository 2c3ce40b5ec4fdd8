//! Requests that change a queue: batches that share a transaction.

mod batch;
mod decisions;
mod requests;
mod transaction;

pub(super) use self::{
    batch::Batches,
    decisions::place,
    requests::{Answer, Request},
};
