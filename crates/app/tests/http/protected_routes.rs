//! No request reaches a protected route without an identity and an active place. The test finds the
//! routes itself, in the OpenAPI document of the running program.

mod identities;
mod keys;
mod other_routes;
mod routes;
mod tokens;
mod walk;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, eventually};
use serde_json::json;

use crate::{buyer::Buyer, on_every_store, stores::Stores, test_app::TestApp};
use routes::Subject;
use tokens::{CURRENT, PREVIOUS};
use walk::{Walk, problem};

on_every_store!(
    a_good_token_passes_every_protected_route,
    a_token_that_this_service_did_not_sign_passes_no_route,
    a_token_of_another_user_or_concert_passes_no_route,
    a_place_that_is_not_active_passes_no_route,
);

const INVALID_TOKEN: (u16, &str) = (401, "queue-token-invalid");
const INVALID_IDENTITY: (u16, &str) = (401, "identity-invalid");
const NO_IDENTITY: (u16, &str) = (401, "identity-required");
const GONE: (u16, &str) = (410, "place-gone");
const SOON: Duration = Duration::from_secs(20);

/// Without this, the refusals below could have other reasons.
async fn a_good_token_passes_every_protected_route(stores: Stores) -> Result<()> {
    let walk = Walk::begin(stores, json!({})).await?;
    let first = Buyer::at(&walk.test_app, "first", "R1-1").await?;
    walk.passes("by X-User-Id", &first.visitor.client, &first)
        .await?;

    let second = Buyer::at(&walk.test_app, "second", "R1-2").await?;
    let anonymous = walk.test_app.app.client();
    let client = anonymous.bearer(&tokens::identity("second")?);
    walk.passes(
        "by a signed identity",
        &client.queue_token(second.token()),
        &second,
    )
    .await?;

    let third = Buyer::at(&walk.test_app, "third", "R1-3").await?;
    let token = tokens::signed(&tokens::claims(third.token())?, PREVIOUS)?;
    let client = third.visitor.client.queue_token(&token);
    walk.passes("with the previous key", &client, &third).await
}

async fn a_token_that_this_service_did_not_sign_passes_no_route(stores: Stores) -> Result<()> {
    let walk = Walk::begin(stores, json!({})).await?;
    let walker = Buyer::at(&walk.test_app, "walker", "R1-1").await?;
    let about = walk.about(&walker);
    let tokenless = walk.test_app.user("walker");
    walk.is_refused(
        "no token",
        &tokenless,
        &about,
        (401, "queue-token-required"),
    )
    .await?;
    for (case, token) in tokens::not_ours(walker.token())? {
        let client = tokenless.queue_token(&token);
        walk.is_refused(case, &client, &about, INVALID_TOKEN)
            .await?;
    }
    let client = tokenless.queue_token("Schlüssel");
    walk.is_refused("not ASCII", &client, &about, (400, "malformed-request"))
        .await?;
    walk.passes("afterwards", &walker.visitor.client, &walker)
        .await
}

async fn a_token_of_another_user_or_concert_passes_no_route(stores: Stores) -> Result<()> {
    let walk = Walk::begin(stores, json!({})).await?;
    let walker = Buyer::at(&walk.test_app, "walker", "R1-1").await?;
    let rival = Buyer::at(&walk.test_app, "rival", "R1-2").await?;
    let walker_as_rival = walk.test_app.user("walker").queue_token(rival.token());
    let others = (403, "other-users-queue-token");
    for reserved_by in [&walker, &rival] {
        let about = walk.about(reserved_by);
        walk.is_refused("another user's", &walker_as_rival, &about, others)
            .await?;
    }
    let there = walk
        .test_app
        .join_concert("walker", &walk.other_concert)
        .await?;
    let others = (403, "other-concerts-queue-token");
    walk.is_refused(
        "another concert's",
        &there.client,
        &walk.about(&walker),
        others,
    )
    .await?;
    let held = there
        .client
        .post("/v1/reservations")
        .json(&json!({"performance_id": walk.other_performance, "seats": ["R1-1"]}))
        .await?
        .expect_status(201)?;
    let about_there = Subject {
        concert: walk.other_concert.clone(),
        performance: walk.other_performance.clone(),
        reservation: held.text_at("/id")?.to_owned(),
        ..walk.about(&walker)
    };
    let here = &walker.visitor.client;
    walk.is_refused("for another concert", here, &about_there, others)
        .await?;

    let mixed = format!(
        "{}/{}/seats",
        walk.test_app.performances_path(),
        walk.other_performance
    );
    problem(&here.get(&mixed).await?, 404, "not-found")?;
    let rivals = walker.visitor.pay(&rival.reservation, "k").await?;
    problem(&rivals, 404, "not-found")?;
    walk.passes("afterwards", here, &walker).await
}

