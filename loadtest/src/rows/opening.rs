//! Opens a paused line while all of its users poll.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::{sleep, sleep_until};

use super::{
    places::Places,
    reached::{self, Reached},
    stage::Stages,
    windows::Limit,
};
use crate::{
    cli::Backend,
    figures::{exact, grouped, short},
    people::{Crowd, Series},
    report::Row,
    watch,
};

/// The longest pause between two polls, by default. The first polls are spread over it. After
/// another one, each user has an answer that says when to poll.
const LONGEST_POLL: Duration = Duration::from_secs(15);

/// The length of a backend's line, and how many users are admitted per second. Users still wait at
/// the end.
fn size(backend: Backend) -> (u64, u64) {
    match backend {
        Backend::Redis | Backend::Embedded => (300_000, 2_000),
        Backend::Mysql => (50_000, 500),
    }
}

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let stage = stages.set().await?;
    let settings = &stage.settings;
    let (line, admit) = size(stages.backend);
    let count = settings.people_of(line, 5_000);
    let limit = Limit {
        admit: (admit * count / line).max(1),
        interval_us: 1_000_000,
    };
    let policy = json!({
        "state": "paused",
        "throughput": { "admit": limit.admit, "interval_s": 1 },
        "claim_ttl_s": 3_600,
        "active_ttl_s": 3_600,
    });
    let concert = stage.program.concert("Opening", policy).await?;
    let crowd = Crowd {
        series: Series(1),
        first: 0,
        count,
        keep_every: 1,
        state: "waiting",
    };
    let people = stage.join(&concert, crowd).await?;
    let people: Vec<_> = people.iter().collect();

    let gentle = settings.or_quick(LONGEST_POLL, Duration::from_secs(2));
    let pollers = stage.poll(&people, gentle)?;
    sleep(2 * gentle).await;
    let before = pollers.take()?;
    let watched = settings.watched();
    let (opened, ends) = (watch::unix_micros(), watch::now() + watched);
    let asked = watch::now();
    let open = json!({ "state": "open" });
    let answered = stage.program.ask_for_policy(&concert, &open).await?;
    let took = asked.elapsed();
    sleep_until(ends.into()).await;
    let polled = pollers.take()?;
    pollers.stop().await?;

    let places = Places::of(&stage, &people).await?;
    let what = format!(
        "opening a paused line of {}: admissions ÷ allowed",
        grouped(exact(count))
    );
    let row = Reached {
        limit,
        from_us: opened,
        watched,
        gone: places.gone,
    }
    .row(&what, &places.admitted_us)
    .behind(format!(
        "the change of the policy was answered with {} after {}",
        answered.status,
        short(took)
    ))
    .behind(reached::describe("before", &before, 2 * gentle))
    .behind(reached::describe("after it", &polled, watched))
    .fault(reached::unexpected(&[&before, &polled]));
    Ok(vec![row])
}
