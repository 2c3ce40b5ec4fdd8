//! Concerts with queues that several groups of rows use, and the requests of their users.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use super::{
    against_bare::unintended,
    stage::{Stage, expects},
};
use crate::{
    client::{Feed, Pace, Request, Requests},
    figures::exact,
    people::{Crowd, Person, Series},
};

/// The longest absence that the default time to live of waiting places allows, in seconds.
const ABSENT_AFTER_S: u32 = 150;

/// The number of users ahead of those who are measured, so that the latter still wait at the end.
/// The default policy admits 500 users every 3 s.
const AHEAD: u64 = 40_000;

/// Twice the longest pause between two polls, by default. For this long, an instance answers a
/// waiting user without asking the store about them.
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
    people: Vec<Person>,
    /// The path of the concert's performances, which only active users may see.
    performances: String,
}

impl Queue {
    /// Creates a queue that moves at the default pace, in which `people` users wait far from its
    /// head.
    pub(crate) async fn waiting(stage: &Stage, people: u64) -> Result<Self> {
        // Nobody is admitted while the line forms, so that all of them wait.
        let paused = json!({ "state": "paused" });
        let concert = stage.program.concert("Waiting", paused).await?;
        let ahead = Crowd {
            series: AHEAD_OF_ALL,
            first: 0,
            count: stage.settings.or_quick(AHEAD, AHEAD / 10),
            keep_every: 0,
            state: "waiting",
        };
        stage.join(&concert, ahead).await?;
        let crowd = Crowd {
            series: WAITING,
            count: people,
            keep_every: 1,
            ..ahead
        };
        let people = stage.join(&concert, crowd).await?;
        // The users ahead send no heartbeats. If they stood aside, those behind would be admitted.
        let open = json!({ "state": "open", "absent_after_s": ABSENT_AFTER_S });
        stage.program.change_policy(&concert, &open).await?;
        Ok(Self::of(concert, people))
    }

    /// Looks up each user once, spread over the time for which an instance answers a user without
    /// asking the store again. So the store is then asked at the same rate as in a queue that has
    /// existed for long. If it were not asked at all, the figures would be too good. If it were
    /// asked about all users at once, they would not be.
    pub(crate) async fn settle(&self, stage: &Stage) -> Result<()> {
        let people = exact(self.people.len() as u64);
        let spread = stage
            .settings
            .or_quick(ASKED_AGAIN_AFTER, ASKED_AGAIN_AFTER / 10);
        let pace = Pace::PerSecond(people / spread.as_secs_f64());
        once(stage, self.look_ups(), IS_WAITING, pace).await
    }

    /// Creates a queue in which `people` users are active. Their places last long enough for the
    /// measurement before they are claimed.
    pub(crate) async fn active(stage: &Stage, people: u64) -> Result<Self> {
        let policy = json!({
            "throughput": { "admit": 10_000_000, "interval_s": 1 },
            "claim_ttl_s": 3_600,
            "active_ttl_s": 3_600,
        });
        let concert = stage.program.concert("Active", policy).await?;
        stage
            .program
            .performance(&concert, "The Proving Ground", 1_000)
            .await?;
        let crowd = Crowd {
            series: ACTIVE,
            first: 0,
            count: people,
            keep_every: 1,
            state: "active",
        };
        let people = stage.join(&concert, crowd).await?;
        Ok(Self::of(concert, people))
    }

    /// Lets each user pass the gate once. A place is claimed only once, and shown many times.
    pub(crate) async fn claim(&self, stage: &Stage) -> Result<()> {
        once(stage, self.gate_requests(), IS_SHOWN, Pace::Full).await
    }

    fn of(concert: String, people: Vec<Person>) -> Self {
        Self {
            performances: format!("/v1/concerts/{concert}/performances"),
            concert,
            people,
        }
    }

    /// One look-up of each user.
    pub(crate) fn look_ups(&self) -> Requests {
        look_ups(&self.people).collect()
    }

    /// The requests to the bare route with the same headers.
    pub(crate) fn bare_look_ups(&self) -> Requests {
        look_ups(&self.people).map(Request::bare).collect()
    }

    /// One request of each user that passes the gate.
    pub(crate) fn gate_requests(&self) -> Requests {
        self.gate().collect()
    }

    /// The requests to the bare route with the same headers.
    pub(crate) fn bare_gate_requests(&self) -> Requests {
        self.gate().map(Request::bare).collect()
    }

    fn gate(&self) -> impl Iterator<Item = Request<'_>> {
        self.people.iter().map(|person| {
            Request::get(&self.performances)
                .identity(&person.identity)
                .queue_token(&person.token)
        })
    }
}

/// One look-up of each of these users.
pub(crate) fn look_ups(people: &[Person]) -> impl Iterator<Item = Request<'_>> {
    let tokens = people.iter().map(|person| person.token.as_str());
    tokens.map(|token| Request::get(LOOK_UP).queue_token(token))
}

/// Sends each of these requests once, before a measurement.
async fn once(stage: &Stage, requests: Requests, meant: &'static str, pace: Pace) -> Result<()> {
    let load = stage.load(Feed::once(requests), expects(200, meant))?;
    let tally = load.run(pace, None).await?;
    match unintended(&tally) {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
}
