//! An HTTP client that takes little processor time, because it shares the machine with what it
//! measures. Requests are serialized before a measurement, responses are parsed only as far as
//! needed, and connections stay open.

mod answer;
mod connection;
mod feed;
mod load;
mod polled;
mod pollers;
mod requests;
mod streams;
mod tally;

pub(crate) use self::{
    answer::Answer,
    connection::Connection,
    feed::Feed,
    load::{Judge, Load, Pace},
    polled::Polled,
    pollers::Pollers,
    requests::{Request, Requests},
    streams::{Arrival, Streams},
    tally::Tally,
};
