//! How places in a queue come and go, and what operators change about that.

use anyhow::Result;
use frontrow_test_harness::{Reply, eventually};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    lives::{SOON, another_performance, claim, instant},
    on_every_store,
    stage::{PRICE, Stage, Visitor},
    stores::Stores,
};

on_every_store!(
    a_place_that_nobody_claims_is_given_to_the_next,
    an_active_place_ends_and_the_next_is_admitted,
    a_payment_gives_the_place_to_the_next_in_line,
    a_sold_out_concert_refuses_joins_until_there_are_seats_again,
    a_concert_that_has_ended_says_so_until_there_is_another_performance,
    a_concert_without_a_performance_lets_users_join_and_admits_nobody,
    a_heartbeat_keeps_a_place_and_tells_when_it_is_active,
    a_silent_user_stands_aside_and_is_next_when_back,
    a_paused_queue_lets_people_join_and_admits_nobody,
    a_closed_queue_refuses_joins_and_its_places_run_on,
    a_bypassed_queue_admits_everybody_and_the_gate_still_wants_a_token,
    nobody_is_admitted_before_the_queue_opens,
);

fn one_at_a_time() -> Value {
    json!({"throughput": null, "capacity": {"max_active": 1}})
}

async fn a_place_that_nobody_claims_is_given_to_the_next(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["claim_ttl_s"] = json!(1);
    let stage = Stage::open(stores, 1, 5, policy).await?;
    let first = stage.join("first").await?;
    let mut next = stage.join("next").await?;
    let end = instant(&first.place["active_until"])?;
    is_admitted(&mut next).await?;
    assert!(instant(&next.place["admitted_at"])? >= end);
    for reply in [
        first.client.get("/v1/queue/token").await?,
        first.client.get(&stage.performances_path()).await?,
    ] {
        is_gone(reply)?;
    }
    Ok(())
}

async fn an_active_place_ends_and_the_next_is_admitted(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["active_ttl_s"] = json!(1);
    let stage = Stage::open(stores, 1, 5, policy).await?;
    let mut first = stage.join("first").await?;
    let mut next = stage.join("next").await?;
    let end = claim(&stage, &mut first).await?;
    is_admitted(&mut next).await?;
    assert!(instant(&next.place["admitted_at"])? >= end);
    is_gone(first.client.get(&stage.seats_path()).await?)?;
    is_gone(first.hold(&stage, &["R1-1"]).await?)?;
    let back = stage.join("first").await?;
    assert_eq!(
        (&back.place["state"], &back.place["position"]),
        (&json!("waiting"), &json!(1))
    );
    Ok(())
}

async fn a_payment_gives_the_place_to_the_next_in_line(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 5, one_at_a_time()).await?;
    let first = stage.join("first").await?;
    let mut second = stage.join("second").await?;
    let mut third = stage.join("third").await?;
    first.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = first.hold(&stage, &["R1-1"]).await?.expect_status(201)?;
    second.look_up().await?.expect_status(200)?;
    assert!(!second.is_active());
    first
        .pay(held.text_at("/id")?, "payment")
        .await?
        .expect_status(200)?;
    is_gone(first.client.get("/v1/queue/token").await?)?;
    is_admitted(&mut second).await?;
    third.look_up().await?.expect_status(200)?;
    assert!(!third.is_active());
    Ok(())
}

async fn a_sold_out_concert_refuses_joins_until_there_are_seats_again(
    stores: Stores,
) -> Result<()> {
    let stage = Stage::open(stores, 1, 1, json!({})).await?;
    let buyer = stage.join("buyer").await?;
    let mut early = stage.join("early").await?;
    buyer.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = buyer.hold(&stage, &["R1-1"]).await?.expect_status(201)?;
    // A seat that is only held may still come free.
    stage.ask_to_join("hopeful").await?.expect_status(201)?;
    buyer
        .pay(held.text_at("/id")?, "payment")
        .await?
        .expect_status(200)?;
    let mut number = 0;
    let refused = eventually("the queue is told", SOON, async || {
        number += 1;
        let reply = stage.ask_to_join(&format!("late-{number}")).await?;
        Ok((reply.status == 409).then_some(reply))
    })
    .await?;
    assert_eq!(refused.text_at("/type")?, "/problems/sold-out");
    early.look_up().await?.expect_status(200)?;
    assert_eq!(early.place["queue"]["sold_out"], true);
    stage.ask_to_join("early").await?.expect_status(200)?;

    another_performance(&stage, 1).await?;
    eventually("joins are taken again", SOON, async || {
        let reply = stage.ask_to_join("patient").await?;
        Ok((reply.status == 201).then_some(()))
    })
    .await
}

