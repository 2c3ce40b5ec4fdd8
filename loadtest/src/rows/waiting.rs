//! Look-ups of people who wait, in a queue that moves at the default pace, and joins behind them.

use anyhow::Result;

use super::{
    against_bare::{self, Steady},
    joining::Joining,
    queues::{IS_WAITING, Queue},
    stage::{Stages, expects},
};
use crate::{client::Feed, measure::compare, report::Row};

/// Measures this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let stage = stages.set().await?;
    let queue = Queue::waiting(&stage, stage.settings.users).await?;
    queue.settle(&stage).await?;

    let feed = Feed::around(queue.look_ups());
    let mut ours = Steady(stage.load(feed, expects(200, IS_WAITING))?);
    let mut theirs = Steady(stage.bare_load(queue.bare_look_ups()));
    let looked = compare(stage.plan(), &stage.meter, &mut ours, &mut theirs).await?;

    let mut ours = Joining::at(&stage, &queue.concert);
    let mut theirs = Steady(stage.bare_load(ours.bare()?));
    let joined = compare(stage.plan(), &stage.meter, &mut ours, &mut theirs).await?;

    Ok(vec![
        against_bare::row("look-up while waiting ÷ bare route", 0.65, &looked),
        against_bare::row("join ÷ bare route", 0.40, &joined),
    ])
}
