//! The expiry of a hundred thousand places at one instant, while the queue admits other users.

use std::time::Duration;

use anyhow::{Context, Result};
use mysql_async::Conn;
use serde_json::json;
use tokio::time::{sleep, sleep_until};

use super::{
    places::Places,
    reached::{self, ReachedRate},
    test_bed::{Environment, TestBed},
    windows::Limit,
};
use crate::{
    cli::Backend,
    figures::{exact, grouped, short},
    report::Row,
    stores::MySql,
    users::{Cohort, Series, User},
    watch,
};

/// The number of users who never poll.
const SILENT: u64 = 100_000;

/// A pause of the program that is longer than 5 s, so that deadlines count from its end.
const OUTAGE: Duration = Duration::from_millis(6_500);

/// The pause between two checks whether the removal is complete.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// The line of one backend.
#[derive(Debug, Clone, Copy)]
struct Line {
    silent: u64,
    /// In the silent part, each user whose number is a multiple of this polls.
    polling_every: u64,
    /// The number of users behind that part. All of them poll.
    behind: u64,
    /// Admissions per second. Some of the users who poll still wait at the end.
    admit: u64,
}

impl Line {
    /// Returns the line with this number of users who never poll.
    fn of(backend: Backend, silent: u64) -> Self {
        let (polling_every, behind, admit) = match backend {
            Backend::Redis | Backend::Embedded => (5, 5_000, 500),
            Backend::Mysql => (20, 3_000, 200),
        };
        let scaled = |count: u64| (count * silent / SILENT).max(1);
        Self {
            silent,
            polling_every,
            behind: scaled(behind),
            admit: scaled(admit),
        }
    }

    /// Returns the length of the part in which silent users stand.
    fn silent_part(self) -> u64 {
        self.silent * self.polling_every / (self.polling_every - 1)
    }

    /// Returns true if the user with this number, from 0, polls.
    fn polls(self, number: u64) -> bool {
        number >= self.silent_part() || number.is_multiple_of(self.polling_every)
    }
}

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let settings = &environment.settings;
    let line = Line::of(environment.backend, settings.polling_users(SILENT, 10_000));
    let longest_poll = settings.or_quick(Duration::from_secs(5), Duration::from_secs(1));
    let waiting_ttl = 4 * longest_poll;
    let mut test_bed = environment
        .start_program_with(environment.backend, &poll_settings(longest_poll))
        .await?;
    let concert = concert(&test_bed, line).await?;
    let cohort = Cohort {
        series: Series(1),
        first: 0,
        count: line.silent_part() + line.behind,
        keep_every: 1,
        state: "waiting",
    };
    let users = test_bed.join(&concert, cohort).await?;
    let polling: Vec<_> = with_numbers(&users)
        .filter(|(number, _)| line.polls(*number))
        .map(|(_, user)| user)
        .collect();

    // After an outage, all users who waited before it have the same deadline.
    test_bed.program.pause()?;
    sleep(OUTAGE).await;
    let (resumed, resumed_us) = (watch::now(), watch::unix_micros());
    test_bed.program.resume()?;
    let open = json!({ "state": "open", "waiting_ttl_s": waiting_ttl.as_secs_f64() });
    test_bed.program.change_policy(&concert, &open).await?;
    let pollers = test_bed.poll(&polling, longest_poll)?;
    let expires = resumed + waiting_ttl;
    // The queue cannot have admitted users further back before the silent places expired.
    let ahead = line.admit * (waiting_ttl.as_secs() + 3);
    let removal = Removal::of(environment, &polling, line.silent.saturating_sub(ahead)).await?;
    sleep_until(expires.into()).await;
    let before = pollers.take()?;
    let watched = settings.watched();
    let removal_time = removal.time(&test_bed, watched).await?;
    sleep_until((expires + watched).into()).await;
    let after = pollers.take()?;
    pollers.stop().await?;

    let silent = with_numbers(&users).filter(|(number, _)| !line.polls(*number));
    let silent: Vec<_> = silent
        .take_while(|(number, _)| *number < ahead)
        .map(|(_, user)| user)
        .collect();
    let places = Places::of(&test_bed, &polling).await?;
    let silent_places = Places::of(&test_bed, &silent).await?;
    let mut admitted = [places.admitted_us, silent_places.admitted_us].concat();
    admitted.sort_unstable();

    let what = format!(
        "expiring {} places while admitting: admissions ÷ allowed",
        grouped(exact(line.silent))
    );
    let waiting_ttl_us = i64::try_from(waiting_ttl.as_micros()).unwrap_or(i64::MAX);
    let row = ReachedRate {
        limit: line.limit(),
        from_us: resumed_us + waiting_ttl_us,
        watched,
        gone: places.gone,
    }
    .row(&what, &admitted)
    .behind(match removal_time {
        Some(took) => format!("expired places were removed after {}", short(took)),
        None => format!(
            "not all expired places were removed after {}",
            short(watched)
        ),
    })
    .behind(format!(
        "{} users polled",
        grouped(exact(polling.len() as u64))
    ))
    .behind(reached::describe("before", &before, waiting_ttl))
    .behind(reached::describe("after it", &after, watched))
    .fault(reached::unexpected(&[&before, &after]));
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

