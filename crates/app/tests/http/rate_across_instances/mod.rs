//! Several instances with one queue keep its limits and its order, whatever happens to the
//! instances.
//!
//! Users join at all instances, some before the queue opens and most while it admits. The result is
//! judged from the store's own [record](crate::stores::QueueRecord), read again and again, and from
//! the [answers](history::Seen::told) to users: never more than N per window or M at once, strictly
//! in the order of arrival, no user twice, no user lost. That the
//! [judgement](violations::violations) can fail is [tested](planted) too.

mod disturbance;
mod evening;
mod guest;
mod history;
mod house;
mod planted;
mod reached;
mod violations;

use std::env;

use anyhow::Result;

use self::{
    disturbance::Disturbance,
    evening::Evening,
    violations::{Limits, Throughput},
};
use crate::stores::Stores;

/// The number of users who come.
const PEOPLE_VARIABLE: &str = "FRONTROW_EXACTNESS_PEOPLE";
const PEOPLE: usize = 2_000;
/// One in this many users is admitted in each window.
const WINDOWS: usize = 20;
const INTERVAL_US: i64 = 500_000;
/// One in this many users may be active at once: more than a window admits. So with both limits,
/// sometimes the one and sometimes the other is reached.
const WAVES: usize = 8;

/// Makes one test of each function for every store that instances share.
macro_rules! on_every_shared_store {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_store!(@mysql_queue MYSQL_QUEUE: $($name),*);
        $crate::on_every_store!(@redis MYSQL_AND_REDIS: $($name),*);
    };
}

on_every_shared_store!(
    throughput_alone_is_exact,
    capacity_alone_is_exact,
    both_limits_at_once_are_exact,
    instances_that_are_killed_leave_the_queue_exact,
    instances_whose_clocks_differ_leave_the_queue_exact,
);

fn people() -> usize {
    let given = env::var(PEOPLE_VARIABLE).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(PEOPLE)
}

fn both() -> Limits {
    let throughput = Throughput {
        admit: people() / WINDOWS,
        interval_us: INTERVAL_US,
    };
    Limits {
        throughput: Some(throughput),
        max_active: Some(people() / WAVES),
    }
}

async fn throughput_alone_is_exact(stores: Stores) -> Result<()> {
    let limits = Limits {
        max_active: None,
        ..both()
    };
    Evening::of(stores, limits, Disturbance::None).await
}

async fn capacity_alone_is_exact(stores: Stores) -> Result<()> {
    let limits = Limits {
        throughput: None,
        ..both()
    };
    Evening::of(stores, limits, Disturbance::None).await
}

async fn both_limits_at_once_are_exact(stores: Stores) -> Result<()> {
    Evening::of(stores, both(), Disturbance::None).await
}

async fn instances_that_are_killed_leave_the_queue_exact(stores: Stores) -> Result<()> {
    Evening::of(stores, both(), Disturbance::Kills).await
}

async fn instances_whose_clocks_differ_leave_the_queue_exact(stores: Stores) -> Result<()> {
    Evening::of(stores, both(), Disturbance::WrongClocks).await
}
