//! An HTTP client that takes little processor time, because it shares the machine with what it
//! measures. Requests are serialized before a measurement, responses are parsed only as far as
//! needed, and connections stay open.

mod answer;
mod connection;
mod load;
mod poll_tally;
mod pollers;
mod requests;
mod streams;
mod tally;
mod workload;

pub(crate) use self::{
    answer::Answer,
    connection::Connection,
    load::{AnswerCheck, Load, Pace},
    poll_tally::PollTally,
    pollers::Pollers,
    requests::{Request, Requests},
    streams::{ReceivedEvent, Streams},
    tally::Tally,
    workload::Workload,
};
