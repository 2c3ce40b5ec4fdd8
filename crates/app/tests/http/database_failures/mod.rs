//! The database fails in every known way while users buy. Their requests are answered 503 with
//! `Retry-After`, no user is harmed, and the program recovers by itself.

mod at_start;
mod browsing;
mod commits;
mod crowd;
mod full_pool;
mod network;
mod outages;
mod schemas;
mod shaky_stage;
mod two_programs;

pub(crate) use self::shaky_stage::{impatient, is_told_to_come_back};
use self::{
    crowd::{Crowd, SLOWLY},
    shaky_stage::{SOON, ShakyStage},
};
