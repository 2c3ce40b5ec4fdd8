//! A hundred thousand people let in at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use frontrow_test_harness::eventually;
use jiff::Timestamp;
use serde_json::json;

use super::{
    against_bare::unintended,
    stage::{Stage, Stages},
};
use crate::{
    cli::Backend,
    client::{Answer, Feed, Pace, Request, Tally},
    figures::{exact, grouped},
    people::{Crowd, Person, Place, Series},
    report::{Bar, Due, Row},
};

/// How many are let in.
const ADMITTED: u64 = 100_000;

/// How long that may take before there is nothing to be measured.
const LIMIT: Duration = Duration::from_mins(2);

/// Measures this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let stage = stages.set().await?;
    let paused = json!({ "state": "paused" });
    let concert = stage.program.concert("Admission", paused).await?;
    let crowd = Crowd {
        series: Series(1),
        first: 0,
        count: ADMITTED,
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
    // One window lets them all in.
    let open = json!({
        "state": "open",
        "throughput": { "admit": ADMITTED, "interval_s": 3_600 },
    });
    stage.program.change_policy(&concert, &open).await?;
    wait_for_the_last(&stage, &people).await?;
    let script_p999 = match redis {
        Some(redis) => redis.script_p999().await?,
        None => None,
    };
    let (tally, admitted) = admissions(&stage, &people).await?;
    let mut rows = vec![row(stages, &tally, &admitted)];
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
    let last = people.last().context("nobody has joined")?;
    eventually("the last one is admitted", LIMIT, async || {
        let (place, _) = stage.program.look_up(&last.token).await?;
        Ok((place.state == "active").then_some(()))
    })
    .await
}

/// When each of them was admitted, as their places say.
async fn admissions(stage: &Stage, people: &[Person]) -> Result<(Tally, Vec<Timestamp>)> {
    let asked = people.iter();
    let asked = asked.map(|person| Request::get("/v1/queue/token").queue_token(&person.token));
    let admitted = Arc::new(Mutex::new(Vec::with_capacity(people.len())));
    let noted = Arc::clone(&admitted);
    let judge = move |_, answer: Answer<'_>| {
        let place = serde_json::from_slice::<Place>(answer.body).ok();
        let Some(at) = place.and_then(|place| place.admitted_at) else {
            return false;
        };
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push(at);
        answer.status == 200
    };
    let load = stage.load(Feed::once(asked.collect()), Arc::new(judge))?;
    let tally = load.run(Pace::Full, None).await?;
    let mut admitted = admitted.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((tally, std::mem::take(&mut *admitted)))
}

fn row(stages: &Stages, tally: &Tally, admitted: &[Timestamp]) -> Row {
    let took = admitted.iter().min().zip(admitted.iter().max());
    let took = took.map(|(first, last)| first.duration_until(*last).as_secs_f64());
    let what = format!("admitting {} people", grouped(exact(ADMITTED)));
    let row = Row::new(what, took)
        .unit("s")
        .less_is_better()
        .behind("from the first to the last admitted_at of their places")
        .fault(unintended(tally));
    match stages.backend {
        Backend::Redis => row.bar(Bar::AtMost(0.75), Due::Plan(8)),
        Backend::Embedded | Backend::Mysql => row,
    }
}
