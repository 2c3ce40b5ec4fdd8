//! Performances that were created twice, before the rule of one performance per start and venue.

use anyhow::Result;
use frontrow_test_harness::App;
use serde_json::json;

use crate::{on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(a_migration_lists_duplicates_until_they_are_deleted);

async fn migrated(app: &App) -> Result<String> {
    let output = app.command(&["migrate"]).await?;
    assert!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

async fn a_migration_lists_duplicates_until_they_are_deleted(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let performances = format!("/v1/admin/concerts/{}/performances", test_app.concert);
    let second = test_app.admin().post(&performances).json(&json!({
        "starts_at": "2099-01-01T19:30:00Z",
        "venue": "Another hall",
        "sections": [{"name": "Stalls", "price": 7, "rows": [{"name": "A", "seats": 3}]}],
    }));
    let second = second.await?.expect_status(201)?;
    let second = second.text_at("/id")?;
    assert!(!migrated(&test_app.app).await?.contains("duplicate"));

    // The state that a program without the rule leaves.
    let moved = "UPDATE performances SET occupies_slot = NULL, venue = 'A hall' WHERE venue = 'Another hall'";
    stores.execute(&test_app.app, moved).await?;
    let listed = migrated(&test_app.app).await?;
    let expected = format!(
        "duplicate      performance {second} of concert {}, 2099-01-01T19:30:00Z, A hall: 0 seats held, 0 sold",
        test_app.concert
    );
    assert!(listed.lines().any(|line| line == expected), "{listed}");

    let deleted = format!("{performances}/{second}");
    let deleted = test_app.admin().delete(&deleted).await?;
    deleted.expect_status(204)?;
    assert!(!migrated(&test_app.app).await?.contains("duplicate"));
    Ok(())
}
