//! Concerts whose queues are as several groups need them, and the requests of the people in them.

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

/// How many stand before those who are measured, so that these still wait at the end: the default policy
/// lets 500 in every 3 seconds.
const AHEAD: u64 = 40_000;

/// Two of the longest pauses between two polls, by default: for so long an instance answers somebody who
/// waits without asking the store for them.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(30);

const AHEAD_OF_ALL: Series = Series(1);
const WAITING: Series = Series(2);
const ACTIVE: Series = Series(3);

/// Where users look up their places.
pub(crate) const LOOK_UP: &str = "/v1/queue/token";

/// What somebody who waits is told, in part.
pub(crate) const IS_WAITING: &str = r#""state":"waiting""#;
/// What somebody who is active is told, in part.
pub(crate) const IS_ACTIVE: &str = r#""state":"active""#;
/// What somebody who passes the gate is shown, in part.
pub(crate) const IS_SHOWN: &str = r#""items":[{"#;

/// A concert, and people with places in its queue.
pub(crate) struct Queue {
    pub(crate) concert: String,
    people: Vec<Person>,
    /// The concert's performances, which only the active may see.
    performances: String,
}

impl Queue {
    /// A queue that moves at the default pace, with so many waiting in it far from its head.
    pub(crate) async fn waiting(stage: &Stage, people: u64) -> Result<Self> {
        // Closed to admission while it forms, so that all of them wait.
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
        let open = json!({ "state": "open" });
        stage.program.change_policy(&concert, &open).await?;
        Ok(Self::of(concert, people))
    }

    /// Has each of them look up their place once, spread over the time for which an instance answers
    /// somebody without asking the store again. So in what follows as many must be asked for at any
    /// moment as in a queue that has been there for long: none would flatter, all at once would not.
    pub(crate) async fn settle(&self, stage: &Stage) -> Result<()> {
        let people = exact(self.people.len() as u64);
        let spread = stage
            .settings
            .or_quick(ASKED_AGAIN_AFTER, ASKED_AGAIN_AFTER / 10);
        let pace = Pace::PerSecond(people / spread.as_secs_f64());
        once(stage, self.look_ups(), IS_WAITING, pace).await
    }

    /// A queue in which so many are active, with time to be measured before their first use.
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

    /// Has each of them pass the gate once: a place is claimed but once, and shown many times.
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

    /// Each of them looks up their place.
    pub(crate) fn look_ups(&self) -> Requests {
        look_ups(&self.people).collect()
    }

    /// The bare route with the same headers.
    pub(crate) fn bare_look_ups(&self) -> Requests {
        look_ups(&self.people).map(Request::bare).collect()
    }

    /// Each of them passes the gate.
    pub(crate) fn gate_requests(&self) -> Requests {
        self.gate().collect()
    }

    /// The bare route with the same headers.
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

/// Each of these looks up their place.
pub(crate) fn look_ups(people: &[Person]) -> impl Iterator<Item = Request<'_>> {
    let tokens = people.iter().map(|person| person.token.as_str());
    tokens.map(|token| Request::get(LOOK_UP).queue_token(token))
}

/// Makes each of these requests once, before anything is measured.
async fn once(stage: &Stage, requests: Requests, meant: &'static str, pace: Pace) -> Result<()> {
    let load = stage.load(Feed::once(requests), expects(200, meant))?;
    let tally = load.run(pace, None).await?;
    match unintended(&tally) {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
}
