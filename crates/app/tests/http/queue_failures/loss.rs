//! Redis restarts empty: users re-enter with their tokens.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, RedisServer, Reply, eventually};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{FaultyQueue, faulty_queue::SOON};
use crate::{
    lifetimes::instant,
    random::Random,
    stores::Stores,
    test_app::{self, TestApp},
};

const USERS: usize = 5_000;
/// The number of active users at the loss.
const ACTIVE: usize = 100;
/// Long enough for all users to re-enter on a slow machine.
const RECOVERY_S: u64 = 60;
/// One in this many users is looked up once all have re-entered. Each position shows how many users
/// are ahead.
const SAMPLE: usize = 10;
/// The number of requests in flight.
const AT_ONCE: usize = 32;

/// A user in the line, as of the last answer.
struct WaitingUser {
    client: Client,
    joined_at: Timestamp,
    place: Value,
}

impl WaitingUser {
    /// Repeats the look-up until the queue answers.
    async fn look_up(&mut self) -> Result<()> {
        let token = self.place["queue_token"].as_str().unwrap_or_default();
        let client = self.client.queue_token(token);
        let found = eventually("the queue answers", SOON, async || {
            let reply = client.get("/v1/queue/token").await?;
            Ok((reply.status != 503).then_some(reply))
        });
        self.place = found.await?.expect_status(200)?.json;
        ensure!(instant(&self.place["joined_at"])? == self.joined_at);
        Ok(())
    }
}

/// Lets all users join.
async fn join_all(fixture: &FaultyQueue) -> Result<Vec<WaitingUser>> {
    let test_app = &fixture.test_app;
    let joining = (0..USERS).map(|number| async move {
        let client = test_app.user(&format!("user-{number}"));
        let concert = json!({"concert_id": test_app.concert});
        let joined: Reply = client.post("/v1/queue/tokens").json(&concert).await?;
        let place = joined.expect_status(201)?.json;
        anyhow::Ok(WaitingUser {
            client,
            joined_at: instant(&place["joined_at"])?,
            place,
        })
    });
    let mut users: Vec<_> = stream::iter(joining)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    users.sort_by_key(|user| user.joined_at);
    Ok(users)
}

/// Looks up the places of all users, in random order.
async fn all_look_up(users: Vec<WaitingUser>) -> Result<Vec<WaitingUser>> {
    let mut random = Random::seeded();
    let mut users: Vec<_> = users
        .into_iter()
        .map(|user| (random.next(), user))
        .collect();
    users.sort_by_key(|(turn, _)| *turn);
    let asking = users.into_iter().map(|(_, mut user)| async move {
        user.look_up().await?;
        anyhow::Ok(user)
    });
    let mut users: Vec<_> = stream::iter(asking)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    users.sort_by_key(|user| user.joined_at);
    Ok(users)
}

/// A line of 5,000 users, the first hundred of them active. `lose` empties Redis while they poll.
async fn every_user_gets_their_place_back(
    lose: impl AsyncFnOnce(&mut FaultyQueue) -> Result<()>,
) -> Result<()> {
    // Most users poll once while the queue recovers, and must not be absent after it.
    let throughput = json!({"admit": ACTIVE, "interval_s": 3600});
    let policy = json!({"throughput": throughput, "absent_after_s": 150});
    let recovery = |config: frontrow_test_harness::AppConfig| {
        config.env("FRONTROW_QUEUE__RECOVERY_S", RECOVERY_S.to_string())
    };
    let mut fixture = FaultyQueue::open(policy, recovery).await?;
    let users = join_all(&fixture).await?;
    let active = |users: &[WaitingUser]| {
        let active = users.iter().filter(|one| one.place["state"] == "active");
        active.count()
    };
    assert_eq!(active(&users), ACTIVE, "no user waited before them");

    // Some users poll before the loss, and each of them polls after it.
    let (users, lost) = tokio::join!(all_look_up(users), lose(&mut fixture));
    lost?;
    let users = users?;
    let mut users = all_look_up(users).await?;
    for (index, user) in users.iter_mut().enumerate().step_by(SAMPLE) {
        user.look_up().await?;
        let place = &user.place;
        let recovering = place["queue"]["recovering"] == true;
        ensure!(recovering, "not all came back in {RECOVERY_S} s");
        ensure!(
            place["state"] == "waiting",
            "no user is admitted yet: {place}"
        );
        let position = place["position"].as_u64().context("a position")?;
        ensure!(
            position == index as u64 + 1,
            "{place} should be {index} + 1"
        );
    }
    let late = fixture.test_app.join("newcomer").await?;
    assert_eq!(late.place["position"], USERS + 1);

    // The users who were active arrived first, so they are admitted first again.
    let users = Arc::new(tokio::sync::Mutex::new(users));
    let after_recovery = Duration::from_secs(RECOVERY_S) + SOON;
    eventually("the first are admitted", after_recovery, async || {
        let mut users = users.lock().await;
        let last = &mut users[ACTIVE - 1];
        last.look_up().await?;
        Ok((last.place["state"] == "active").then_some(()))
    })
    .await?;
    let users = Arc::into_inner(users).context("the only owner")?;
    let mut users = users.into_inner();
    for user in &mut users[..=ACTIVE] {
        user.look_up().await?;
    }
    assert_eq!(active(&users[..=ACTIVE]), ACTIVE);
    assert_eq!(users[ACTIVE].place["position"], 1);
    fixture.check_never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_the_line_of_a_redis_that_was_flushed() -> Result<()> {
    every_user_gets_their_place_back(async |fixture| fixture.server.execute(&["FLUSHALL"]).await)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_the_line_on_an_empty_redis_in_its_place() -> Result<()> {
    every_user_gets_their_place_back(async |fixture| fixture.server.restart_empty().await).await
}

/// The other instance has created the concert and has ended. This instance has not read the
/// concerts since.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_rebuilds_the_line_of_a_concert_that_the_instance_did_not_know() -> Result<()> {
    let redis = RedisServer::start().await?;
    let config = Stores::with_redis(Stores::MYSQL.config().await?, &redis.url())
        .env("FRONTROW_QUEUE__RECOVERY_S", RECOVERY_S.to_string());
    let here = test_app::start(config.clone()).await?;
    let mut elsewhere = TestApp::open_with(config, 1, 1, json!({})).await?;
    let client = here.client().user("ann");
    let concert = json!({"concert_id": elsewhere.concert});
    let joined = client.post("/v1/queue/tokens").json(&concert).await?;
    let client = client.queue_token(joined.expect_status(201)?.text_at("/queue_token")?);

    elsewhere.app.sigkill()?;
    elsewhere.app.wait_exit().await?;
    redis.execute(&["FLUSHALL"]).await?;
    let found = eventually("the place is back", SOON, async || {
        let reply = client.get("/v1/queue/token").await?;
        if reply.status == 503 {
            return Ok(None);
        }
        reply.expect_status(200).map(Some)
    });
    let place = found.await?;
    assert_eq!(place.at("/queue/recovering")?, &json!(true));
    Ok(())
}
