//! Limits for one user, and for the length of a line.

use anyhow::Result;
use serde_json::json;

use crate::{
    lifetimes::{another_performance, hold_at, state_becomes},
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, on_sale},
};

on_every_store!(
    a_user_gets_four_seats_per_performance_across_holds_and_payments,
    each_performance_has_a_seat_limit_of_its_own,
    a_released_or_expired_hold_no_longer_counts,
    a_user_has_one_live_hold_per_concert_until_it_is_released_or_paid,
    an_expired_hold_makes_room_for_the_next,
    a_user_may_have_one_hold_in_each_concert,
    no_more_users_may_wait_than_the_policy_says,
);

async fn a_user_gets_four_seats_per_performance_across_holds_and_payments(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let fan = test_app.join("fan").await?;
    fan.charge(PRICE * 4, "charge").await?.expect_status(201)?;
    let first = fan.hold(&test_app, &["R1-1", "R1-2", "R1-3"]).await?;
    let first = first.expect_status(201)?;
    fan.pay(first.text_at("/id")?, "first")
        .await?
        .expect_status(200)?;

    let fan = test_app.join("fan").await?;
    let over = fan.hold(&test_app, &["R1-4", "R1-5"]).await?;
    let over = over.expect_status(409)?;
    assert_eq!(over.text_at("/type")?, "/problems/seat-limit");
    assert_eq!(
        (over.at("/limit")?, over.at("/live")?),
        (&json!(4), &json!(3))
    );
    let last = fan.hold(&test_app, &["R1-4"]).await?.expect_status(201)?;
    fan.pay(last.text_at("/id")?, "last")
        .await?
        .expect_status(200)?;

    let fan = test_app.join("fan").await?;
    let over = fan.hold(&test_app, &["R1-5"]).await?.expect_status(409)?;
    assert_eq!(over.at("/live")?, &json!(4));
    assert_eq!(fan.balance().await?, 0);
    let totals = stores.totals(&test_app.app).await?;
    assert_eq!((totals.seats_sold, totals.paid), (4, PRICE * 4));
    Ok(())
}

async fn each_performance_has_a_seat_limit_of_its_own(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let other = another_performance(&test_app, 5).await?;
    let fan = test_app.join("fan").await?;
    fan.charge(PRICE * 8, "charge").await?.expect_status(201)?;
    let all = ["R1-1", "R1-2", "R1-3", "R1-4"];
    let held = fan.hold(&test_app, &all).await?.expect_status(201)?;
    fan.pay(held.text_at("/id")?, "first")
        .await?
        .expect_status(200)?;
    let fan = test_app.join("fan").await?;
    let held = hold_at(&fan, &other, &all).await?.expect_status(201)?;
    fan.pay(held.text_at("/id")?, "second")
        .await?
        .expect_status(200)?;
    assert_eq!(stores.totals(&test_app.app).await?.seats_sold, 8);
    Ok(())
}

async fn a_released_or_expired_hold_no_longer_counts(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "1");
    let test_app = TestApp::open_with(config, 1, 10, json!({})).await?;
    let fan = test_app.join("fan").await?;
    let held = fan
        .hold(&test_app, &["R1-1", "R1-2", "R1-3", "R1-4"])
        .await?
        .expect_status(201)?;
    fan.release(held.text_at("/id")?)
        .await?
        .expect_status(204)?;
    let held = fan
        .hold(&test_app, &["R1-5", "R1-6", "R1-7", "R1-8"])
        .await?
        .expect_status(201)?;
    state_becomes(&fan, held.text_at("/id")?, "expired").await?;
    fan.hold(&test_app, &["R1-1", "R1-2", "R1-9", "R1-10"])
        .await?
        .expect_status(201)?;
    Ok(())
}

async fn a_user_has_one_live_hold_per_concert_until_it_is_released_or_paid(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let other = another_performance(&test_app, 5).await?;
    let fan = test_app.join("fan").await?;
    fan.charge(PRICE, "charge").await?.expect_status(201)?;
    let first = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let first = first.text_at("/id")?;
    for refused in [
        fan.hold(&test_app, &["R1-2"]).await?,
        fan.hold(&test_app, &["R1-1", "R1-2"]).await?,
        hold_at(&fan, &other, &["R1-1"]).await?,
    ] {
        let refused = refused.expect_status(409)?;
        assert_eq!(refused.text_at("/type")?, "/problems/hold-exists");
        assert_eq!(refused.text_at("/reservation_id")?, first);
    }
    fan.release(first).await?.expect_status(204)?;
    let second = hold_at(&fan, &other, &["R1-1"]).await?.expect_status(201)?;
    fan.pay(second.text_at("/id")?, "payment")
        .await?
        .expect_status(200)?;

    let fan = test_app.join("fan").await?;
    fan.hold(&test_app, &["R1-2"]).await?.expect_status(201)?;
    Ok(())
}

async fn an_expired_hold_makes_room_for_the_next(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "1");
    let test_app = TestApp::open_with(config, 1, 5, json!({})).await?;
    let fan = test_app.join("fan").await?;
    let first = fan.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    state_becomes(&fan, first.text_at("/id")?, "expired").await?;
    let second = fan.hold(&test_app, &["R1-2"]).await?.expect_status(201)?;
    assert_ne!(first.at("/id")?, second.at("/id")?);
    let late = fan
        .release(first.text_at("/id")?)
        .await?
        .expect_status(410)?;
    assert_eq!(late.text_at("/type")?, "/problems/hold-over");
    Ok(())
}

async fn a_user_may_have_one_hold_in_each_concert(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let (concert, performance) = on_sale(&test_app.app, 1, 5, json!({})).await?;
    let here = test_app.join("fan").await?;
    let there = test_app.join_concert("fan", &concert).await?;
    here.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    hold_at(&there, &performance, &["R1-1"])
        .await?
        .expect_status(201)?;
    // The place in one queue does not give access to the other concert's seats.
    let astray = hold_at(&here, &performance, &["R1-2"]).await?;
    let astray = astray.expect_status(403)?;
    assert_eq!(
        astray.text_at("/type")?,
        "/problems/other-concerts-queue-token"
    );
    Ok(())
}

async fn no_more_users_may_wait_than_the_policy_says(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 1}, "max_waiting": 2});
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    assert!(test_app.join("first").await?.is_active());
    let second = test_app.join("second").await?;
    test_app.join("third").await?;
    let refused = test_app.ask_to_join("fourth").await?.expect_status(409)?;
    assert_eq!(refused.text_at("/type")?, "/problems/queue-full");
    test_app.ask_to_join("third").await?.expect_status(200)?;

    let left = second.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;
    test_app.ask_to_join("fourth").await?.expect_status(201)?;
    test_app.ask_to_join("fifth").await?.expect_status(409)?;
    Ok(())
}
