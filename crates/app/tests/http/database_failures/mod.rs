//! The database fails in every known way while users buy. Their requests are answered 503 with
//! `Retry-After`, no user loses a purchase or points, and the program recovers by itself.

mod at_start;
mod browsing;
mod buying_users;
mod commits;
mod faulty_database;
mod full_pool;
mod network;
mod outages;
mod schemas;
mod two_programs;

pub(crate) use self::faulty_database::{check_unavailable, with_short_timeouts};
use self::{
    buying_users::{BuyingUsers, slow_admission},
    faulty_database::{FaultyDatabase, SOON},
};
