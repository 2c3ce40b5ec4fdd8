//! Admits a hundred thousand users at once.

use std::time::Duration;

use anyhow::{Context, Result};
use frontrow_test_harness::eventually;
use serde_json::json;

use super::{
    places::Places,
    stage::{Stage, Stages},
};
use crate::{
    cli::Backend,
    figures::{exact, grouped},
    people::{Crowd, Person, Series},
    report::{Bar, Due, Row},
};

/// The number of users who are admitted.
const ADMITTED: u64 = 100_000;

/// The same for `--quick`.
const FEW: u64 = 10_000;

/// The limit after which the measurement fails.
const LIMIT: Duration = Duration::from_mins(2);

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let stage = stages.set().await?;
    let count = stages.settings.or_quick(ADMITTED, FEW);
    let paused = json!({ "state": "paused" });
    let concert = stage.program.concert("Admission", paused).await?;
    let crowd = Crowd {
        series: Series(1),
        first: 0,
        count,
        keep_every: 1,
        state: "waiting",
    };
    let people = stage.join(&concert, crowd).await?;
    let redis = (stages.backend == Backend::Redis)
        .then(|| stages.stores.redis())
        .transpose()?;
    if let Some(redis) = redis {
        redis.forget_latencies().await?;
    }
    // One window admits all of them.
    let open = json!({
        "state": "open",
        "throughput": { "admit": count, "interval_s": 3_600 },
    });
    stage.program.change_policy(&concert, &open).await?;
    wait_for_the_last(&stage, &people).await?;
    let script_p999 = match redis {
        Some(redis) => redis.script_p999().await?,
        None => None,
    };
    let places = Places::of(&stage, &people.iter().collect::<Vec<_>>()).await?;
    let mut rows = vec![row(stages, &places)];
    if redis.is_some() {
        let millis = script_p999.map(|time| time.as_secs_f64() * 1e3);
        rows.push(
            Row::new("p99.9 of a script call while they are admitted", millis)
                .unit("ms")
                .bar(Bar::AtMost(3.0), Due::Plan(8)),
        );
    }
    Ok(rows)
}

async fn wait_for_the_last(stage: &Stage, people: &[Person]) -> Result<()> {
    let last = people.last().context("no user has joined")?;
    eventually("the last user is admitted", LIMIT, async || {
        let (place, _) = stage.program.look_up(&last.token).await?;
        Ok((place.state == "active").then_some(()))
    })
    .await
}

fn row(stages: &Stages, places: &Places) -> Row {
    let admitted = &places.admitted_us;
    let took = admitted.first().zip(admitted.last());
    let took = took.map(|(first, last)| Duration::from_micros(last.abs_diff(*first)));
    let not_admitted = places.waiting + places.gone;
    let fault = (not_admitted > 0).then(|| format!("{not_admitted} users were not admitted"));
    let what = format!("admitting {} people", grouped(exact(admitted.len() as u64)));
    let row = Row::new(what, took.map(|took| took.as_secs_f64()))
        .unit("s")
        .less_is_better()
        .behind("from the first to the last admitted_at of their places")
        .fault(fault);
    match stages.backend {
        Backend::Redis => row.bar(Bar::AtMost(0.75), Due::Plan(8)),
        Backend::Embedded | Backend::Mysql => row,
    }
}
