//! A hundred thousand places expire at one instant, while other users are admitted.

use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::Conn;
use serde_json::json;
use tokio::time::{sleep, sleep_until};

use super::{
    places::Places,
    reached::{self, Reached},
    stage::{Stage, Stages},
    windows::Limit,
};
use crate::{
    cli::Backend,
    figures::{exact, grouped, short},
    people::{Crowd, Person, Series},
    report::Row,
    stores::MySql,
    watch,
};

/// The number of users who never poll.
const SILENT: u64 = 100_000;

/// Longer than the outage after which deadlines count from its end.
const BREAK: Duration = Duration::from_millis(6_500);

/// The pause between two checks whether the removal is complete.
const LOOK: Duration = Duration::from_millis(100);

/// The line of a backend.
#[derive(Debug, Clone, Copy)]
struct Line {
    silent: u64,
    /// Among the silent users, each user whose number is a multiple of this polls.
    every: u64,
    /// The number of users behind them, who all poll.
    behind: u64,
    /// Admissions per second. Some of the users who poll still wait at the end.
    admit: u64,
}

impl Line {
    /// The line with this number of users who never poll.
    fn of(backend: Backend, silent: u64) -> Self {
        let (every, behind, admit) = match backend {
            Backend::Redis | Backend::Embedded => (5, 5_000, 500),
            Backend::Mysql => (20, 3_000, 200),
        };
        let scaled = |count: u64| (count * silent / SILENT).max(1);
        Self {
            silent,
            every,
            behind: scaled(behind),
            admit: scaled(admit),
        }
    }

    /// The length of the part in which silent users stand.
    fn mixed(self) -> u64 {
        self.silent * self.every / (self.every - 1)
    }

    /// True if the user with this number, from 0, polls.
    fn polls(self, number: u64) -> bool {
        number >= self.mixed() || number.is_multiple_of(self.every)
    }
}

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let settings = &stages.settings;
    let line = Line::of(stages.backend, settings.people_of(SILENT, 10_000));
    let longest_poll = settings.or_quick(Duration::from_secs(5), Duration::from_secs(1));
    let life = 4 * longest_poll;
    let mut stage = stages
        .set_with(stages.backend, &poll_settings(longest_poll))
        .await?;
    let concert = concert(&stage, line).await?;
    let crowd = Crowd {
        series: Series(1),
        first: 0,
        count: line.mixed() + line.behind,
        keep_every: 1,
        state: "waiting",
    };
    let people = stage.join(&concert, crowd).await?;
    let live: Vec<_> = with_numbers(&people)
        .filter(|(number, _)| line.polls(*number))
        .map(|(_, person)| person)
        .collect();

    // After an outage, all users who waited before it have the same deadline.
    stage.program.pause()?;
    sleep(BREAK).await;
    let (resumed, resumed_us) = (watch::now(), watch::unix_micros());
    stage.program.resume()?;
    let open = json!({ "state": "open", "waiting_ttl_s": life.as_secs_f64() });
    stage.program.change_policy(&concert, &open).await?;
    let pollers = stage.poll(&live, longest_poll)?;
    let expire = resumed + life;
    // No user further back can have been admitted before the silent ones expired.
    let ahead = line.admit * (life.as_secs() + 3);
    let removal = Removal::of(stages, &live, line.silent.saturating_sub(ahead)).await?;
    sleep_until(expire.into()).await;
    let before = pollers.take()?;
    let watched = settings.watched();
    let removed = removal.time(&stage, watched).await?;
    sleep_until((expire + watched).into()).await;
    let polled = pollers.take()?;
    pollers.stop().await?;

    let silent = with_numbers(&people).filter(|(number, _)| !line.polls(*number));
    let silent: Vec<_> = silent
        .take_while(|(number, _)| *number < ahead)
        .map(|(_, person)| person)
        .collect();
    let places = Places::of(&stage, &live).await?;
    let early = Places::of(&stage, &silent).await?;
    let mut admitted = [places.admitted_us, early.admitted_us].concat();
    admitted.sort_unstable();

    let what = format!(
        "expiring {} places while admitting: admissions ÷ allowed",
        grouped(exact(line.silent))
    );
    let life_us = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
    let row = Reached {
        limit: line.limit(),
        from_us: resumed_us + life_us,
        watched,
        gone: places.gone,
    }
    .row(&what, &admitted)
    .behind(match removed {
        Some(took) => format!("expired places were removed after {}", short(took)),
        None => format!(
            "not all expired places were removed after {}",
            short(watched)
        ),
    })
    .behind(format!(
        "{} users polled",
        grouped(exact(live.len() as u64))
    ))
    .behind(reached::describe("before", &before, life))
    .behind(reached::describe("after it", &polled, watched))
    .fault(reached::unexpected(&[&before, &polled]));
    Ok(vec![row])
}

