//! Joins: each request is that of a new user.

use std::time::Duration;

use anyhow::Result;

use super::stage::{Stage, expects};
use crate::{
    client::{Feed, Load, Pace, Requests, Tally},
    measure::Side,
    people::{self, Crowd, Series},
};

/// More joins per second than are possible.
const JOINS_PER_SECOND_MAX: u64 = 40_000;

/// Users that appear nowhere else.
const NEWCOMERS: Series = Series(0x1000);

/// New users who join a queue in which others wait.
pub(crate) struct Joining<'a> {
    stage: &'a Stage,
    concert: &'a str,
    /// The number of the next user.
    first: u64,
}

impl<'a> Joining<'a> {
    /// Joins the queue of this concert.
    pub(crate) fn at(stage: &'a Stage, concert: &'a str) -> Self {
        Self {
            stage,
            concert,
            first: 0,
        }
    }

    /// Requests to the bare route with the headers of the joins of a slice.
    pub(crate) fn bare(&self) -> Result<Requests> {
        let identities = self.identities(self.crowd(self.stage.settings.slice()))?;
        let asked = identities.iter();
        let asked = asked.map(|identity| people::join_of("", identity).bare());
        Ok(asked.collect())
    }

    /// Enough users for a slice.
    fn crowd(&self, lasts: Duration) -> Crowd {
        Crowd {
            series: NEWCOMERS,
            first: self.first,
            count: JOINS_PER_SECOND_MAX * lasts.as_secs().max(1),
            keep_every: 0,
            state: "waiting",
        }
    }

    fn identities(&self, crowd: Crowd) -> Result<Vec<String>> {
        people::identities(&self.stage.program.provider, crowd)
    }

    fn load(&self, crowd: Crowd) -> Result<Load> {
        let feed = Feed::once(people::joins(self.concert, &self.identities(crowd)?));
        self.stage.load(feed, expects(201, r#""state":"waiting""#))
    }
}

impl Side for Joining<'_> {
    async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
        let crowd = self.crowd(lasts);
        self.first += crowd.count;
        self.load(crowd)?.run(Pace::Full, Some(lasts)).await
    }
}
