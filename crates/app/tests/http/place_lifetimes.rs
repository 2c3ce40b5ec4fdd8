//! When places in a queue begin and end, and how operators change that.

use anyhow::Result;
use frontrow_test_harness::{Reply, eventually};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    lifetimes::{SOON, another_performance, claim, instant},
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor},
};

on_every_store!(
    a_place_that_is_never_claimed_is_given_to_the_next_user,
    an_active_place_ends_and_the_next_is_admitted,
    a_payment_gives_the_place_to_the_next_in_line,
    a_sold_out_concert_refuses_joins_until_there_are_seats_again,
    a_concert_that_has_ended_is_shown_as_ended_until_it_has_another_performance,
    a_concert_without_a_performance_lets_users_join_and_admits_no_user,
    a_heartbeat_keeps_a_place_and_reports_when_it_is_active,
    a_silent_user_stands_aside_and_is_next_when_back,
    a_paused_queue_lets_users_join_and_admits_no_user,
    a_closed_queue_refuses_joins_and_its_places_run_on,
    a_bypassed_queue_admits_every_user_and_the_gate_still_requires_a_token,
    no_user_is_admitted_before_the_queue_opens,
);

fn one_at_a_time() -> Value {
    json!({"throughput": null, "capacity": {"max_active": 1}})
}

async fn a_place_that_is_never_claimed_is_given_to_the_next_user(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["claim_ttl_s"] = json!(1);
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    let first = test_app.join("first").await?;
    let mut next = test_app.join("next").await?;
    let end = instant(&first.place["active_until"])?;
    wait_until_admitted(&mut next).await?;
    assert!(instant(&next.place["admitted_at"])? >= end);
    for reply in [
        first.client.get("/v1/queue/token").await?,
        first.client.get(&test_app.performances_path()).await?,
    ] {
        check_gone(reply)?;
    }
    Ok(())
}

async fn an_active_place_ends_and_the_next_is_admitted(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["active_ttl_s"] = json!(1);
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    let mut first = test_app.join("first").await?;
    let mut next = test_app.join("next").await?;
    let end = claim(&test_app, &mut first).await?;
    wait_until_admitted(&mut next).await?;
    assert!(instant(&next.place["admitted_at"])? >= end);
    check_gone(first.client.get(&test_app.seats_path()).await?)?;
    check_gone(first.hold(&test_app, &["R1-1"]).await?)?;
    let back = test_app.join("first").await?;
    assert_eq!(
        (&back.place["state"], &back.place["position"]),
        (&json!("waiting"), &json!(1))
    );
    Ok(())
}

async fn a_payment_gives_the_place_to_the_next_in_line(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let first = test_app.join("first").await?;
    let mut second = test_app.join("second").await?;
    let mut third = test_app.join("third").await?;
    first.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = first.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    second.look_up().await?.expect_status(200)?;
    assert!(!second.is_active());
    first
        .pay(held.text_at("/id")?, "payment")
        .await?
        .expect_status(200)?;
    check_gone(first.client.get("/v1/queue/token").await?)?;
    wait_until_admitted(&mut second).await?;
    third.look_up().await?.expect_status(200)?;
    assert!(!third.is_active());
    Ok(())
}

async fn a_sold_out_concert_refuses_joins_until_there_are_seats_again(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let buyer = test_app.join("buyer").await?;
    let mut early = test_app.join("early").await?;
    buyer.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = buyer.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    // A seat that is only held may still come free.
    test_app.ask_to_join("hopeful").await?.expect_status(201)?;
    buyer
        .pay(held.text_at("/id")?, "payment")
        .await?
        .expect_status(200)?;
    let mut number = 0;
    let refused = eventually("the queue has learned it", SOON, async || {
        number += 1;
        let reply = test_app.ask_to_join(&format!("late-{number}")).await?;
        Ok((reply.status == 409).then_some(reply))
    })
    .await?;
    assert_eq!(refused.text_at("/type")?, "/problems/sold-out");
    early.look_up().await?.expect_status(200)?;
    assert_eq!(early.place["queue"]["sold_out"], true);
    test_app.ask_to_join("early").await?.expect_status(200)?;

    another_performance(&test_app, 1).await?;
    eventually("joins are taken again", SOON, async || {
        let reply = test_app.ask_to_join("patient").await?;
        Ok((reply.status == 201).then_some(()))
    })
    .await
}