impl Line {
    fn limit(self) -> Limit {
        Limit {
            admit: self.admit,
            interval_us: 1_000_000,
        }
    }
}

/// Short polls, so that places can have short lives.
fn poll_settings(longest: Duration) -> [(&'static str, String); 2] {
    let shortest = longest.min(Duration::from_secs(1));
    [
        (
            "FRONTROW_QUEUE__LONGEST_POLL_MS",
            longest.as_millis().to_string(),
        ),
        (
            "FRONTROW_QUEUE__SHORTEST_POLL_MS",
            shortest.as_millis().to_string(),
        ),
    ]
}

/// A paused concert. No place expires before the line has formed.
async fn concert(stage: &Stage, line: Line) -> Result<String> {
    let policy = json!({
        "state": "paused",
        "throughput": { "admit": line.admit, "interval_s": 1 },
        "waiting_ttl_s": 3_600,
        "claim_ttl_s": 3_600,
        "active_ttl_s": 3_600,
    });
    stage.program.concert("Expiry", policy).await
}

fn with_numbers(people: &[Person]) -> impl Iterator<Item = (u64, &Person)> {
    (0_u64..).zip(people)
}

/// Observes when the expired places are removed.
enum Removal<'a> {
    /// Complete when only users who poll are ahead of the last user in the line.
    Seen { last: &'a Person, live: u64 },
    /// Complete when the database has deleted this number of rows. Positions do not show it: they
    /// are computed from numbers that were assigned at the joins.
    Deleted {
        mysql: &'a MySql,
        connection: Conn,
        rows: u64,
    },
}

impl<'a> Removal<'a> {
    /// Observes the removal of at least `places` places.
    async fn of(stages: &'a Stages, live: &[&'a Person], places: u64) -> Result<Self> {
        if stages.backend != Backend::Mysql {
            return Ok(Self::Seen {
                last: live.last().context("no user polls")?,
                live: live.len() as u64,
            });
        }
        let mysql = stages.stores.mysql()?;
        let mut connection = mysql.connect("").await?;
        Ok(Self::Deleted {
            rows: mysql.rows_deleted(&mut connection).await? + places,
            mysql,
            connection,
        })
    }

    /// Returns the time until they are removed. None if that takes longer than `limit`.
    async fn time(mut self, stage: &Stage, limit: Duration) -> Result<Option<Duration>> {
        let began = watch::now();
        while began.elapsed() < limit {
            if self.is_done(stage).await? {
                return Ok(Some(began.elapsed()));
            }
            sleep(LOOK).await;
        }
        Ok(None)
    }

    async fn is_done(&mut self, stage: &Stage) -> Result<bool> {
        match self {
            Self::Seen { last, live } => {
                // A look-up that cannot be answered now is repeated.
                let place = stage.program.look_up(&last.token).await.ok();
                Ok(place.is_some_and(|(place, _)| place.position.unwrap_or(0) <= *live))
            }
            Self::Deleted {
                mysql,
                connection,
                rows,
            } => Ok(mysql.rows_deleted(connection).await? >= *rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silent_stand_between_those_who_poll_and_before_them() {
        for backend in [Backend::Redis, Backend::Mysql] {
            for silent in [SILENT, 10_000] {
                let line = Line::of(backend, silent);
                let all = line.mixed() + line.behind;
                let live = (0..all).filter(|&number| line.polls(number)).count() as u64;
                // Rounding may turn one silent user into one who polls.
                assert!((all - live).abs_diff(silent) <= 1, "{line:?}");
                assert!(line.polls(0) && !line.polls(1) && line.polls(all - 1));
                // The users who poll suffice for 30 s of admissions after the expiry, and 30 s
                // before it.
                assert!(
                    live > 30 * line.admit + 30 * line.admit / line.every,
                    "{line:?}"
                );
            }
        }
    }
}
