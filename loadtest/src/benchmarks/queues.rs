//! Concerts with queues that several benchmarks use, and the requests of their users.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use super::{
    against_bare::unintended,
    test_bed::{TestBed, expects},
};
use crate::{
    client::{Pace, Request, Requests, Workload},
    figures::exact,
    users::{Cohort, Series, User},
};

/// The longest absence that the default time to live of waiting places allows, in seconds.
const ABSENT_AFTER_S: u32 = 150;

/// The number of users ahead of the measured users, so that these still wait at the end. The
/// default policy admits 500 users every 3 s.
const USERS_AHEAD: u64 = 40_000;

/// Twice the longest pause between two polls, by default. For this time, an instance answers a
/// waiting user without looking the user up in the store again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(30);

const AHEAD_OF_ALL: Series = Series(1);
const WAITING: Series = Series(2);
const ACTIVE: Series = Series(3);

/// The path of a look-up.
pub(crate) const LOOK_UP: &str = "/v1/queue/token";

/// A part of the answer to a waiting user.
pub(crate) const IS_WAITING: &str = r#""state":"waiting""#;
/// A part of the answer to an active user.
pub(crate) const IS_ACTIVE: &str = r#""state":"active""#;
/// A part of the answer to a user who passes the gate.
pub(crate) const IS_SHOWN: &str = r#""items":[{"#;

/// A concert, and users with places in its queue.
pub(crate) struct Queue {
    pub(crate) concert: String,
    users: Vec<User>,
    /// The path of the concert's performances, which only active users may see.
    performances: String,
}

impl Queue {
    /// Creates a queue that moves at the default pace, in which `users` users wait far from its
    /// head.
    pub(crate) async fn waiting(test_bed: &TestBed, users: u64) -> Result<Self> {
        // A paused queue admits no user while the line forms, so that all of them wait.
        let paused = json!({ "state": "paused" });
        let concert = test_bed.program.concert("Waiting", paused).await?;
        let ahead = Cohort {
            series: AHEAD_OF_ALL,
            first: 0,
            count: test_bed.settings.or_quick(USERS_AHEAD, USERS_AHEAD / 10),
            keep_every: 0,
            state: "waiting",
        };
        test_bed.join(&concert, ahead).await?;
        let cohort = Cohort {
            series: WAITING,
            count: users,
            keep_every: 1,
            ..ahead
        };
        let users = test_bed.join(&concert, cohort).await?;
        // The users ahead send no heartbeats. If they stood aside, the users behind them would be
        // admitted.
        let open = json!({ "state": "open", "absent_after_s": ABSENT_AFTER_S });
        test_bed.program.change_policy(&concert, &open).await?;
        Ok(Self::of(concert, users))
    }

    /// Looks up each user once, spread over [`ASKED_AGAIN_AFTER`]. So the instance later asks the
    /// store at the same rate as for a queue that has existed for long. If it then asked about no
    /// user, the figures would be too good. If it asked about all users at once, they would be too
    /// bad.
    pub(crate) async fn settle(&self, test_bed: &TestBed) -> Result<()> {
        let users = exact(self.users.len() as u64);
        let spread = test_bed
            .settings
            .or_quick(ASKED_AGAIN_AFTER, ASKED_AGAIN_AFTER / 10);
        let pace = Pace::PerSecond(users / spread.as_secs_f64());
        send_once(test_bed, self.look_ups(), IS_WAITING, pace).await
    }

    /// Creates a queue in which `users` users are active. Unclaimed places last longer than the
    /// measurement.
    pub(crate) async fn active(test_bed: &TestBed, users: u64) -> Result<Self> {
        let policy = json!({
            "throughput": { "admit": 10_000_000, "interval_s": 1 },
            "claim_ttl_s": 3_600,
            "active_ttl_s": 3_600,
        });
        let concert = test_bed.program.concert("Active", policy).await?;
        test_bed
            .program
            .performance(&concert, "The Proving Ground", 1_000)
            .await?;
        let cohort = Cohort {
            series: ACTIVE,
            first: 0,
            count: users,
            keep_every: 1,
            state: "active",
        };
        let users = test_bed.join(&concert, cohort).await?;
        Ok(Self::of(concert, users))
    }

    /// Lets each user pass the gate once. A place is claimed once and shown many times.
    pub(crate) async fn claim(&self, test_bed: &TestBed) -> Result<()> {
        send_once(test_bed, self.gate_requests(), IS_SHOWN, Pace::Full).await
    }

    fn of(concert: String, users: Vec<User>) -> Self {
        Self {
            performances: format!("/v1/concerts/{concert}/performances"),
            concert,
            users,
        }
    }

    /// Returns one look-up of each user.
    pub(crate) fn look_ups(&self) -> Requests {
        look_ups(&self.users).collect()
    }

    /// Returns requests to the bare route with the same headers.
    pub(crate) fn bare_look_ups(&self) -> Requests {
        look_ups(&self.users).map(Request::bare).collect()
    }

    /// Returns one request of each user that passes the gate.
    pub(crate) fn gate_requests(&self) -> Requests {
        self.gate().collect()
    }

    /// Returns requests to the bare route with the same headers.
    pub(crate) fn bare_gate_requests(&self) -> Requests {
        self.gate().map(Request::bare).collect()
    }

    fn gate(&self) -> impl Iterator<Item = Request<'_>> {
        self.users.iter().map(|user| {
            Request::get(&self.performances)
                .identity(&user.identity)
                .queue_token(&user.token)
        })
    }
}

/// Returns one look-up of each of these users.
pub(crate) fn look_ups(users: &[User]) -> impl Iterator<Item = Request<'_>> {
    let tokens = users.iter().map(|user| user.token.as_str());
    tokens.map(|token| Request::get(LOOK_UP).queue_token(token))
}

/// Sends each of these requests once, before a measurement.
async fn send_once(
    test_bed: &TestBed,
    requests: Requests,
    expected: &'static str,
    pace: Pace,
) -> Result<()> {
    let load = test_bed.load(Workload::once(requests), expects(200, expected))?;
    let tally = load.run(pace, None).await?;
    match unintended(&tally) {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
}
