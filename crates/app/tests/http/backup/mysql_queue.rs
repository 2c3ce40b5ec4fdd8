//! Queues in the database are restored with it, unless an operator lets them start again.

use anyhow::Result;
use diesel_async::SimpleAsyncConnection;

use super::drill::{Drill, place, recovered};
use crate::stores::Stores;

/// The statement in the manual.
const FORGET_THE_QUEUES: &str = "
    DELETE FROM queues; DELETE FROM queue_places; DELETE FROM queue_leavers;";

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_in_the_database_is_that_of_the_backup() -> Result<()> {
    let mut drill = Drill::until_the_loss(Stores::MYSQL_QUEUE).await?;
    drill.restore_and_start().await?;
    let Drill {
        ann,
        bob,
        carl,
        dora,
        eve,
        ..
    } = &drill;
    place(&ann.visitor).await?.expect_status(410)?;
    for (user, state) in [(bob, "active"), (carl, "active"), (dora, "waiting")] {
        let found = place(user).await?.expect_status(200)?;
        assert_eq!(found.at("/state")?, state);
        assert_eq!(found.at("/queue/state")?, "open");
        assert_eq!(found.at("/queue/sold_out")?, false);
    }
    // Eve joined after the backup. Her token proves that the queue has lost her place, and restores
    // it.
    let found = place(eve).await?.expect_status(200)?;
    assert_eq!(found.at("/joined_at")?, &eve.place["joined_at"]);
    assert_eq!(found.at("/queue/recovering")?, false);
    let newcomer = drill.test_app.join("newcomer").await?;
    assert!(newcomer.place["joined_at"].as_str() > eve.place["joined_at"].as_str());
    bob.hold(&drill.test_app, &["R1-2"])
        .await?
        .expect_status(201)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_rebuild_a_queue_that_was_removed_from_the_database() -> Result<()> {
    let mut drill = Drill::until_the_loss(Stores::MYSQL_QUEUE).await?;
    drill.restore().await?;
    let mut raw = Stores::MYSQL_QUEUE.mysql(&drill.test_app.app).await?;
    raw.batch_execute(FORGET_THE_QUEUES).await?;
    drill.test_app.app.restart().await?;
    let Drill {
        ann,
        bob,
        carl,
        dora,
        eve,
        ..
    } = &drill;
    for user in [eve, dora, carl, bob, &ann.visitor] {
        let found = place(user).await?.expect_status(200)?;
        assert_eq!(found.at("/joined_at")?, &user.place["joined_at"]);
    }
    assert_eq!(recovered(eve).await?["queue"]["state"], "open");
    Ok(())
}
