//! Several instances with one queue keep its limits and its order, also while they are killed and
//! while their clocks differ.
//!
//! Users join at all instances, some before the queue opens and most while it admits. The result is
//! judged from the store's own [record](crate::stores::QueueRecord), read again and again, and from
//! the [answers](history::Seen::from_answer) to users: never more than N per window or M at once,
//! strictly in the order of arrival, no user twice, no user lost. That the
//! [judgement](violations::violations) can fail is [tested](planted) too.

mod disturbance;
mod history;
mod instance_group;
mod planted_violations;
mod polling_user;
mod reached;
mod sale_run;
mod violations;

use std::env;

use anyhow::Result;

use self::{
    disturbance::Disturbance,
    sale_run::SaleRun,
    violations::{Limits, Throughput},
};
use crate::stores::Stores;

/// The variable with the number of users, and its default.
const USERS_VARIABLE: &str = "FRONTROW_EXACTNESS_PEOPLE";
const USERS: usize = 2_000;
/// One in this many users is admitted in each window.
const WINDOWS: usize = 20;
const INTERVAL_US: i64 = 500_000;
/// One in this many users may be active at once: more than a window admits. So with both limits,
/// each of them is reached at some time.
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

fn user_count() -> usize {
    let given = env::var(USERS_VARIABLE).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(USERS)
}

fn both() -> Limits {
    let throughput = Throughput {
        admit: user_count() / WINDOWS,
        interval_us: INTERVAL_US,
    };
    Limits {
        throughput: Some(throughput),
        max_active: Some(user_count() / WAVES),
    }
}

async fn throughput_alone_is_exact(stores: Stores) -> Result<()> {
    let limits = Limits {
        max_active: None,
        ..both()
    };
    SaleRun::of(stores, limits, Disturbance::None).await
}

async fn capacity_alone_is_exact(stores: Stores) -> Result<()> {
    let limits = Limits {
        throughput: None,
        ..both()
    };
    SaleRun::of(stores, limits, Disturbance::None).await
}

async fn both_limits_at_once_are_exact(stores: Stores) -> Result<()> {
    SaleRun::of(stores, both(), Disturbance::None).await
}

async fn instances_that_are_killed_leave_the_queue_exact(stores: Stores) -> Result<()> {
    SaleRun::of(stores, both(), Disturbance::Kills).await
}

async fn instances_whose_clocks_differ_leave_the_queue_exact(stores: Stores) -> Result<()> {
    SaleRun::of(stores, both(), Disturbance::WrongClocks).await
}