/// Moves the start of the last performance into the past.
async fn end(test_app: &TestApp) -> Result<()> {
    let (concert, performance) = (&test_app.concert, &test_app.performance);
    let path = format!("/v1/admin/concerts/{concert}/performances/{performance}");
    let started = json!({"starts_at": "2020-01-02T19:30:00Z", "allow_past": true});
    let moved = test_app.admin().patch(&path).json(&started).await?;
    moved.expect_status(200)?;
    Ok(())
}

async fn a_concert_that_has_ended_is_shown_as_ended_until_it_has_another_performance(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let mut active = test_app.join("active").await?;
    let mut waiting = test_app.join("waiting").await?;
    end(&test_app).await?;
    let mut number = 0;
    let refused = eventually("the queue has learned it", SOON, async || {
        number += 1;
        let reply = test_app.ask_to_join(&format!("late-{number}")).await?;
        Ok((reply.status == 409).then_some(reply))
    })
    .await?;
    assert_eq!(refused.text_at("/type")?, "/problems/concert-ended");
    eventually("a waiting user sees it", SOON, async || {
        waiting.look_up().await?.expect_status(200)?;
        Ok((waiting.place["queue"]["sale"] == "ended").then_some(()))
    })
    .await?;
    assert_eq!(waiting.place["state"], "waiting");
    assert!(waiting.place["estimated_wait_s"].is_null());
    active.look_up().await?.expect_status(200)?;
    assert_eq!(active.place["state"], "active");
    let concert = format!("/v1/concerts/{}", test_app.concert);
    let shown = test_app.user("visitor").get(&concert).await?;
    assert_eq!(*shown.at("/queue/sale")?, "ended");

    another_performance(&test_app, 1).await?;
    test_app.ask_to_join("patient").await?.expect_status(201)?;
    waiting.look_up().await?.expect_status(200)?;
    assert_eq!(waiting.place["position"], 1);
    assert_eq!(waiting.place["queue"]["recovering"], false);
    Ok(())
}

async fn a_concert_without_a_performance_lets_users_join_and_admits_no_user(
    stores: Stores,
) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let unplanned = json!({"title": "Some day"});
    let created = test_app.admin().post("/v1/admin/concerts").json(&unplanned);
    let created = created.await?.expect_status(201)?;
    created.text_at("/id")?.clone_into(&mut test_app.concert);
    let mut waiting = test_app.join("early").await?;
    assert!(!waiting.is_active());
    assert_eq!(waiting.place["queue"]["sale"], "unplanned");
    assert_eq!(waiting.place["queue"]["state"], "open");
    another_performance(&test_app, 1).await?;
    wait_until_admitted(&mut waiting).await?;
    assert_eq!(waiting.place["queue"]["sale"], "on_sale");
    Ok(())
}

async fn a_heartbeat_keeps_a_place_and_reports_when_it_is_active(stores: Stores) -> Result<()> {
    const HEARTBEAT: &str = "/v1/queue/token/heartbeat";
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let first = test_app.join("first").await?;
    let mut next = test_app.join("next").await?;
    assert_eq!(next.place["ordinal"], 1);
    let waiting = next.client.post(HEARTBEAT).await?.expect_status(204)?;
    assert_eq!(waiting.text, "");
    first
        .client
        .delete("/v1/queue/token")
        .await?
        .expect_status(204)?;
    check_gone(first.client.post(HEARTBEAT).await?)?;
    wait_until_admitted(&mut next).await?;
    let active = next.client.post(HEARTBEAT).await?.expect_status(200)?;
    assert_eq!(*active.at("/state")?, "active");
    assert!(active.at("/ordinal")?.is_null());
    assert_eq!(*active.at("/arrival_us")?, next.place["arrival_us"]);
    let without_token = test_app.user("stranger").post(HEARTBEAT).await?;
    without_token.expect_status(401)?;
    let forged = test_app
        .user("stranger")
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
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    let active = test_app.join("active").await?;
    let mut silent = test_app.join("silent").await?;
    let mut next = test_app.join("next").await?;
    let absent_at =
        instant(&silent.place["as_of"])? + SignedDuration::from_secs(ABSENT_AFTER_S + 1);
    eventually("the silent user is absent", SOON, async || {
        next.look_up().await?;
        Ok((instant(&next.place["as_of"])? > absent_at).then_some(()))
    })
    .await?;
    leave(&active).await?;
    wait_until_admitted(&mut next).await?;

    silent.look_up().await?;
    assert_eq!(silent.place["state"], "waiting");
    let late = test_app.join("late").await?;
    assert_eq!(late.place["position"], 2);
    leave(&next).await?;
    wait_until_admitted(&mut silent).await?;
    Ok(())
}

