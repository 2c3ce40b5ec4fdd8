//! The gate and look-ups of people who are active.

use anyhow::Result;

use super::{
    against_bare::{self, Steady},
    queues::{IS_ACTIVE, IS_SHOWN, Queue},
    stage::{Stages, expects},
};
use crate::{client::Feed, measure::compare, report::Row};

/// Measures this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let stage = stages.set().await?;
    let queue = Queue::active(&stage, stage.settings.users).await?;
    queue.claim(&stage).await?;

    let feed = Feed::around(queue.gate_requests());
    let mut ours = Steady(stage.load(feed, expects(200, IS_SHOWN))?);
    let mut theirs = Steady(stage.bare_load(queue.bare_gate_requests()));
    let gate = compare(stage.plan(), &stage.meter, &mut ours, &mut theirs).await?;

    let feed = Feed::around(queue.look_ups());
    let mut ours = Steady(stage.load(feed, expects(200, IS_ACTIVE))?);
    let mut theirs = Steady(stage.bare_load(queue.bare_look_ups()));
    let looked = compare(stage.plan(), &stage.meter, &mut ours, &mut theirs).await?;

    Ok(vec![
        against_bare::row("look-up while active ÷ bare route", 0.55, &looked),
        against_bare::row("gate (performances) ÷ bare route", 0.55, &gate),
    ])
}
