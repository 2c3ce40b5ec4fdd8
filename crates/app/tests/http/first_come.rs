//! Typical mistakes that make a waiting room unfair. The tests show that none of them happens.
//!
//! The other ones are tested elsewhere, on every configuration too: tokens that are forged or
//! belong to another user (`protected_routes`), protected routes without the gate
//! (`protected_routes` walks all of them), payments of another user's hold or after its end
//! (`hold_ends`, `protected_routes`), a place that is kept after the payment
//! (`place_lifetimes::a_payment_gives_the_place_to_the_next_in_line`). That many programs on one
//! store admit no more than one program would is tested for those stores alone.

use anyhow::{Result, ensure};
use frontrow_test_harness::eventually;
use serde_json::{Value, json};

use crate::{
    lifetimes::{SOON, claim, instant},
    on_every_store,
    stores::Stores,
    test_app::{TestApp, Visitor},
};

on_every_store!(
    users_are_admitted_in_the_order_of_arrival_whatever_their_names,
    joining_again_moves_no_user_to_the_back,
    an_active_user_does_not_queue_again,
    a_user_who_goes_away_silently_delays_no_other_user,
);

fn one_at_a_time() -> Value {
    json!({"throughput": null, "capacity": {"max_active": 1}})
}

/// Waits until the place is active. Returns the instant of its admission.
async fn admission(visitor: &mut Visitor) -> Result<jiff::Timestamp> {
    eventually("the next is admitted", SOON, async || {
        visitor.look_up().await?.expect_status(200)?;
        Ok(visitor.is_active().then_some(()))
    })
    .await?;
    instant(&visitor.place["admitted_at"])
}

/// All users join within one second, so a queue with a resolution of seconds would sort them by
/// name.
async fn users_are_admitted_in_the_order_of_arrival_whatever_their_names(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let mut active = test_app.join("z").await?;
    let mut line = Vec::new();
    for name in ["10", "9", "b", "a", "B", "11"] {
        line.push(test_app.join(name).await?);
    }
    for (index, waiting) in line.iter().enumerate() {
        assert_eq!(waiting.place["position"], index + 1);
    }
    for mut next in line {
        let left = active.client.delete("/v1/queue/token").await?;
        left.expect_status(204)?;
        admission(&mut next).await?;
        active = next;
    }
    Ok(())
}

async fn joining_again_moves_no_user_to_the_back(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    test_app.join("active").await?;
    let ann = test_app.join("ann").await?;
    let ben = test_app.join("ben").await?;
    let again = test_app.ask_to_join("ann").await?.expect_status(200)?;
    for field in ["queue_token", "joined_at", "position"] {
        assert_eq!(again.json[field], ann.place[field], "{field}");
    }
    assert_eq!(again.json["people_behind"], 1);
    assert_eq!(ben.place["position"], 2);
    Ok(())
}

async fn an_active_user_does_not_queue_again(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let mut ann = test_app.join("ann").await?;
    claim(&test_app, &mut ann).await?;
    let mut ben = test_app.join("ben").await?;
    let again = test_app.ask_to_join("ann").await?.expect_status(200)?;
    for field in ["queue_token", "joined_at", "admitted_at", "active_until"] {
        assert_eq!(again.json[field], ann.place[field], "{field}");
    }
    ben.look_up().await?.expect_status(200)?;
    assert_eq!(
        ben.place["people_behind"], 0,
        "no user is in line behind ben"
    );
    Ok(())
}

async fn a_user_who_goes_away_silently_delays_no_other_user(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["waiting_ttl_s"] = json!(10);
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    let active = test_app.join("active").await?;
    let silent = test_app.join("silent").await?;
    let mut patient = test_app.join("patient").await?;
    assert_eq!(patient.place["position"], 2);
    eventually("the silent one is given up", SOON, async || {
        let looked = patient.look_up().await?;
        ensure!(looked.status == 200, "{looked:?}");
        Ok((patient.place["position"] == 1).then_some(()))
    })
    .await?;
    let left = active.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;
    admission(&mut patient).await?;
    let gone = silent.client.get("/v1/queue/token").await?;
    assert_eq!(
        gone.expect_status(410)?.text_at("/type")?,
        "/problems/place-gone"
    );
    Ok(())
}