/// The last performance starts.
async fn end(stage: &Stage) -> Result<()> {
    let (concert, performance) = (&stage.concert, &stage.performance);
    let path = format!("/v1/admin/concerts/{concert}/performances/{performance}");
    let started = json!({"starts_at": "2020-01-02T19:30:00Z", "allow_past": true});
    let moved = stage.admin().patch(&path).json(&started).await?;
    moved.expect_status(200)?;
    Ok(())
}

async fn a_concert_that_has_ended_says_so_until_there_is_another_performance(
    stores: Stores,
) -> Result<()> {
    let stage = Stage::open(stores, 1, 5, one_at_a_time()).await?;
    let mut active = stage.join("active").await?;
    let mut waiting = stage.join("waiting").await?;
    end(&stage).await?;
    let mut number = 0;
    let refused = eventually("the queue is told", SOON, async || {
        number += 1;
        let reply = stage.ask_to_join(&format!("late-{number}")).await?;
        Ok((reply.status == 409).then_some(reply))
    })
    .await?;
    assert_eq!(refused.text_at("/type")?, "/problems/concert-ended");
    eventually("the users who wait are told", SOON, async || {
        waiting.look_up().await?.expect_status(200)?;
        Ok((waiting.place["queue"]["sale"] == "ended").then_some(()))
    })
    .await?;
    assert_eq!(waiting.place["state"], "waiting");
    assert!(waiting.place["estimated_wait_s"].is_null());
    active.look_up().await?.expect_status(200)?;
    assert_eq!(active.place["state"], "active");
    let concert = format!("/v1/concerts/{}", stage.concert);
    let shown = stage.user("anyone").get(&concert).await?;
    assert_eq!(*shown.at("/queue/sale")?, "ended");

    another_performance(&stage, 1).await?;
    stage.ask_to_join("patient").await?.expect_status(201)?;
    waiting.look_up().await?.expect_status(200)?;
    assert_eq!(waiting.place["position"], 1);
    assert_eq!(waiting.place["queue"]["recovering"], false);
    Ok(())
}

async fn a_concert_without_a_performance_lets_users_join_and_admits_nobody(
    stores: Stores,
) -> Result<()> {
    let mut stage = Stage::open(stores, 1, 5, json!({})).await?;
    let unplanned = json!({"title": "Some day"});
    let created = stage.admin().post("/v1/admin/concerts").json(&unplanned);
    let created = created.await?.expect_status(201)?;
    created.text_at("/id")?.clone_into(&mut stage.concert);
    let mut waiting = stage.join("early").await?;
    assert!(!waiting.is_active());
    assert_eq!(waiting.place["queue"]["sale"], "unplanned");
    assert_eq!(waiting.place["queue"]["state"], "open");
    another_performance(&stage, 1).await?;
    is_admitted(&mut waiting).await?;
    assert_eq!(waiting.place["queue"]["sale"], "on_sale");
    Ok(())
}

async fn a_heartbeat_keeps_a_place_and_tells_when_it_is_active(stores: Stores) -> Result<()> {
    const HEARTBEAT: &str = "/v1/queue/token/heartbeat";
    let stage = Stage::open(stores, 1, 5, one_at_a_time()).await?;
    let first = stage.join("first").await?;
    let mut next = stage.join("next").await?;
    assert_eq!(next.place["ordinal"], 1);
    let waiting = next.client.post(HEARTBEAT).await?.expect_status(204)?;
    assert_eq!(waiting.text, "");
    first
        .client
        .delete("/v1/queue/token")
        .await?
        .expect_status(204)?;
    is_gone(first.client.post(HEARTBEAT).await?)?;
    is_admitted(&mut next).await?;
    let active = next.client.post(HEARTBEAT).await?.expect_status(200)?;
    assert_eq!(*active.at("/state")?, "active");
    assert!(active.at("/ordinal")?.is_null());
    assert_eq!(*active.at("/arrival_us")?, next.place["arrival_us"]);
    let nobody = stage.user("nobody").post(HEARTBEAT).await?;
    nobody.expect_status(401)?;
    let forged = stage
        .user("nobody")
        .queue_token("forged")
        .post(HEARTBEAT)
        .await?;
    forged.expect_status(401)?;
    Ok(())
}

async fn a_silent_user_stands_aside_and_is_next_when_back(stores: Stores) -> Result<()> {
    const ABSENT_AFTER_S: i64 = 3;
    let mut policy = one_at_a_time();
    policy["absent_after_s"] = json!(ABSENT_AFTER_S);
    let stage = Stage::open(stores, 1, 5, policy).await?;
    let inside = stage.join("inside").await?;
    let mut silent = stage.join("silent").await?;
    let mut next = stage.join("next").await?;
    let absent_at =
        instant(&silent.place["as_of"])? + SignedDuration::from_secs(ABSENT_AFTER_S + 1);
    eventually("the silent user is absent", SOON, async || {
        next.look_up().await?;
        Ok((instant(&next.place["as_of"])? > absent_at).then_some(()))
    })
    .await?;
    leave(&inside).await?;
    is_admitted(&mut next).await?;

    silent.look_up().await?;
    assert_eq!(silent.place["state"], "waiting");
    let late = stage.join("late").await?;
    assert_eq!(late.place["position"], 2);
    leave(&next).await?;
    is_admitted(&mut silent).await?;
    Ok(())
}

