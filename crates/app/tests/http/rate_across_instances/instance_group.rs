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
pub(super) const INSTANCES: usize = 4;
/// The number of seats in a row.
pub(super) const SEATS_A_ROW: usize = 20;
/// No place expires during the test.
const LONG_S: u64 = 3_600;
/// The time for which a request is repeated.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The instances as their clients see them.
pub(super) struct InstanceGroup {
    pub(super) concert: String,
    pub(super) performance: String,
    clients: Vec<Client>,
}

/// An answer, and whether the same request was sent before without an answer. If so, it may have
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

impl InstanceGroup {
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
        let config = |instance| disturbance.config(shared.clone(), instance);
        let first = TestApp::open_with(config(0)?, rows, row, policy(limits)).await?;
        let others = (1..INSTANCES).map(|instance| async move { start(config(instance)?).await });
        let mut apps = vec![first.app];
        apps.extend(try_join_all(others).await?);
        disturbance.check_clocks(&apps).await?;
        let reader = QueueReader::open(stores, &shared, &first.concert, users).await?;
        let group = Self {
            concert: first.concert,
            performance: first.performance,
            clients: apps.iter().map(App::client).collect(),
        };
        Ok((group, apps, reader))
    }

    /// Opens the queue.
    pub(super) async fn open_queue(&self) -> Result<()> {
        let path = format!("/v1/admin/concerts/{}/queue", self.concert);
        let open = json!({"state": "open"});
        let opened = self.ask(0, |client| {
            client.bearer(ADMIN_KEY).patch(&path).json(&open)
        });
        opened.await?.reply.expect_status(200)?;
        Ok(())
    }

    /// Sends a request to one instance, chosen by `number`, and to the next ones until one answers.
    pub(super) async fn ask(
        &self,
        number: usize,
        request: impl Fn(&Client) -> Request,
    ) -> Result<Answer> {
        let since = Stopwatch::start();
        let mut last = String::new();
        for (tries, client) in self
            .clients
            .iter()
            .cycle()
            .skip(number % INSTANCES)
            .enumerate()
        {
            if since.elapsed() > ANSWERED_WITHIN {
                break;
            }
            match request(client).await {
                Ok(reply) if !must_be_repeated(&reply) => {
                    let again = tries > 0;
                    return Ok(Answer { reply, again });
                }
                Ok(reply) => last = reply.text,
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        bail!("no answer from any instance, at last: {last}")
    }
}

/// True if the client must send the same request again after this answer.
fn must_be_repeated(reply: &Reply) -> bool {
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
