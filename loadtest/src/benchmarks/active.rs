//! The gate and look-ups of active users.

use anyhow::Result;

use super::{
    against_bare::{self, SteadyLoad},
    queues::{IS_ACTIVE, IS_SHOWN, Queue},
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
    let queue = Queue::active(&test_bed, test_bed.settings.users).await?;
    queue.claim(&test_bed).await?;

    let workload = Workload::repeating(queue.gate_requests());
    let mut subject = SteadyLoad(test_bed.load(workload, expects(200, IS_SHOWN))?);
    let mut reference = SteadyLoad(test_bed.bare_load(queue.bare_gate_requests()));
    let gate = compare(
        test_bed.plan(),
        &test_bed.meter,
        &mut subject,
        &mut reference,
    )
    .await?;

    let workload = Workload::repeating(queue.look_ups());
    let mut subject = SteadyLoad(test_bed.load(workload, expects(200, IS_ACTIVE))?);
    let mut reference = SteadyLoad(test_bed.bare_load(queue.bare_look_ups()));
    let look_ups = compare(
        test_bed.plan(),
        &test_bed.meter,
        &mut subject,
        &mut reference,
    )
    .await?;

    let look_ups = against_bare::cost("look-up while active: cost", "bare", BARE, &look_ups);
    let gate = against_bare::cost("gate (performances): cost", "bare", BARE, &gate);
    Ok(match environment.backend {
        Backend::Mysql => vec![look_ups, gate],
        Backend::Redis | Backend::Embedded => vec![
            look_ups.bar(Bar::AtMost(1.8), Due::Later),
            gate.bar(Bar::AtMost(2.0), Due::Later),
        ],
    })
}
