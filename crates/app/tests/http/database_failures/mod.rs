//! The database fails under the running program, in every way that databases do, while people buy. They
//! are told to come back, nobody is the worse for it, and the program goes on by itself.

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
