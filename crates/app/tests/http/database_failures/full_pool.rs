//! All connections are in use for a long time.

use anyhow::Result;
use frontrow_test_harness::eventually;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{SOON, check_unavailable};
use crate::{stores::Stores, test_app::TestApp};

/// Statements may run for 60 s here, so no connection is released while writes are blocked.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_finds_every_connection_in_use_soon_gets_503() -> Result<()> {
    for connections in ["1", "2"] {
        let config = Stores::MYSQL
            .config()
            .await?
            .env("FRONTROW_DATABASE__POOL_SIZE", connections)
            .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "500")
            .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "60000");
        let test_app = TestApp::open_with(config, 1, 1, json!({})).await?;
        let charge = |user: &str| {
            let client = test_app.user(user);
            let charge = client.post("/v1/points/charges").idempotency_key("charge");
            charge.json(&json!({"amount": 7}))
        };
        let held_up = Stores::MYSQL.hold_up_writes(&test_app.app).await?;
        let writers: Vec<_> = (0..3)
            .map(|number| tokio::spawn(charge(&format!("user-{number}")).send()))
            .collect();

        let reader = test_app.user("reader");
        eventually("a reader finds no connection", SOON, async || {
            let points = reader.get("/v1/points").await?;
            if points.status == 200 {
                return Ok(None);
            }
            check_unavailable(&points).map(Some)
        })
        .await?;
        check_unavailable(&charge("latecomer").await?)?;
        test_app
            .app
            .client()
            .get("/livez")
            .await?
            .expect_status(200)?;
        // The queue does not use the database.
        assert!(test_app.join("reader").await?.is_active());

        drop(held_up);
        for writer in writers {
            let first = writer.await??;
            if first.status != 201 {
                check_unavailable(&first)?;
            }
        }
        for user in ["user-0", "user-1", "user-2", "latecomer"] {
            let charged = eventually("it is charged", SOON, async || {
                let charged = charge(user).await?;
                Ok((charged.status == 201).then_some(charged))
            });
            assert_eq!(*charged.await?.at("/balance")?, 7, "{user}: once");
        }
        let at_once = (0..20).map(|_| reader.get("/v1/points").send());
        for points in try_join_all(at_once).await? {
            points.expect_status(200)?;
        }
    }
    Ok(())
}
