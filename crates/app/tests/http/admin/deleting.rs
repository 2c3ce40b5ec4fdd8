//! Deleting what nobody has a claim to.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::eventually;
use serde_json::json;

use super::{concert_path, performance_path};
use crate::{
    buyer::Buyer,
    on_every_store,
    stage::{Stage, on_sale},
    stores::Stores,
    told::assert_problem,
};

on_every_store!(
    a_performance_is_deleted_while_nobody_has_a_claim_to_it,
    a_concert_is_deleted_once_its_queue_is_closed_and_empty,
    what_is_not_there_cannot_be_deleted,
);

async fn a_performance_is_deleted_while_nobody_has_a_claim_to_it(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 3, json!({})).await?;
    let path = performance_path(&stage.concert, &stage.performance);
    let buyer = Buyer::at(&stage, "buyer", "R1-1").await?;
    let refused = stage.admin().delete(&path).await?;
    assert_problem(&refused, 409, "performance-in-use");
    assert_eq!(
        (refused.at("/seats_held")?, refused.at("/seats_sold")?),
        (&json!(1), &json!(0))
    );

    let released = buyer.visitor.release(&buyer.reservation).await?;
    released.expect_status(204)?;
    stage.admin().delete(&path).await?.expect_status(204)?;
    assert_problem(&stage.admin().delete(&path).await?, 404, "not-found");
    let seats = buyer.visitor.client.get(&stage.seats_path()).await?;
    assert_problem(&seats, 404, "not-found");
    let held = buyer.visitor.hold(&stage, &["R1-1"]).await?;
    assert_problem(&held, 404, "not-found");
    let own = format!("/v1/reservations/{}", buyer.reservation);
    assert_problem(&buyer.visitor.client.get(&own).await?, 404, "not-found");

    let notes = stores.notes(&stage.app).await?;
    let deleted = notes
        .iter()
        .filter(|note| note.action == "performance.delete");
    let deleted: Vec<_> = deleted.map(|note| (&*note.actor, &*note.subject)).collect();
    assert_eq!(deleted, [("ops", stage.performance.as_str())]);
    Ok(())
}

async fn a_concert_is_deleted_once_its_queue_is_closed_and_empty(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 3, json!({})).await?;
    let (admin, path) = (stage.admin(), concert_path(&stage.concert));
    let buyer = Buyer::without_points(&stage, "buyer", "R1-1").await?;
    let refused = admin.delete(&path).await?;
    assert_problem(&refused, 409, "performance-in-use");
    assert_eq!(refused.text_at("/performance_id")?, stage.performance);
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
    let gate = buyer.visitor.client.get(&stage.seats_path()).await?;
    assert_problem(&gate, 410, "place-gone");
    let leave = buyer.visitor.client.delete("/v1/queue/token").await?;
    assert_problem(&leave, 410, "place-gone");
    let join = json!({"concert_id": stage.concert});
    for client in [stage.user("other"), buyer.visitor.client.clone()] {
        let joined = client.post("/v1/queue/tokens").json(&join).await?;
        assert_problem(&joined, 404, "not-found");
    }
    let shown = format!("/v1/concerts/{}", stage.concert);
    assert_problem(&stage.user("other").get(&shown).await?, 404, "not-found");
    assert_problem(&admin.delete(&path).await?, 404, "not-found");
    let notes = stores.notes(&stage.app).await?;
    let actions = notes.iter().rev().take(2).map(|note| note.action.as_str());
    assert_eq!(
        actions.collect::<Vec<_>>(),
        ["concert.delete", "performance.delete"]
    );

    // Neither a restart nor another concert brings it back.
    let mut stage = stage;
    stage.app.restart().await?;
    let (other, _) = on_sale(&stage.app, 1, 1, json!({})).await?;
    stage.join_concert("other", &other).await?;
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

async fn what_is_not_there_cannot_be_deleted(stores: Stores) -> Result<()> {
    let stage = Stage::open(stores, 1, 1, json!({})).await?;
    let (other, _) = on_sale(&stage.app, 1, 1, json!({})).await?;
    let nobody = "0198c0de-0000-7000-8000-000000000001";
    for path in [
        concert_path(nobody),
        concert_path("no-id"),
        performance_path(&stage.concert, nobody),
        performance_path(&other, &stage.performance),
    ] {
        let refused = stage.admin().delete(&path).await?;
        assert_problem(&refused, 404, "not-found");
    }
    Ok(())
}
