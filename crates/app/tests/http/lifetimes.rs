//! The lifetimes of holds and places, and the answers after their end.

use std::time::Duration;

use anyhow::{Context, Result};
use frontrow_test_harness::{Reply, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor},
};

/// The limit for events without a request, such as an expiry or an admission.
pub(crate) const SOON: Duration = Duration::from_secs(30);

on_every_store!(
    a_repeated_hold_returns_the_existing_hold,
    released_seats_can_be_held_again_and_the_place_stays,
    a_late_payment_is_refused_and_nothing_is_charged,
    a_seat_of_an_expired_hold_is_sold_to_the_next_user_and_lost_to_the_first,
    a_hold_outlives_its_place_in_the_queue,
    a_hold_is_paid_after_leaving_and_joining_again,
    a_hold_extends_its_place_past_a_short_life,
    a_hold_never_extends_its_place_past_the_last_ordinary_one,
);

async fn a_repeated_hold_returns_the_existing_hold(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let fan = test_app.join("fan").await?;
    let held = fan.hold(&test_app, &["R1-1", "R1-2"]).await?;
    let held = held.expect_status(201)?;
    assert_eq!(
        held.header("location"),
        Some(&*format!("/v1/reservations/{}", held.text_at("/id")?))
    );
    for seats in [["R1-1", "R1-2"], ["R1-2", "R1-1"]] {
        let again = fan.hold(&test_app, &seats).await?.expect_status(200)?;
        assert_eq!(again.json, held.json);
    }
    assert_eq!(test_app.sales().await?.len(), 1);
    Ok(())
}

async fn released_seats_can_be_held_again_and_the_place_stays(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let mut fan = test_app.join("fan").await?;
    let rival = test_app.join("rival").await?;
    let first = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let first = first.text_at("/id")?;
    rival.hold(&test_app, &["R1-1"]).await?.expect_status(409)?;
    fan.release(first).await?.expect_status(204)?;
    fan.release(first).await?.expect_status(204)?; // an answer may have been lost
    fan.look_up().await?.expect_status(200)?;
    assert!(fan.is_active(), "releasing a hold keeps the place");

    let second = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let second = second.text_at("/id")?;
    assert_ne!(second, first);
    fan.release(second).await?.expect_status(204)?;
    rival.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    fan.hold(&test_app, &["R1-2", "R1-3"])
        .await?
        .expect_status(201)?;
    let over = fan.pay(first, "payment").await?.expect_status(410)?;
    assert_eq!(over.text_at("/type")?, "/problems/hold-over");
    Ok(())
}

async fn a_late_payment_is_refused_and_nothing_is_charged(stores: Stores) -> Result<()> {
    let test_app = brief_holds(stores, 1).await?;
    let fan = test_app.join("fan").await?;
    fan.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let reservation = held.text_at("/id")?;
    let seen = state_becomes(&fan, reservation, "expired").await?;
    assert_eq!(seen.at("/held_until")?, &Value::Null);
    for key in ["payment", "payment", "another"] {
        let late = fan.pay(reservation, key).await?.expect_status(410)?;
        assert_eq!(late.text_at("/type")?, "/problems/hold-over");
    }
    assert_eq!(fan.balance().await?, PRICE);
    assert_eq!(stores.totals(&test_app.app).await?.payments, 0);
    Ok(())
}

async fn a_seat_of_an_expired_hold_is_sold_to_the_next_user_and_lost_to_the_first(
    stores: Stores,
) -> Result<()> {
    let test_app = brief_holds(stores, 2).await?;
    let first = test_app.join("first").await?;
    let next = test_app.join("next").await?;
    first.charge(PRICE, "charge").await?.expect_status(201)?;
    next.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = first.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let reservation = held.text_at("/id")?;
    // The seat must come free at the deadline itself. The sweep runs only every two seconds.
    let bought = eventually("the seat comes free", SOON, async || {
        let reply = next.hold(&test_app, &["R1-1"]).await?;
        Ok((reply.status == 201).then_some(reply))
    })
    .await?;
    let until = instant(held.at("/held_until")?)?;
    let next_until = instant(bought.at("/held_until")?)?;
    assert!(
        next_until >= until + Duration::from_secs(2),
        "taken before its end"
    );
    first.pay(reservation, "before").await?.expect_status(410)?;
    let paid = next.pay(bought.text_at("/id")?, "payment").await?;
    paid.expect_status(200)?;
    first.pay(reservation, "after").await?.expect_status(410)?;

    assert_eq!(first.balance().await?, PRICE);
    assert_eq!(next.balance().await?, 0);
    let totals = stores.totals(&test_app.app).await?;
    assert_eq!((totals.seats_sold, totals.payments), (1, 1));
    assert_eq!(totals.wrong_balances, 0);
    Ok(())
}

async fn a_hold_outlives_its_place_in_the_queue(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let fan = test_app.join("fan").await?;
    let rival = test_app.join("rival").await?;
    let held = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let reservation = held.text_at("/id")?;
    let left = fan.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;

    fan.pay(reservation, "payment").await?.expect_status(410)?;
    let kept = state_becomes(&fan, reservation, "held").await?;
    assert_eq!(kept.json, held.json);
    rival.hold(&test_app, &["R1-1"]).await?.expect_status(409)?;
    let by_identity = test_app
        .user("fan")
        .delete(&format!("/v1/reservations/{reservation}"))
        .await?;
    by_identity.expect_status(204)?;
    rival.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    Ok(())
}

