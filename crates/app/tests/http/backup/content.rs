//! Checks the content of a restored database, for any database and any store of the queues.

use anyhow::Result;

use super::drill::Drill;
use crate::{
    on_every_store,
    stores::Stores,
    test_app::{PRICE, on_sale},
};

on_every_store!(
    a_restored_database_has_all_changes_before_the_backup_and_no_others,
    an_idempotency_key_is_known_if_it_was_used_before_the_backup,
    the_admin_api_shows_the_policy_of_the_backup,
);

async fn a_restored_database_has_all_changes_before_the_backup_and_no_others(
    stores: Stores,
) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    let path = format!("/v1/reservations/{}", drill.ann.reservation);
    let sold = drill.ann.visitor.client.get(&path).await?;
    assert_eq!(sold.expect_status(200)?.at("/state")?, "confirmed");
    let path = format!("/v1/reservations/{}", drill.bob_bought);
    drill.bob.client.get(&path).await?.expect_status(404)?;
    assert_eq!(drill.bob.balance().await?, Drill::BOB_HAD);
    assert_eq!(drill.test_app.sales().await?.len(), 1);
    let late = format!("/v1/concerts/{}", drill.late_concert);
    drill
        .test_app
        .app
        .client()
        .get(&late)
        .await?
        .expect_status(404)?;

    let totals = stores.totals(&drill.test_app.app).await?;
    assert_eq!(
        (
            totals.wrong_balances,
            totals.payments,
            totals.paid,
            totals.seats_sold
        ),
        (0, 1, PRICE, 1)
    );
    on_sale(&drill.test_app.app, 1, 1, serde_json::json!({})).await?;
    Ok(())
}

async fn an_idempotency_key_is_known_if_it_was_used_before_the_backup(
    stores: Stores,
) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    let again = drill.ann.pay("ann pays").await?.expect_status(200)?;
    assert_eq!(again.json, drill.ann_paid.json);
    let bob = &drill.bob;
    bob.charge(Drill::BOB_HAD, "bob charges")
        .await?
        .expect_status(201)?;
    assert_eq!(bob.balance().await?, Drill::BOB_HAD, "charged once");
    // The charge was lost with its key, so a repeat takes effect.
    bob.charge(PRICE, "bob charges more")
        .await?
        .expect_status(201)?;
    assert_eq!(bob.balance().await?, Drill::BOB_HAD + PRICE);
    Ok(())
}

async fn the_admin_api_shows_the_policy_of_the_backup(stores: Stores) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    let path = format!("/v1/admin/concerts/{}/queue", drill.test_app.concert);
    let policy = drill
        .test_app
        .admin()
        .get(&path)
        .await?
        .expect_status(200)?;
    assert_eq!(policy.at("/state")?, "open");
    assert_eq!(policy.at("/capacity/max_active")?, 2);
    Ok(())
}
