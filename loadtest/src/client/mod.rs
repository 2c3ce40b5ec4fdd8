//! A client that costs little, since it shares the processors with what it measures: requests are bytes
//! made beforehand, answers are read as far as they must be, connections stay open.

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