async fn a_hold_is_paid_after_leaving_and_joining_again(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let gone = test_app.join("fan").await?;
    gone.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = gone.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let reservation = held.text_at("/id")?;
    let left = gone.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;

    let back = test_app.join("fan").await?;
    let old = gone.pay(reservation, "payment").await?.expect_status(410)?;
    assert_eq!(old.text_at("/type")?, "/problems/place-gone");
    let again = back.hold(&test_app, &["R1-1"]).await?.expect_status(200)?;
    assert_eq!(again.at("/id")?, held.at("/id")?);
    let paid = back.pay(reservation, "payment").await?.expect_status(200)?;
    assert_eq!(paid.at("/charged")?, &json!(PRICE));
    Ok(())
}

async fn a_hold_extends_its_place_past_a_short_life(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "60");
    let policy = json!({"active_ttl_s": 2});
    let test_app = TestApp::open_with(config, 1, 5, policy).await?;
    let mut fan = test_app.join("fan").await?;
    fan.charge(PRICE, "charge").await?.expect_status(201)?;
    let ordinary_end = claim(&test_app, &mut fan).await?;
    let held = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    fan.look_up().await?.expect_status(200)?;
    let extended = instant(&fan.place["active_until"])?;
    // The time of the hold, and 30 s to pay. The gate read its clock a moment before the seats were
    // held.
    let payable = instant(held.at("/held_until")?)? + Duration::from_secs(30);
    let apart = payable.duration_since(extended).abs();
    assert!(apart < jiff::SignedDuration::from_secs(5), "{apart:?}");

    passes(&mut fan, ordinary_end).await?;
    let paid = fan.pay(held.text_at("/id")?, "payment").await?;
    paid.expect_status(200)?;
    Ok(())
}

async fn a_hold_never_extends_its_place_past_the_last_ordinary_one(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "60");
    let policy = json!({"active_ttl_s": 2});
    let test_app = TestApp::open_with(config, 1, 5, policy).await?;
    let mut fan = test_app.join("fan").await?;
    let ordinary_end = claim(&test_app, &mut fan).await?;
    let held = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    fan.release(held.text_at("/id")?)
        .await?
        .expect_status(204)?;
    passes(&mut fan, ordinary_end).await?;
    for seat in ["R1-2", "R1-3"] {
        let held = fan.hold(&test_app, &[seat]).await?.expect_status(201)?;
        fan.look_up().await?.expect_status(200)?;
        let last = ordinary_end + Duration::from_secs(60 + 30);
        assert_eq!(instant(&fan.place["active_until"])?, last);
        // The seats are held for as long as they can be paid, and no longer. The database reads its
        // clock a moment after the queue.
        let payable = ordinary_end + Duration::from_secs(60 + 5);
        assert!(instant(held.at("/held_until")?)? <= payable);
        fan.release(held.text_at("/id")?)
            .await?
            .expect_status(204)?;
    }
    Ok(())
}

/// An app whose holds last `hold_s` seconds.
pub(crate) async fn brief_holds(stores: Stores, hold_s: u8) -> Result<TestApp> {
    let hold_s = hold_s.to_string();
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", hold_s);
    TestApp::open_with(config, 1, 5, json!({})).await
}

/// Uses the visitor's place for the first time. Returns its deadline after that.
pub(crate) async fn claim(test_app: &TestApp, visitor: &mut Visitor) -> Result<Timestamp> {
    let first_use = visitor.client.get(&test_app.performances_path()).await?;
    first_use.expect_status(200)?;
    visitor.look_up().await?.expect_status(200)?;
    instant(&visitor.place["active_until"])
}

/// Waits until the queue's own clock is past `instant`, while the visitor is active.
async fn passes(visitor: &mut Visitor, until: Timestamp) -> Result<()> {
    eventually("the instant passes", SOON, async || {
        visitor.look_up().await?.expect_status(200)?;
        Ok((instant(&visitor.place["as_of"])? > until).then_some(()))
    })
    .await
}

/// Waits until the visitor sees the reservation in this state.
pub(crate) async fn state_becomes(
    visitor: &Visitor,
    reservation: &str,
    state: &str,
) -> Result<Reply> {
    let path = format!("/v1/reservations/{reservation}");
    eventually(&format!("the reservation is {state}"), SOON, async || {
        let reply = visitor.client.get(&path).await?.expect_status(200)?;
        Ok((reply.text_at("/state")? == state).then_some(reply))
    })
    .await
}

/// Creates another performance of the app's concert. Returns its id.
pub(crate) async fn another_performance(test_app: &TestApp, seats: u16) -> Result<String> {
    let performance = test_app
        .admin()
        .post(&format!(
            "/v1/admin/concerts/{}/performances",
            test_app.concert
        ))
        .json(&json!({
            "starts_at": "2099-02-01T19:30:00Z",
            "venue": "Another hall",
            "sections": [{
                "name": "Stalls", "price": PRICE, "rows": [{"name": "R1", "seats": seats}],
            }],
        }))
        .await?
        .expect_status(201)?;
    Ok(performance.text_at("/id")?.to_owned())
}

/// Holds seats of a performance that is not the app's.
pub(crate) async fn hold_at(visitor: &Visitor, performance: &str, seats: &[&str]) -> Result<Reply> {
    visitor
        .client
        .post("/v1/reservations")
        .json(&json!({"performance_id": performance, "seats": seats}))
        .await
}

/// An instant as the API shows it.
pub(crate) fn instant(value: &Value) -> Result<Timestamp> {
    let text = value
        .as_str()
        .with_context(|| format!("{value} is no instant"))?;
    Ok(text.parse()?)
}
