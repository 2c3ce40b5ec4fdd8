//! Look-ups of waiting users in a queue that moves at the default pace, and joins behind them.

use anyhow::Result;

use super::{
    against_bare::{self, Steady},
    joining::Joining,
    queues::{IS_WAITING, Queue},
    stage::{Stages, expects},
};
use crate::{
    cli::Backend,
    client::Feed,
    measure::{BARE, compare},
    report::{Bar, Due, Row},
};

/// Measures the rows of this group.
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

    let looked = against_bare::cost("look-up while waiting: cost", "bare", BARE, &looked);
    let joined = against_bare::cost("join: cost", "bare", BARE, &joined);
    Ok(match stages.backend {
        Backend::Mysql => vec![looked, joined],
        Backend::Redis | Backend::Embedded => vec![
            looked.bar(Bar::AtMost(1.35), Due::Later),
            joined.bar(Bar::AtMost(3.0), Due::Later),
        ],
    })
}
