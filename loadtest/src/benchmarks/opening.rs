//! The opening of a paused line while all of its users poll.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::{sleep, sleep_until};

use super::{
    places::Places,
    reached::{self, ReachedRate},
    test_bed::Environment,
    windows::Limit,
};
use crate::{
    cli::Backend,
    figures::{exact, grouped, short},
    report::Row,
    users::{Cohort, Series},
    watch,
};

/// The longest pause between two polls, by default. The first polls are spread over this time.
/// After the same time again, each user has an answer that sets the next poll.
const LONGEST_POLL: Duration = Duration::from_secs(15);

/// Returns the length of a backend's line, and the number of users that it admits per second. Users
/// still wait at the end.
fn line_size(backend: Backend) -> (u64, u64) {
    match backend {
        Backend::Redis | Backend::Embedded => (300_000, 2_000),
        Backend::Mysql => (50_000, 500),
    }
}

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let test_bed = environment.start_program().await?;
    let settings = &test_bed.settings;
    let (line, admit) = line_size(environment.backend);
    let count = settings.polling_users(line, 5_000);
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
    let concert = test_bed.program.concert("Opening", policy).await?;
    let cohort = Cohort {
        series: Series(1),
        first: 0,
        count,
        keep_every: 1,
        state: "waiting",
    };
    let users = test_bed.join(&concert, cohort).await?;
    let users: Vec<_> = users.iter().collect();

    let spread = settings.or_quick(LONGEST_POLL, Duration::from_secs(2));
    let pollers = test_bed.poll(&users, spread)?;
    sleep(2 * spread).await;
    let before = pollers.take()?;
    let watched = settings.watched();
    let (opened_us, ends) = (watch::unix_micros(), watch::now() + watched);
    let began = watch::now();
    let open = json!({ "state": "open" });
    let response = test_bed.program.request_policy(&concert, &open).await?;
    let took = began.elapsed();
    sleep_until(ends.into()).await;
    let after = pollers.take()?;
    pollers.stop().await?;

    let places = Places::of(&test_bed, &users).await?;
    let what = format!(
        "opening a paused line of {}: admissions ÷ allowed",
        grouped(exact(count))
    );
    let row = ReachedRate {
        limit,
        from_us: opened_us,
        watched,
        gone: places.gone,
    }
    .row(&what, &places.admitted_us)
    .behind(format!(
        "the change of the policy was answered with {} after {}",
        response.status,
        short(took)
    ))
    .behind(reached::describe("before", &before, 2 * spread))
    .behind(reached::describe("after it", &after, watched))
    .fault(reached::unexpected(&[&before, &after]));
    Ok(vec![row])
}
