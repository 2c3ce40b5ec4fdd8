//! Measures the adapter through its ports.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings, OlderSchema, TimeOffset};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            Generation, PolicyState, PolicyVersion, QueuePolicy, QueueSeed, Ticket, VersionedPolicy,
        },
    },
    ports::{JoinOutcome, Queue, QueueControl, QueueTicks, TickOutcome},
};
use uuid::Uuid;

use crate::{
    CALLERS,
    timing::{self, Row},
};

/// Number of concurrent look-ups.
const LOOKERS: usize = 16;

/// Number of measured ticks.
const TURNS: usize = 40;

async fn open(url: &str, number: u128, state: PolicyState) -> Result<(MySqlQueue, ConcertId)> {
    let settings = MySqlSettings {
        older_schema: OlderSchema::Migrate,
        ..MySqlSettings::default()
    };
    let queue = MySqlQueue::open(url, &settings, TimeOffset::default()).await?;
    let concert = ConcertId(Uuid::from_u128(number));
    seed(&queue, concert, state, 1).await?;
    Ok((queue, concert))
}

async fn seed(
    queue: &MySqlQueue,
    concert: ConcertId,
    state: PolicyState,
    version: i64,
) -> Result<()> {
    let seed = QueueSeed {
        concert,
        policy: VersionedPolicy {
            policy: QueuePolicy {
                state,
                ..QueuePolicy::default()
            },
            version: PolicyVersion(version),
        },
        generation: Generation(1),
        recovery: None,
    };
    queue.seed(&seed).await?;
    Ok(())
}

async fn join(queue: &MySqlQueue, concert: ConcertId, name: &str) -> Result<Ticket> {
    let user = UserId::try_from(name).ok().context("a good name")?;
    match queue.join(concert, &user, None).await?.value {
        JoinOutcome::Joined(place) | JoinOutcome::Held(place) => Ok(place.ticket),
        other => bail!("{other:?}"),
    }
}

/// Returns a user id as long as the text of a UUID.
fn name(caller: usize, turn: usize) -> String {
    let spread = (caller as u128 * 1_000_003 + turn as u128)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uuid::from_u128(spread).to_string()
}

/// Measures joins of new users by many callers.
pub(crate) async fn joins(url: &str) -> Result<Row> {
    let (queue, concert) = open(url, 1, PolicyState::Paused).await?;
    let row = {
        let queue = queue.clone();
        timing::all_at_once(
            format!("join, {CALLERS} callers"),
            CALLERS,
            move |caller, turn| {
                let queue = queue.clone();
                async move { join(&queue, concert, &name(caller, turn)).await.map(drop) }
            },
        )
        .await?
    };
    queue.close();
    Ok(row.noting("order, position and one place per user are kept"))
}

/// A line of waiting users.
pub(crate) struct Waiting {
    queue: MySqlQueue,
    concert: ConcertId,
    tickets: Vec<Ticket>,
}

impl Waiting {
    /// Joins `users` users.
    pub(crate) async fn fill(url: &str, users: usize) -> Result<Self> {
        let (queue, concert) = open(url, users as u128 + 10, PolicyState::Paused).await?;
        let mut tickets = Vec::new();
        let numbers: Vec<_> = (0..users).collect();
        for chunk in numbers.chunks(1_024) {
            let joining: Vec<_> = chunk
                .iter()
                .map(|number| {
                    let (queue, number) = (queue.clone(), *number);
                    tokio::spawn(async move { join(&queue, concert, &name(number, 0)).await })
                })
                .collect();
            for joined in joining {
                tickets.push(joined.await??);
            }
        }
        Ok(Self {
            queue,
            concert,
            tickets,
        })
    }

    /// Measures look-ups of places all over the line.
    pub(crate) async fn look_ups(&self) -> Result<Row> {
        let (queue, tickets) = (self.queue.clone(), self.tickets.clone());
        let what = format!("look-up, {} waiting, {LOOKERS} callers", tickets.len());
        let row = timing::all_at_once(what, LOOKERS, move |caller, turn| {
            let queue = queue.clone();
            let place = (caller * 7_919 + turn * 104_729) % tickets.len();
            let ticket = tickets.get(place).cloned();
            async move {
                queue.look_up(&ticket.context("a ticket")?).await?;
                Ok(())
            }
        })
        .await?;
        Ok(row.noting("heartbeats written"))
    }

    /// Measures ticks that admit 500 users each.
    pub(crate) async fn admission(&self) -> Result<Row> {
        seed(&self.queue, self.concert, PolicyState::Bypass, 2).await?;
        let mut durations: Vec<Duration> = Vec::new();
        for _ in 0..TURNS {
            let before = Instant::now();
            let ticked = self.queue.admit(self.concert, 500).await?.value;
            durations.push(before.elapsed());
            let TickOutcome::Ticked(report) = ticked else {
                bail!("{ticked:?}");
            };
            anyhow::ensure!(report.done == 500, "{report:?}");
        }
        let what = format!("admit 500 of {}", self.tickets.len());
        Ok(timing::of_turns(what, durations).noting("strictly in order, counted, reported"))
    }
}
