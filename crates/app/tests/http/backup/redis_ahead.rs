//! A Redis that has newer data than the restored backup, and what an operator does about it.

use anyhow::Result;
use frontrow_test_harness::eventually;
use serde_json::json;

use super::drill::{Drill, SOON, admitted, change_policy, gone, place};
use crate::{stores::Stores, test_app::on_sale};

/// One test for each database.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() -> anyhow::Result<()> {
                    super::$name(crate::stores::Stores::REDIS).await
                }
            )*
        }
        mod mysql {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() -> anyhow::Result<()> {
                    super::$name(crate::stores::Stores::MYSQL_AND_REDIS).await
                }
            )*
        }
    };
}

on_both_databases!(
    places_in_redis_outlive_a_restore_of_the_database,
    a_newer_policy_in_redis_is_in_force_until_an_operator_changes_it,
    a_concert_that_the_database_lacks_has_a_queue_until_its_keys_are_removed,
    a_queue_that_was_sold_out_learns_of_its_seats_by_itself,
);

async fn places_in_redis_outlive_a_restore_of_the_database(stores: Stores) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    let Drill {
        ann,
        bob,
        carl,
        dora,
        eve,
        ..
    } = &drill;
    for (user, position) in [(carl, None), (dora, Some(1)), (eve, Some(2))] {
        let found = place(user).await?.expect_status(200)?;
        assert_eq!(found.at("/joined_at")?, &user.place["joined_at"]);
        assert_eq!(found.at("/position")?.as_u64(), position);
        assert_eq!(found.at("/queue/recovering")?, false);
    }
    place(&ann.visitor).await?.expect_status(410)?;
    // Bob's reservation is lost, and the place with which he could buy again has ended.
    place(bob).await?.expect_status(410)?;
    let again = drill.test_app.join("bob").await?;
    assert_eq!(again.place["position"], 3, "at the end");
    carl.hold(&drill.test_app, &["R1-2", "R1-3"])
        .await?
        .expect_status(201)?;
    Ok(())
}

async fn a_newer_policy_in_redis_is_in_force_until_an_operator_changes_it(
    stores: Stores,
) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    let path = format!("/v1/admin/concerts/{}/queue", drill.test_app.concert);
    let shown = drill
        .test_app
        .admin()
        .get(&path)
        .await?
        .expect_status(200)?;
    assert_eq!(shown.at("/state")?, "open");
    assert_eq!(shown.at("/in_force")?, false);
    let found = place(&drill.dora).await?.expect_status(200)?;
    assert_eq!(found.at("/queue/state")?, "paused", "Redis has a newer one");

    let changed = change_policy(&drill.test_app, json!({})).await?;
    assert_eq!(changed.at("/state")?, "open");
    assert_eq!(changed.at("/capacity/max_active")?, 2);
    assert_eq!(changed.at("/in_force")?, true);
    // Two at a time: Carl is active, and Dora is the next.
    admitted(&drill.dora).await?;
    let found = place(&drill.eve).await?.expect_status(200)?;
    assert_eq!(found.at("/position")?, 1);
    assert_eq!(found.at("/queue/state")?, "open");
    Ok(())
}

async fn a_concert_that_the_database_lacks_has_a_queue_until_its_keys_are_removed(
    stores: Stores,
) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    let found = place(&drill.fay).await?.expect_status(200)?;
    assert_eq!(found.at("/state")?, "active", "a place in front of nothing");
    let path = format!("/v1/concerts/{}/performances", drill.late_concert);
    let shown = drill.fay.client.get(&path).await?;
    assert_eq!(shown.expect_status(200)?.at("/items")?, &json!([]));
    drill
        .test_app
        .join_concert("newcomer", &drill.late_concert)
        .await?;

    let keys = format!("{{{}}}:", drill.late_concert);
    Stores::remove_redis_keys(&drill.test_app.app, &keys).await?;
    Stores::remove_busy_queue(&drill.test_app.app, &drill.late_concert).await?;
    let concert = json!({"concert_id": drill.late_concert});
    let user = drill.test_app.user("another");
    let joined = user.post("/v1/queue/tokens").json(&concert).await?;
    joined.expect_status(404)?;
    gone(&drill.fay).await?;
    place(&drill.dora).await?.expect_status(200)?;
    // A concert that is created again is another concert.
    let (again, _) = on_sale(&drill.test_app.app, 1, 1, json!({})).await?;
    drill.test_app.join_concert("fay", &again).await?;
    Ok(())
}

async fn a_queue_that_was_sold_out_learns_of_its_seats_by_itself(stores: Stores) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    eventually("it is not sold out any more", SOON, async || {
        let found = place(&drill.dora).await?.expect_status(200)?;
        Ok((*found.at("/queue/sold_out")? == false).then_some(()))
    })
    .await?;
    drill.test_app.join("newcomer").await?;
    Ok(())
}