async fn leave(visitor: &Visitor) -> Result<()> {
    let left = visitor.client.delete("/v1/queue/token").await?;
    left.expect_status(204).map(drop)
}

async fn a_paused_queue_lets_users_join_and_admits_no_user(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let mut active = test_app.join("active").await?;
    change_policy(&test_app, json!({"state": "paused"})).await?;
    let mut waiting = test_app.join("waiting").await?;
    assert_eq!(waiting.place["position"], 1);
    assert_eq!(waiting.place["queue"]["state"], "paused");
    claim(&test_app, &mut active).await?; // who is in stays in
    let early = waiting.client.get(&test_app.performances_path()).await?;
    early.expect_status(429)?;

    change_policy(&test_app, json!({"state": "open"})).await?;
    wait_until_admitted(&mut waiting).await?;
    Ok(())
}

async fn a_closed_queue_refuses_joins_and_its_places_run_on(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let mut active = test_app.join("active").await?;
    change_policy(&test_app, json!({"state": "closed"})).await?;
    let refused = test_app.ask_to_join("late").await?.expect_status(409)?;
    assert_eq!(refused.text_at("/type")?, "/problems/queue-closed");
    test_app.ask_to_join("active").await?.expect_status(200)?;
    claim(&test_app, &mut active).await?;

    change_policy(&test_app, json!({"state": "open"})).await?;
    assert!(test_app.join("late").await?.is_active());
    Ok(())
}

async fn a_bypassed_queue_admits_every_user_and_the_gate_still_requires_a_token(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    test_app.join("active").await?;
    let mut waiting = vec![
        test_app.join("second").await?,
        test_app.join("third").await?,
    ];
    assert!(waiting.iter().all(|visitor| !visitor.is_active()));
    change_policy(&test_app, json!({"state": "bypass"})).await?;
    for visitor in &mut waiting {
        wait_until_admitted(visitor).await?;
    }
    assert!(test_app.join("fourth").await?.is_active());
    let without = test_app
        .user("fifth")
        .get(&test_app.performances_path())
        .await?;
    without.expect_status(401)?;

    change_policy(&test_app, json!({"state": "open"})).await?;
    assert!(!test_app.join("fifth").await?.is_active());
    for visitor in &waiting {
        let active = visitor.client.get(&test_app.performances_path()).await?;
        active.expect_status(200)?;
    }
    Ok(())
}

async fn no_user_is_admitted_before_the_queue_opens(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({"opens_at": "2099-01-01T00:00:00Z"})).await?;
    let mut first = test_app.join("first").await?;
    assert_eq!(first.place["position"], 1);
    assert_eq!(first.place["queue"]["opens_at"], "2099-01-01T00:00:00Z");
    let opens_at = instant(&first.place["as_of"])? + std::time::Duration::from_secs(1);
    change_policy(&test_app, json!({"opens_at": opens_at.to_string()})).await?;
    wait_until_admitted(&mut first).await?;
    assert!(instant(&first.place["admitted_at"])? >= opens_at);

    change_policy(&test_app, json!({"opens_at": "2099-01-01T00:00:00Z"})).await?;
    let mut second = test_app.join("second").await?;
    assert!(!second.is_active());
    change_policy(&test_app, json!({"opens_at": null})).await?;
    wait_until_admitted(&mut second).await?;
    Ok(())
}

/// Changes the queue's policy, which is in force immediately.
async fn change_policy(test_app: &TestApp, change: Value) -> Result<()> {
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let before = test_app.admin().get(&path).await?.expect_status(200)?;
    let after = test_app.admin().patch(&path).json(&change).await?;
    let after = after.expect_status(200)?;
    assert_eq!(after.at("/in_force")?, true);
    assert!(after.at("/version")?.as_i64() > before.at("/version")?.as_i64());
    let shown = test_app.admin().get(&path).await?.expect_status(200)?;
    assert_eq!(shown.json, after.json);
    Ok(())
}

async fn wait_until_admitted(visitor: &mut Visitor) -> Result<()> {
    eventually("the turn comes", SOON, async || {
        visitor.look_up().await?.expect_status(200)?;
        Ok(visitor.is_active().then_some(()))
    })
    .await
}

fn check_gone(reply: Reply) -> Result<()> {
    let reply = reply.expect_status(410)?;
    assert_eq!(reply.text_at("/type")?, "/problems/place-gone");
    Ok(())
}
