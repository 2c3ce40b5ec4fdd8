//! A new seat plan while seats are on sale.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::{Reply, eventually};
use serde_json::{Value, json};

use super::{performance_path, sections, texts};
use crate::{
    buyer::Buyer,
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp},
};

on_every_store!(
    held_and_sold_seats_cannot_be_removed_by_an_edit,
    a_held_seat_is_paid_at_its_price_under_the_new_plan,
    seats_of_an_expired_hold_may_be_removed,
    new_seats_open_a_sold_out_queue_again,
);

async fn replace_plan(test_app: &TestApp, edit: Value) -> Result<Reply> {
    let path = performance_path(&test_app.concert, &test_app.performance);
    test_app.admin().patch(&path).json(&edit).await
}

async fn held_and_sold_seats_cannot_be_removed_by_an_edit(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 2, 5, json!({})).await?;
    Buyer::at(&test_app, "owner", "R2-4")
        .await?
        .pay("payment")
        .await?
        .expect_status(200)?;
    let holder = test_app.join("holder").await?;
    holder
        .hold(&test_app, &["R1-5", "R1-2"])
        .await?
        .expect_status(201)?;
    let before = holder
        .client
        .get(&test_app.seats_path())
        .await?
        .expect_status(200)?;
    let audit_entries = stores.audit_entries(&test_app.app).await?.len();
    for (plan, named) in [
        (
            sections(&[("Other", "X", 10, 1)]),
            vec!["R1-2", "R1-5", "R2-4"],
        ),
        (
            sections(&[("Stalls", "R1", 4, PRICE), ("Stalls", "R2", 4, PRICE)]),
            vec!["R1-5"],
        ),
        (
            sections(&[("Stalls", "R1", 5, PRICE), ("Ring", "R2", 5, PRICE)]),
            vec!["R2-4"],
        ),
        (
            sections(&[("Stalls", "R1", 5, 99), ("Stalls", "R2", 5, PRICE)]),
            vec!["R1-2", "R1-5"],
        ),
    ] {
        let edit = json!({"venue": "Elsewhere", "sections": plan});
        let refused = replace_plan(&test_app, edit).await?.expect_status(409)?;
        assert_eq!(refused.text_at("/type")?, "/problems/seats-in-use");
        assert_eq!(*refused.at("/seats")?, json!(named));
        let page = test_app.app.client().get("/problems/seats-in-use").await?;
        page.expect_status(200)?;
    }
    let performances = format!("/v1/admin/concerts/{}/performances", test_app.concert);
    let kept = test_app
        .admin()
        .get(&performances)
        .await?
        .expect_status(200)?;
    assert_eq!(
        kept.at("/items/0/venue")?,
        "A hall",
        "the rest was not edited either"
    );
    let after = holder.client.get(&test_app.seats_path()).await?;
    assert_eq!(after.json, before.json);
    assert_eq!(
        stores.audit_entries(&test_app.app).await?.len(),
        audit_entries
    );
    assert_eq!(stores.totals(&test_app.app).await?.seats_sold, 1);
    Ok(())
}

async fn a_held_seat_is_paid_at_its_price_under_the_new_plan(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 4, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-2").await?;
    let visitor = test_app.join("visitor").await?;
    let first = visitor
        .client
        .get(&test_app.seats_path())
        .await?
        .expect_status(200)?;
    let plan = sections(&[("Ring", "B", 2, 70), ("Stalls", "R1", 2, PRICE)]);
    let planned = replace_plan(&test_app, json!({ "sections": plan }))
        .await?
        .expect_status(200)?;
    assert_eq!(
        (planned.at("/seats_total")?, planned.at("/seats_left")?),
        (&json!(4), &json!(3))
    );

    let tag = first.header("etag").unwrap_or_default();
    let map = visitor
        .client
        .get(&test_app.seats_path())
        .header("if-none-match", tag);
    let map = map.await?.expect_status(200)?;
    assert_eq!(texts(&map, "label")?, ["B-1", "B-2", "R1-1", "R1-2"]);
    let free = "available";
    assert_eq!(texts(&map, "state")?, [free, free, free, "held"]);
    assert_eq!(map.at("/items/0/price")?, 70);
    let gone = visitor.hold(&test_app, &["R1-3"]).await?;
    gone.expect_status(422)?;
    let held = visitor
        .hold(&test_app, &["B-1", "R1-1"])
        .await?
        .expect_status(201)?;
    assert_eq!(held.at("/total")?, 70 + PRICE);

    let paid = buyer.pay("payment").await?.expect_status(200)?;
    assert_eq!(paid.at("/charged")?, PRICE);
    assert_eq!(*paid.at("/seats")?, json!(["R1-2"]));
    let refused = replace_plan(
        &test_app,
        json!({"sections": sections(&[("Ring", "B", 2, 70)])}),
    )
    .await?;
    let refused = refused.expect_status(409)?;
    assert_eq!(*refused.at("/seats")?, json!(["R1-1", "R1-2"]));
    Ok(())
}

async fn seats_of_an_expired_hold_may_be_removed(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_RESERVATION__HOLD_S", "1");
    let test_app = TestApp::open_with(config, 1, 2, json!({})).await?;
    let slow = Buyer::at(&test_app, "slow", "R1-1").await?;
    let edit = json!({"sections": sections(&[("Ring", "B", 1, 70)])});
    let early = replace_plan(&test_app, edit.clone()).await?;
    assert!([200, 409].contains(&early.status), "{early:?}");
    eventually("the hold is over", Duration::from_secs(20), async || {
        let planned = replace_plan(&test_app, edit.clone()).await?;
        Ok((planned.status == 200).then_some(()))
    })
    .await?;
    let path = format!("/v1/reservations/{}", slow.reservation);
    let shown = slow.visitor.client.get(&path).await?.expect_status(200)?;
    assert_eq!(shown.text_at("/state")?, "expired");
    assert_eq!(*shown.at("/seats")?, json!(["R1-1"]), "as they were");
    let late = slow.pay("payment").await?.expect_status(410)?;
    assert_eq!(late.text_at("/type")?, "/problems/hold-over");
    assert_eq!(slow.visitor.balance().await?, Buyer::POINTS);
    let held = slow
        .visitor
        .hold(&test_app, &["B-1"])
        .await?
        .expect_status(201)?;
    assert_eq!(held.at("/total")?, 70);
    Ok(())
}

async fn new_seats_open_a_sold_out_queue_again(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    Buyer::at(&test_app, "first", "R1-1")
        .await?
        .pay("payment")
        .await?
        .expect_status(200)?;
    let limit = Duration::from_secs(20);
    let mut names = (0..).map(|number| format!("late-{number}"));
    eventually("it is sold out", limit, async || {
        let late = test_app
            .ask_to_join(&names.next().unwrap_or_default())
            .await?;
        Ok((late.status == 409 && late.text_at("/type")? == "/problems/sold-out").then_some(()))
    })
    .await?;
    let more = json!({"sections": sections(&[("Stalls", "R1", 2, PRICE)])});
    replace_plan(&test_app, more).await?.expect_status(200)?;
    eventually("the queue is open again", limit, async || {
        let joined = test_app.ask_to_join("second").await?;
        Ok([200, 201].contains(&joined.status).then_some(()))
    })
    .await?;
    let refused = test_app
        .join_again("second")
        .await?
        .hold(&test_app, &["R1-1"])
        .await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    let second = test_app.join_again("second").await?;
    second
        .hold(&test_app, &["R1-2"])
        .await?
        .expect_status(201)?;
    Ok(())
}
