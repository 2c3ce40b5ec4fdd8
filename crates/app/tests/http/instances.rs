//! Two instances on the same stores: changes that one has acknowledged to an operator are visible
//! at the other.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::{App, eventually};
use serde_json::json;

use crate::{
    stores::Stores,
    test_app::{admin, on_sale, start},
};

async fn two_instances(stores: Stores) -> Result<(App, App)> {
    let one = start(stores.config().await?).await?;
    let other = start(one.config().clone()).await?;
    Ok((one, other))
}

/// Reads the concerts, so that the copy of this instance does not have a later one.
async fn read_concerts(app: &App) -> Result<()> {
    let concerts = app.client().get("/v1/concerts").await?;
    concerts.expect_status(200).map(drop)
}

async fn a_new_concert_is_found_at_once(stores: Stores) -> Result<()> {
    let (one, other) = two_instances(stores).await?;
    for round in 0..5 {
        read_concerts(&other).await?;
        let (concert, performance) = on_sale(&one, 1, 2, json!({})).await?;
        let admin_path = format!("/v1/admin/concerts/{concert}");
        let shown = other.client().get(&format!("/v1/concerts/{concert}"));
        shown.await?.expect_status(200)?;
        for list in ["performances", "reservations", "queue"] {
            let listed = admin(&other).get(&format!("{admin_path}/{list}")).await?;
            let listed = listed.expect_status(200)?;
            if list == "performances" {
                assert_eq!(listed.text_at("/items/0/id")?, performance);
            }
        }
        let more = admin(&other).post(&format!("{admin_path}/performances"));
        let more = more.json(&json!({
            "starts_at": "2098-01-01T19:30:00Z",
            "venue": "Another hall",
            "sections": [{"name": "Stalls", "price": 1, "rows": [{"name": "A", "seats": 1}]}],
        }));
        let more = more.await?.expect_status(201)?;
        let listed = admin(&one)
            .get(&format!("{admin_path}/performances"))
            .await?;
        let found = listed.text.contains(more.text_at("/id")?);
        assert!(found, "{listed:?}");
        let join = other.client().user(&format!("user-{round}"));
        let join = join.post("/v1/queue/tokens");
        let joined = join.json(&json!({"concert_id": concert})).await?;
        joined.expect_status(201)?;
        let renamed = admin(&other).patch(&admin_path);
        let renamed = renamed.json(&json!({"title": "Renamed"})).await?;
        renamed.expect_status(200)?;
    }
    let nothing = "0198c0de-0000-7000-8000-000000000001";
    let shown = other.client().get(&format!("/v1/concerts/{nothing}"));
    shown.await?.expect_status(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_concert_is_found_at_once_with_queues_on_redis() -> Result<()> {
    a_new_concert_is_found_at_once(Stores::MYSQL_AND_REDIS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_concert_is_found_at_once_with_queues_on_mysql() -> Result<()> {
    a_new_concert_is_found_at_once(Stores::MYSQL_QUEUE).await
}

async fn a_deleted_concert_is_gone_everywhere(stores: Stores) -> Result<()> {
    let (one, other) = two_instances(stores).await?;
    let (concert, _) = on_sale(&one, 1, 2, json!({})).await?;
    let user = other.client().user("user");
    let join = || {
        user.post("/v1/queue/tokens")
            .json(&json!({"concert_id": concert}))
    };
    let joined = join().await?.expect_status(201)?;
    let user = user.queue_token(joined.text_at("/queue_token")?);
    user.delete("/v1/queue/token").await?.expect_status(204)?;
    let path = format!("/v1/admin/concerts/{concert}");
    let closed = admin(&one).patch(&format!("{path}/queue"));
    closed
        .json(&json!({"state": "closed"}))
        .await?
        .expect_status(200)?;
    admin(&one).delete(&path).await?.expect_status(204)?;
    eventually(
        "the other instance knows",
        Duration::from_secs(10),
        async || {
            let token = user.get("/v1/queue/token").await?;
            let joined = join().await?;
            assert!([410, 503].contains(&token.status), "{token:?}");
            assert!([404, 503].contains(&joined.status), "{joined:?}");
            Ok((token.status == 410 && joined.status == 404).then_some(()))
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_concert_is_gone_everywhere_with_queues_on_redis() -> Result<()> {
    a_deleted_concert_is_gone_everywhere(Stores::MYSQL_AND_REDIS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_concert_is_gone_everywhere_with_queues_on_mysql() -> Result<()> {
    a_deleted_concert_is_gone_everywhere(Stores::MYSQL_QUEUE).await
}
