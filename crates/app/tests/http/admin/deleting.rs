//! Deleting performances and concerts of which no seat is held or sold. The queue of a concert must
//! be closed and empty.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::eventually;
use serde_json::json;

use super::{concert_path, performance_path};
use crate::{
    buyer::Buyer,
    on_every_store,
    problems::assert_problem,
    stores::Stores,
    test_app::{TestApp, on_sale},
};

on_every_store!(
    a_performance_is_deleted_while_none_of_its_seats_is_held_or_sold,
    a_concert_is_deleted_once_its_queue_is_closed_and_empty,
    a_missing_concert_or_performance_cannot_be_deleted,
);

async fn a_performance_is_deleted_while_none_of_its_seats_is_held_or_sold(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 3, json!({})).await?;
    let path = performance_path(&test_app.concert, &test_app.performance);
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let refused = test_app.admin().delete(&path).await?;
    assert_problem(&refused, 409, "performance-in-use");
    assert_eq!(
        (refused.at("/seats_held")?, refused.at("/seats_sold")?),
        (&json!(1), &json!(0))
    );

    let released = buyer.visitor.release(&buyer.reservation).await?;
    released.expect_status(204)?;
    test_app.admin().delete(&path).await?.expect_status(204)?;
    assert_problem(&test_app.admin().delete(&path).await?, 404, "not-found");
    let seats = buyer.visitor.client.get(&test_app.seats_path()).await?;
    assert_problem(&seats, 404, "not-found");
    let held = buyer.visitor.hold(&test_app, &["R1-1"]).await?;
    assert_problem(&held, 404, "not-found");
    let own = format!("/v1/reservations/{}", buyer.reservation);
    assert_problem(&buyer.visitor.client.get(&own).await?, 404, "not-found");

    let audit_entries = stores.audit_entries(&test_app.app).await?;
    let deleted = audit_entries
        .iter()
        .filter(|entry| entry.action == "performance.delete");
    let deleted: Vec<_> = deleted
        .map(|entry| (&*entry.actor, &*entry.subject))
        .collect();
    assert_eq!(deleted, [("ops", test_app.performance.as_str())]);
    Ok(())
}

async fn a_concert_is_deleted_once_its_queue_is_closed_and_empty(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 3, json!({})).await?;
    let (admin, path) = (test_app.admin(), concert_path(&test_app.concert));
    let buyer = Buyer::without_points(&test_app, "buyer", "R1-1").await?;
    let refused = admin.delete(&path).await?;
    assert_problem(&refused, 409, "performance-in-use");
    assert_eq!(refused.text_at("/performance_id")?, test_app.performance);
    buyer
        .visitor
        .release(&buyer.reservation)
        .await?
        .expect_status(204)?;
    assert_problem(&admin.delete(&path).await?, 409, "queue-not-closed");
    let close = json!({"state": "closed"});
    let closed = admin.patch(&format!("{path}/queue")).json(&close).await?;
    closed.expect_status(200)?;
    assert_problem(&admin.delete(&path).await?, 409, "queue-in-use");
    // A refusal leaves the queue as it was.
    buyer
        .visitor
        .client
        .get("/v1/queue/token")
        .await?
        .expect_status(200)?;
    let left = buyer.visitor.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;
    admin.delete(&path).await?.expect_status(204)?;

    let token = buyer.visitor.client.get("/v1/queue/token").await?;
    assert_problem(&token, 410, "place-gone");
    let gate = buyer.visitor.client.get(&test_app.seats_path()).await?;
    assert_problem(&gate, 410, "place-gone");
    let leave = buyer.visitor.client.delete("/v1/queue/token").await?;
    assert_problem(&leave, 410, "place-gone");
    let join = json!({"concert_id": test_app.concert});
    for client in [test_app.user("other"), buyer.visitor.client.clone()] {
        let joined = client.post("/v1/queue/tokens").json(&join).await?;
        assert_problem(&joined, 404, "not-found");
    }
    let shown = format!("/v1/concerts/{}", test_app.concert);
    assert_problem(&test_app.user("other").get(&shown).await?, 404, "not-found");
    assert_problem(&admin.delete(&path).await?, 404, "not-found");
    let audit_entries = stores.audit_entries(&test_app.app).await?;
    let actions = audit_entries
        .iter()
        .rev()
        .take(2)
        .map(|entry| entry.action.as_str());
    assert_eq!(
        actions.collect::<Vec<_>>(),
        ["concert.delete", "performance.delete"]
    );

    // Neither a restart nor another concert restores it.
    let mut test_app = test_app;
    test_app.app.restart().await?;
    let (other, _) = on_sale(&test_app.app, 1, 1, json!({})).await?;
    test_app.join_concert("other", &other).await?;
    eventually(
        "the old token is gone",
        Duration::from_secs(10),
        async || {
            let token = buyer.visitor.client.get("/v1/queue/token").await?;
            Ok((token.status == 410).then_some(()))
        },
    )
    .await
}

async fn a_missing_concert_or_performance_cannot_be_deleted(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let (other, _) = on_sale(&test_app.app, 1, 1, json!({})).await?;
    let unknown = "0198c0de-0000-7000-8000-000000000001";
    for path in [
        concert_path(unknown),
        concert_path("no-id"),
        performance_path(&test_app.concert, unknown),
        performance_path(&other, &test_app.performance),
    ] {
        let refused = test_app.admin().delete(&path).await?;
        assert_problem(&refused, 404, "not-found");
    }
    Ok(())
}
