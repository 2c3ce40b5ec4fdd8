//! Redis restarts empty: users re-enter with their tokens.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, RedisServer, Reply, eventually};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ShakyQueue, shaky_queue::SOON};
use crate::{
    lives::instant,
    random::Random,
    stores::Stores,
    test_app::{self, TestApp},
};

const PEOPLE: usize = 5_000;
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
struct Person {
    client: Client,
    joined_at: Timestamp,
    place: Value,
}

impl Person {
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

/// Lets this many users join.
async fn crowd(shaky: &ShakyQueue) -> Result<Vec<Person>> {
    let test_app = &shaky.test_app;
    let joining = (0..PEOPLE).map(|number| async move {
        let client = test_app.user(&format!("user-{number}"));
        let concert = json!({"concert_id": test_app.concert});
        let joined: Reply = client.post("/v1/queue/tokens").json(&concert).await?;
        let place = joined.expect_status(201)?.json;
        anyhow::Ok(Person {
            client,
            joined_at: instant(&place["joined_at"])?,
            place,
        })
    });
    let mut people: Vec<_> = stream::iter(joining)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    people.sort_by_key(|person| person.joined_at);
    Ok(people)
}

/// Looks up all users, in any order.
async fn all_look_up(people: Vec<Person>) -> Result<Vec<Person>> {
    let mut random = Random::seeded();
    let mut people: Vec<_> = people
        .into_iter()
        .map(|person| (random.next(), person))
        .collect();
    people.sort_by_key(|(turn, _)| *turn);
    let asking = people.into_iter().map(|(_, mut person)| async move {
        person.look_up().await?;
        anyhow::Ok(person)
    });
    let mut people: Vec<_> = stream::iter(asking)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    people.sort_by_key(|person| person.joined_at);
    Ok(people)
}

/// A line of 5,000 users, the first hundred of them active. `lose` empties Redis while they poll.
async fn everybody_gets_their_place_back(
    lose: impl AsyncFnOnce(&mut ShakyQueue) -> Result<()>,
) -> Result<()> {
    // Most ask once while the queue recovers, and are not to be absent after it.
    let throughput = json!({"admit": ACTIVE, "interval_s": 3600});
    let policy = json!({"throughput": throughput, "absent_after_s": 150});
    let recovery = |config: frontrow_test_harness::AppConfig| {
        config.env("FRONTROW_QUEUE__RECOVERY_S", RECOVERY_S.to_string())
    };
    let mut shaky = ShakyQueue::open(policy, recovery).await?;
    let people = crowd(&shaky).await?;
    let active = |people: &[Person]| {
        let active = people.iter().filter(|one| one.place["state"] == "active");
        active.count()
    };
    assert_eq!(active(&people), ACTIVE, "nobody waited before them");

    // They ask all the time: some before it is lost, and each of them after.
    let (people, lost) = tokio::join!(all_look_up(people), lose(&mut shaky));
    lost?;
    let people = people?;
    let mut people = all_look_up(people).await?;
    for (index, person) in people.iter_mut().enumerate().step_by(SAMPLE) {
        person.look_up().await?;
        let place = &person.place;
        let recovering = place["queue"]["recovering"] == true;
        ensure!(recovering, "not all came back in {RECOVERY_S} s");
        ensure!(
            place["state"] == "waiting",
            "nobody is admitted yet: {place}"
        );
        let position = place["position"].as_u64().context("a position")?;
        ensure!(
            position == index as u64 + 1,
            "{place} should be {index} + 1"
        );
    }
    let late = shaky.test_app.join("somebody-new").await?;
    assert_eq!(late.place["position"], PEOPLE + 1);

    // Those who were active are the oldest, so they are the first to be admitted again.
    let people = Arc::new(tokio::sync::Mutex::new(people));
    let after_recovery = Duration::from_secs(RECOVERY_S) + SOON;
    eventually("the first are admitted", after_recovery, async || {
        let mut people = people.lock().await;
        let last = &mut people[ACTIVE - 1];
        last.look_up().await?;
        Ok((last.place["state"] == "active").then_some(()))
    })
    .await?;
    let people = Arc::into_inner(people).context("nobody else has them")?;
    let mut people = people.into_inner();
    for person in &mut people[..=ACTIVE] {
        person.look_up().await?;
    }
    assert_eq!(active(&people[..=ACTIVE]), ACTIVE);
    assert_eq!(people[ACTIVE].place["position"], 1);
    shaky.never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_flushed_gets_its_line_back_from_the_people() -> Result<()> {
    everybody_gets_their_place_back(async |shaky| shaky.server.execute(&["FLUSHALL"]).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_redis_in_its_place_gets_the_line_back_from_the_people() -> Result<()> {
    everybody_gets_their_place_back(async |shaky| shaky.server.restart_empty().await).await
}

/// The other instance has created the concert and has ended. This one has not read the new concerts
/// since.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_gets_the_line_back_of_a_concert_it_did_not_know() -> Result<()> {
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