/// Returns settings with short pauses between polls, so that places can have a short time to live.
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

/// Creates a paused concert. No place expires before the line has formed.
async fn concert(test_bed: &TestBed, line: Line) -> Result<String> {
    let policy = json!({
        "state": "paused",
        "throughput": { "admit": line.admit, "interval_s": 1 },
        "waiting_ttl_s": 3_600,
        "claim_ttl_s": 3_600,
        "active_ttl_s": 3_600,
    });
    test_bed.program.concert("Expiry", policy).await
}

fn with_numbers(users: &[User]) -> impl Iterator<Item = (u64, &User)> {
    (0_u64..).zip(users)
}

/// Observes the removal of the expired places.
enum Removal<'a> {
    /// Complete when only users who poll are ahead of the last user in the line.
    ByPosition { last: &'a User, polling: u64 },
    /// Complete when the database has deleted this number of rows. Positions do not show the
    /// removal: the program computes them from numbers that it assigned at the joins.
    ByDeletedRows {
        mysql: &'a MySql,
        connection: Conn,
        rows: u64,
    },
}

impl<'a> Removal<'a> {
    /// Observes the removal of at least `places` places.
    async fn of(environment: &'a Environment, polling: &[&'a User], places: u64) -> Result<Self> {
        if environment.backend != Backend::Mysql {
            return Ok(Self::ByPosition {
                last: polling.last().context("no user polls")?,
                polling: polling.len() as u64,
            });
        }
        let mysql = environment.stores.mysql()?;
        let mut connection = mysql.connect("").await?;
        Ok(Self::ByDeletedRows {
            rows: mysql.rows_deleted(&mut connection).await? + places,
            mysql,
            connection,
        })
    }

    /// Returns the time until they are removed. None if that takes longer than `limit`.
    async fn time(mut self, test_bed: &TestBed, limit: Duration) -> Result<Option<Duration>> {
        let began = watch::now();
        while began.elapsed() < limit {
            if self.is_done(test_bed).await? {
                return Ok(Some(began.elapsed()));
            }
            sleep(CHECK_INTERVAL).await;
        }
        Ok(None)
    }

    async fn is_done(&mut self, test_bed: &TestBed) -> Result<bool> {
        match self {
            Self::ByPosition { last, polling } => {
                // A look-up that fails now is repeated.
                let place = test_bed.program.look_up(&last.token).await.ok();
                Ok(place.is_some_and(|(place, _)| place.position.unwrap_or(0) <= *polling))
            }
            Self::ByDeletedRows {
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
    fn silent_users_stand_between_polling_users_and_ahead_of_the_last_ones() {
        for backend in [Backend::Redis, Backend::Mysql] {
            for silent in [SILENT, 10_000] {
                let line = Line::of(backend, silent);
                let all = line.silent_part() + line.behind;
                let polling = (0..all).filter(|&number| line.polls(number)).count() as u64;
                // Rounding may turn one silent user into a polling one.
                assert!((all - polling).abs_diff(silent) <= 1, "{line:?}");
                assert!(line.polls(0) && !line.polls(1) && line.polls(all - 1));
                // The users who poll suffice for 30 s of admissions after the expiry, and 30 s
                // before it.
                assert!(
                    polling > 30 * line.admit + 30 * line.admit / line.polling_every,
                    "{line:?}"
                );
            }
        }
    }
}
