//! The gate and look-ups of active users.

use anyhow::Result;

use super::{
    against_bare::{self, Steady},
    queues::{IS_ACTIVE, IS_SHOWN, Queue},
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

    let looked = against_bare::cost("look-up while active: cost", "bare", BARE, &looked);
    let gate = against_bare::cost("gate (performances): cost", "bare", BARE, &gate);
    Ok(match stages.backend {
        Backend::Mysql => vec![looked, gate],
        Backend::Redis | Backend::Embedded => vec![
            looked.bar(Bar::AtMost(1.8), Due::Later),
            gate.bar(Bar::AtMost(2.0), Due::Later),
        ],
    })
}
