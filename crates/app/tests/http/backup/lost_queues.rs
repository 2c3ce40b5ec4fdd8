//! Queues that start again after a restore: those in the memory of the program, and those that an
//! operator has removed from their store. Users re-enter with their tokens.

use anyhow::{Result, ensure};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use super::drill::{Drill, admitted, back_up, gone, open, place, recovered, restore_from};
use crate::stores::Stores;

/// The statement in the manual.
const IN_SERVICE: &str = "UPDATE concerts SET seeded = 1";

/// Every user with a token re-enters, also those who joined after the backup and those who had
/// paid.
async fn check_that_users_re_enter(drill: &Drill) -> Result<()> {
    let Drill {
        ann,
        bob,
        carl,
        dora,
        eve,
        ..
    } = drill;
    // The look-ups go from the last arrival to the first, and still the order of arrivals decides.
    for (position, user) in [(1, eve), (1, dora), (1, carl), (1, bob), (1, &ann.visitor)] {
        let found = place(user).await?.expect_status(200)?;
        assert_eq!(found.at("/joined_at")?, &user.place["joined_at"]);
        assert_eq!(found.at("/queue/recovering")?, true);
        assert_eq!(found.at("/position")?, position);
    }
    let newcomer = drill.test_app.join("newcomer").await?;
    assert_eq!(newcomer.place["position"], 6);

    let queue = recovered(eve).await?["queue"].clone();
    assert_eq!(queue["state"], "open", "the policy is that of the backup");
    assert_eq!(queue["sold_out"], false, "two seats are for sale again");
    admitted(&ann.visitor).await?;
    admitted(bob).await?;
    let waiting = place(carl).await?.expect_status(200)?;
    assert_eq!(
        waiting.at("/position")?,
        1,
        "two at a time, as it was before the change"
    );
    bob.hold(&drill.test_app, &["R1-2"])
        .await?
        .expect_status(201)?;
    Ok(())
}

/// No user can join the queue of a concert that does not exist, and a token for it is answered with
/// 410.
async fn the_later_concert_is_gone(drill: &Drill) -> Result<()> {
    gone(&drill.fay).await?;
    let concert = json!({"concert_id": drill.late_concert});
    let user = drill.test_app.user("newcomer");
    let joined = user.post("/v1/queue/tokens").json(&concert).await?;
    joined.expect_status(404)?;
    Ok(())
}

async fn users_rebuild_queues_in_memory(stores: Stores) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    drill.restore_and_start().await?;
    check_that_users_re_enter(&drill).await?;
    the_later_concert_is_gone(&drill).await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_queues_in_memory_after_a_restore_of_sqlite() -> Result<()> {
    users_rebuild_queues_in_memory(Stores::EMBEDDED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_queues_in_memory_after_a_restore_of_mysql() -> Result<()> {
    users_rebuild_queues_in_memory(Stores::MYSQL).await
}

async fn users_rebuild_queues_removed_from_redis(stores: Stores) -> Result<()> {
    let mut drill = Drill::until_the_loss(stores).await?;
    Stores::remove_redis_keys(&drill.test_app.app, "").await?;
    drill.restore_and_start().await?;
    check_that_users_re_enter(&drill).await?;
    the_later_concert_is_gone(&drill).await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_queues_removed_from_redis_after_a_restore_of_sqlite() -> Result<()> {
    users_rebuild_queues_removed_from_redis(Stores::REDIS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_queues_removed_from_redis_after_a_restore_of_mysql() -> Result<()> {
    users_rebuild_queues_removed_from_redis(Stores::MYSQL_AND_REDIS).await
}

/// No user was in the line when the server ended, so the dump records that there is nothing to
/// recover.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_marks_the_queues_of_a_dump_from_before_the_sale_as_in_service() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut test_app = open(Stores::MYSQL, 1, json!({})).await?;
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    back_up(&test_app, &folder).await?;
    for (statement, status) in [("SELECT 1", 410), (IN_SERVICE, 200)] {
        test_app.app.restart().await?;
        let ann = test_app.join("ann").await?;
        test_app.app.sigkill()?;
        restore_from(&test_app, &folder).await?;
        let mut raw = Stores::MYSQL.mysql(&test_app.app).await?;
        raw.batch_execute(statement).await?;
        test_app.app.restart().await?;
        place(&ann).await?.expect_status(status)?;
        ann.client.delete("/v1/queue/token").await?;
    }
    Ok(())
}