async fn leave(visitor: &Visitor) -> Result<()> {
    let left = visitor.client.delete("/v1/queue/token").await?;
    left.expect_status(204).map(drop)
}

async fn a_paused_queue_lets_people_join_and_admits_nobody(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 5, json!({})).await?;
    let mut active = stage.join("active").await?;
    changed(&stage, json!({"state": "paused"})).await?;
    let mut waiting = stage.join("waiting").await?;
    assert_eq!(waiting.place["position"], 1);
    assert_eq!(waiting.place["queue"]["state"], "paused");
    claim(&stage, &mut active).await?; // who is in stays in
    let early = waiting.client.get(&stage.performances_path()).await?;
    early.expect_status(429)?;

    changed(&stage, json!({"state": "open"})).await?;
    is_admitted(&mut waiting).await?;
    Ok(())
}

async fn a_closed_queue_refuses_joins_and_its_places_run_on(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 5, json!({})).await?;
    let mut active = stage.join("active").await?;
    changed(&stage, json!({"state": "closed"})).await?;
    let refused = stage.ask_to_join("late").await?.expect_status(409)?;
    assert_eq!(refused.text_at("/type")?, "/problems/queue-closed");
    stage.ask_to_join("active").await?.expect_status(200)?;
    claim(&stage, &mut active).await?;

    changed(&stage, json!({"state": "open"})).await?;
    assert!(stage.join("late").await?.is_active());
    Ok(())
}

async fn a_bypassed_queue_admits_everybody_and_the_gate_still_wants_a_token(
    stores: Stores,
) -> Result<()> {
    let stage = Stage::open(stores, 1, 5, one_at_a_time()).await?;
    stage.join("active").await?;
    let mut waiting = vec![stage.join("second").await?, stage.join("third").await?];
    assert!(waiting.iter().all(|visitor| !visitor.is_active()));
    changed(&stage, json!({"state": "bypass"})).await?;
    for visitor in &mut waiting {
        is_admitted(visitor).await?;
    }
    assert!(stage.join("fourth").await?.is_active());
    let without = stage.user("fifth").get(&stage.performances_path()).await?;
    without.expect_status(401)?;

    changed(&stage, json!({"state": "open"})).await?;
    assert!(!stage.join("fifth").await?.is_active());
    for visitor in &waiting {
        let inside = visitor.client.get(&stage.performances_path()).await?;
        inside.expect_status(200)?;
    }
    Ok(())
}

async fn nobody_is_admitted_before_the_queue_opens(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 5, json!({"opens_at": "2099-01-01T00:00:00Z"})).await?;
    let mut first = stage.join("first").await?;
    assert_eq!(first.place["position"], 1);
    assert_eq!(first.place["queue"]["opens_at"], "2099-01-01T00:00:00Z");
    let opens_at = instant(&first.place["as_of"])? + std::time::Duration::from_secs(1);
    changed(&stage, json!({"opens_at": opens_at.to_string()})).await?;
    is_admitted(&mut first).await?;
    assert!(instant(&first.place["admitted_at"])? >= opens_at);

    changed(&stage, json!({"opens_at": "2099-01-01T00:00:00Z"})).await?;
    let mut second = stage.join("second").await?;
    assert!(!second.is_active());
    changed(&stage, json!({"opens_at": null})).await?;
    is_admitted(&mut second).await?;
    Ok(())
}

/// Changes the queue's policy, in force at once.
async fn changed(stage: &Stage, change: Value) -> Result<()> {
    let path = format!("/v1/admin/concerts/{}/queue", stage.concert);
    let before = stage.admin().get(&path).await?.expect_status(200)?;
    let after = stage.admin().patch(&path).json(&change).await?;
    let after = after.expect_status(200)?;
    assert_eq!(after.at("/in_force")?, true);
    assert!(after.at("/version")?.as_i64() > before.at("/version")?.as_i64());
    let shown = stage.admin().get(&path).await?.expect_status(200)?;
    assert_eq!(shown.json, after.json);
    Ok(())
}

async fn is_admitted(visitor: &mut Visitor) -> Result<()> {
    eventually("the turn comes", SOON, async || {
        visitor.look_up().await?.expect_status(200)?;
        Ok(visitor.is_active().then_some(()))
    })
    .await
}

fn is_gone(reply: Reply) -> Result<()> {
    let reply = reply.expect_status(410)?;
    assert_eq!(reply.text_at("/type")?, "/problems/place-gone");
    Ok(())
}