async fn a_place_that_is_not_active_passes_no_route(stores: Stores) -> Result<()> {
    // The queue admits the users that are needed below, and then none for an hour.
    let policy = json!({"throughput": {"admit": 5, "interval_s": 3600}});
    let walk = Walk::begin(stores, policy).await?;
    let test_app = &walk.test_app;
    // Each user has a hold from before, so that the payment route has something to pay.
    let payer = Buyer::at(test_app, "payer", "R1-1").await?;
    let leaver = Buyer::at(test_app, "leaver", "R1-2").await?;
    let waiter = Buyer::at(test_app, "waiter", "R1-3").await?;
    let idler = Buyer::at(test_app, "idler", "R1-4").await?;

    let paid = payer.pay("payment").await?.expect_status(200)?;
    let client = &payer.visitor.client;
    walk.is_refused("after the payment", client, &walk.about(&payer), GONE)
        .await?;
    assert_eq!(payer.pay("payment").await?.json, paid.json);

    for leaving in [&leaver, &waiter, &idler] {
        let left = leaving.visitor.client.delete("/v1/queue/token").await?;
        left.expect_status(204)?;
    }
    let client = &leaver.visitor.client;
    walk.is_refused("after leaving", client, &walk.about(&leaver), GONE)
        .await?;

    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let soon = test_app
        .admin()
        .patch(&path)
        .json(&json!({"claim_ttl_s": 1}));
    soon.await?.expect_status(200)?;
    let mut unclaimed = test_app.join("idler").await?;
    ensure!(unclaimed.is_active(), "{:?}", unclaimed.place);
    ensure!(!test_app.join("ahead").await?.is_active());
    let waiting = test_app.join("waiter").await?;
    check_still_waiting(&walk, &waiting.client, &walk.about(&waiter), 2).await?;

    eventually("the claim deadline passes", SOON, async || {
        Ok((unclaimed.look_up().await?.status == 410).then_some(()))
    })
    .await?;
    let client = &unclaimed.client;
    walk.is_refused("never claimed", client, &walk.about(&idler), GONE)
        .await?;

    let mut claims = tokens::claims(waiting.place["queue_token"].as_str().unwrap_or_default())?;
    claims["arrival"] = json!(1);
    let never = test_app.user("waiter");
    let never = never.queue_token(&tokens::signed(&claims, CURRENT)?);
    walk.is_refused("a place that never was", &never, &walk.about(&waiter), GONE)
        .await?;
    Ok(())
}

/// Checks that a waiting user gets the position, an estimate of the wait, and the time of the next
/// poll.
async fn check_still_waiting(
    walk: &Walk,
    client: &Client,
    about: &Subject,
    position: u64,
) -> Result<()> {
    let still_waiting = (429, "still-waiting");
    for reply in walk
        .is_refused("waiting", client, about, still_waiting)
        .await?
    {
        let retry_after = reply.header("retry-after").context("Retry-After")?;
        assert!(retry_after.parse::<u64>()? >= 1, "{reply:?}");
        assert_eq!(*reply.at("/position")?, position, "{reply:?}");
        assert!(reply.at("/estimated_wait_s")?.as_u64() > Some(0));
        let place = reply.at("/place")?;
        assert_eq!(
            (&place["state"], &place["position"]),
            (&json!("waiting"), &json!(position))
        );
    }
    Ok(())
}

/// Well-formed ids, for routes that refuse before they read.
fn about_nothing(test_app: &TestApp) -> Subject {
    Subject {
        concert: test_app.concert.clone(),
        performance: test_app.performance.clone(),
        reservation: "0198c0de-0000-7000-8000-000000000001".into(),
        seat: "R1-1".into(),
        key: "a key of the walk".into(),
    }
}
