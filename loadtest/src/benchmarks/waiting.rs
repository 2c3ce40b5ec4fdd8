//! Look-ups of waiting users in a queue that moves at the default pace, and joins behind them.

use anyhow::Result;

use super::{
    against_bare::{self, SteadyLoad},
    joining::Joining,
    queues::{IS_WAITING, Queue},
    test_bed::{Environment, expects},
};
use crate::{
    cli::Backend,
    client::Workload,
    measure::{BARE, compare},
    report::{Bar, Due, Row},
};

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let test_bed = environment.start_program().await?;
    let queue = Queue::waiting(&test_bed, test_bed.settings.users).await?;
    queue.settle(&test_bed).await?;

    let workload = Workload::repeating(queue.look_ups());
    let mut subject = SteadyLoad(test_bed.load(workload, expects(200, IS_WAITING))?);
    let mut reference = SteadyLoad(test_bed.bare_load(queue.bare_look_ups()));
    let look_ups = compare(
        test_bed.plan(),
        &test_bed.meter,
        &mut subject,
        &mut reference,
    )
    .await?;

    let mut subject = Joining::at(&test_bed, &queue.concert);
    let mut reference = SteadyLoad(test_bed.bare_load(subject.bare()?));
    let joins = compare(
        test_bed.plan(),
        &test_bed.meter,
        &mut subject,
        &mut reference,
    )
    .await?;

    let look_ups = against_bare::cost("look-up while waiting: cost", "bare", BARE, &look_ups);
    let joins = against_bare::cost("join: cost", "bare", BARE, &joins);
    Ok(match environment.backend {
        Backend::Mysql => vec![look_ups, joins],
        Backend::Redis | Backend::Embedded => vec![
            look_ups.bar(Bar::AtMost(1.35), Due::Later),
            joins.bar(Bar::AtMost(3.0), Due::Later),
        ],
    })
}
