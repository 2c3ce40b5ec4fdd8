//! Typical mistakes that make a waiting room unfair. Each is shown not to happen.
//!
//! The other ones are tested elsewhere, on every configuration too: tokens that are forged or
//! belong to another user (`protected_routes`), protected routes without the gate
//! (`protected_routes` walks all of them), payments of another user's hold or after its end
//! (`hold_ends`, `protected_routes`), a place that is kept after the payment
//! (`queue_lives::a_payment_gives_the_place_to_the_next_in_line`). That many programs on one store
//! admit no more than one program would is tested for those stores alone.

use anyhow::{Result, ensure};
use frontrow_test_harness::eventually;
use serde_json::{Value, json};

use crate::{
    lives::{SOON, claim, instant},
    on_every_store,
    stores::Stores,
    test_app::{TestApp, Visitor},
};

on_every_store!(
    who_comes_first_is_served_first_whatever_their_name,
    joining_again_moves_nobody_to_the_back,
    who_is_active_does_not_queue_again,
    who_goes_away_without_a_word_holds_nobody_up,
);

fn one_at_a_time() -> Value {
    json!({"throughput": null, "capacity": {"max_active": 1}})
}

/// Waits until the place is active. Returns its admission.
async fn admission(visitor: &mut Visitor) -> Result<jiff::Timestamp> {
    eventually("the next is admitted", SOON, async || {
        visitor.look_up().await?.expect_status(200)?;
        Ok(visitor.is_active().then_some(()))
    })
    .await?;
    instant(&visitor.place["admitted_at"])
}

/// All join within one second, so that a queue with a resolution of seconds would sort them by
/// name.
async fn who_comes_first_is_served_first_whatever_their_name(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let mut inside = test_app.join("z").await?;
    let mut line = Vec::new();
    for name in ["10", "9", "b", "a", "B", "11"] {
        line.push(test_app.join(name).await?);
    }
    for (index, waiting) in line.iter().enumerate() {
        assert_eq!(waiting.place["position"], index + 1);
    }
    for mut next in line {
        let left = inside.client.delete("/v1/queue/token").await?;
        left.expect_status(204)?;
        admission(&mut next).await?;
        inside = next;
    }
    Ok(())
}

async fn joining_again_moves_nobody_to_the_back(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    test_app.join("inside").await?;
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

async fn who_is_active_does_not_queue_again(stores: Stores) -> Result<()> {
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
        "nobody is in line behind ben"
    );
    Ok(())
}

async fn who_goes_away_without_a_word_holds_nobody_up(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["waiting_ttl_s"] = json!(10);
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    let inside = test_app.join("inside").await?;
    let silent = test_app.join("silent").await?;
    let mut patient = test_app.join("patient").await?;
    assert_eq!(patient.place["position"], 2);
    eventually("the silent one is given up", SOON, async || {
        let looked = patient.look_up().await?;
        ensure!(looked.status == 200, "{looked:?}");
        Ok((patient.place["position"] == 1).then_some(()))
    })
    .await?;
    let left = inside.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;
    admission(&mut patient).await?;
    let gone = silent.client.get("/v1/queue/token").await?;
    assert_eq!(
        gone.expect_status(410)?.text_at("/type")?,
        "/problems/place-gone"
    );
    Ok(())
}
