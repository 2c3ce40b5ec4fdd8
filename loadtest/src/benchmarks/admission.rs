//! The admission of a hundred thousand users at once.

use std::time::Duration;

use anyhow::{Context, Result};
use frontrow_test_harness::eventually;
use serde_json::json;

use super::{
    places::Places,
    test_bed::{Environment, TestBed},
};
use crate::{
    cli::Backend,
    figures::{exact, grouped},
    report::{Bar, Due, Row},
    users::{Cohort, Series, User},
};

/// The number of admitted users.
const ADMITTED: u64 = 100_000;

/// The number of admitted users for `--quick`.
const ADMITTED_QUICK: u64 = 10_000;

/// The limit after which the measurement fails.
const LIMIT: Duration = Duration::from_mins(2);

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let test_bed = environment.start_program().await?;
    let count = environment.settings.or_quick(ADMITTED, ADMITTED_QUICK);
    let paused = json!({ "state": "paused" });
    let concert = test_bed.program.concert("Admission", paused).await?;
    let cohort = Cohort {
        series: Series(1),
        first: 0,
        count,
        keep_every: 1,
        state: "waiting",
    };
    let users = test_bed.join(&concert, cohort).await?;
    let redis = (environment.backend == Backend::Redis)
        .then(|| environment.stores.redis())
        .transpose()?;
    if let Some(redis) = redis {
        redis.reset_statistics().await?;
    }
    // One window admits all of them.
    let open = json!({
        "state": "open",
        "throughput": { "admit": count, "interval_s": 3_600 },
    });
    test_bed.program.change_policy(&concert, &open).await?;
    wait_for_the_last(&test_bed, &users).await?;
    let script_p999 = match redis {
        Some(redis) => redis.script_p999().await?,
        None => None,
    };
    let places = Places::of(&test_bed, &users.iter().collect::<Vec<_>>()).await?;
    let mut rows = vec![row(environment, &places)];
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

async fn wait_for_the_last(test_bed: &TestBed, users: &[User]) -> Result<()> {
    let last = users.last().context("no user has joined")?;
    eventually("the last user is admitted", LIMIT, async || {
        let (place, _) = test_bed.program.look_up(&last.token).await?;
        Ok((place.state == "active").then_some(()))
    })
    .await
}

fn row(environment: &Environment, places: &Places) -> Row {
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
    match environment.backend {
        Backend::Redis => row.bar(Bar::AtMost(0.75), Due::Plan(8)),
        Backend::Embedded | Backend::Mysql => row,
    }
}
