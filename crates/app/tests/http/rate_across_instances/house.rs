//! Instances of the program on one store, with the queue of one concert.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use frontrow_test_harness::{App, Client, Reply, Request};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{disturbance::Disturbance, violations::Limits};
use crate::{
    clock::Stopwatch,
    stores::{QueueReader, Stores},
    test_app::{ADMIN_KEY, TestApp, start},
};

/// The number of instances.
pub(super) const DOORS: usize = 4;
/// The number of seats in a row.
pub(super) const SEATS_A_ROW: usize = 20;
/// No place expires during the test.
const LONG_S: u64 = 3_600;
/// For how long a request is repeated.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The instances as their clients see them.
pub(super) struct House {
    pub(super) concert: String,
    pub(super) performance: String,
    doors: Vec<Client>,
}

/// An answer, and whether the same request was sent before without an answer. Then it may have
/// taken effect before.
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) again: bool,
}

fn policy(limits: &Limits) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a second or so")]
    let seconds = |micros: i64| micros as f64 / 1e6;
    json!({
        "state": "paused",
        "throughput": limits.throughput.map(|rate| json!({
            "admit": rate.admit, "interval_s": seconds(rate.interval_us),
        })),
        "capacity": limits.max_active.map(|max_active| json!({"max_active": max_active})),
        "waiting_ttl_s": LONG_S, "claim_ttl_s": LONG_S, "active_ttl_s": LONG_S,
    })
}

impl House {
    /// Starts the instances, with a queue that admits no user yet. `seats` are for sale, and a few
    /// more, so that the queue never ends because it is sold out.
    pub(super) async fn open(
        stores: Stores,
        limits: &Limits,
        disturbance: Disturbance,
        users: impl Iterator<Item = &String>,
        seats: usize,
    ) -> Result<(Self, Vec<App>, QueueReader)> {
        let shared = stores.config().await?;
        let rows = u16::try_from(seats / SEATS_A_ROW + 1)?;
        let row = u16::try_from(SEATS_A_ROW)?;
        let config = |door| disturbance.config(shared.clone(), door);
        let first = TestApp::open_with(config(0)?, rows, row, policy(limits)).await?;
        let others = (1..DOORS).map(|door| async move { start(config(door)?).await });
        let mut apps = vec![first.app];
        apps.extend(try_join_all(others).await?);
        disturbance.is_seen(&apps).await?;
        let reader = QueueReader::open(stores, &shared, &first.concert, users).await?;
        let house = Self {
            concert: first.concert,
            performance: first.performance,
            doors: apps.iter().map(App::client).collect(),
        };
        Ok((house, apps, reader))
    }

    /// Opens the queue.
    pub(super) async fn admit(&self) -> Result<()> {
        let path = format!("/v1/admin/concerts/{}/queue", self.concert);
        let open = json!({"state": "open"});
        let opened = self.ask(0, |door| door.bearer(ADMIN_KEY).patch(&path).json(&open));
        opened.await?.reply.expect_status(200)?;
        Ok(())
    }

    /// Sends a request to one door, chosen by `number`, and to the next ones until one answers.
    pub(super) async fn ask(
        &self,
        number: usize,
        request: impl Fn(&Client) -> Request,
    ) -> Result<Answer> {
        let since = Stopwatch::start();
        let mut last = String::new();
        for (tries, door) in self.doors.iter().cycle().skip(number % DOORS).enumerate() {
            if since.elapsed() > ANSWERED_WITHIN {
                break;
            }
            match request(door).await {
                Ok(reply) if !is_to_come_back(&reply) => {
                    let again = tries > 0;
                    return Ok(Answer { reply, again });
                }
                Ok(reply) => last = reply.text,
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        bail!("no answer at any door, at last: {last}")
    }
}

/// True if the same request must be sent again after this answer.
fn is_to_come_back(reply: &Reply) -> bool {
    match reply.status {
        408 | 503 => true,
        409 => reply.json["type"] == "/problems/request-in-progress",
        _ => false,
    }
}

impl Answer {
    /// The answer. Its status must be `once`, or may be `repeated` if the request was sent again.
    pub(super) fn expect(self, once: u16, repeated: u16) -> Result<Reply> {
        if self.again && self.reply.status == repeated {
            return Ok(self.reply);
        }
        self.reply
            .expect_status(once)
            .with_context(|| format!("asked again: {}", self.again))
    }
}
