//! Policies that were stored before today's rules for policies.

use anyhow::Result;
use serde_json::json;

use super::wrong_fields;
use crate::{on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(an_opening_at_the_end_of_time_stops_nothing);

/// The latest instant that the previous version of the program accepted, in its newest policy.
fn set_opening(stores: Stores) -> String {
    let end_of_time = if stores.has_sqlite() {
        "253402207200999999"
    } else {
        "'9999-12-30 22:00:00.999999'"
    };
    format!("UPDATE concerts SET opens_at = {end_of_time}, policy_version = policy_version + 1")
}

async fn an_opening_at_the_end_of_time_stops_nothing(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    test_app.app.sigterm()?;
    test_app.app.wait_exit().await?;
    stores.execute(&test_app.app, &set_opening(stores)).await?;
    test_app.app.restart().await?;

    let mut visitor = test_app.join("visitor").await?;
    visitor.look_up().await?.expect_status(200)?;
    assert!(!visitor.is_active());
    let opens_at = visitor.place["queue"]["opens_at"].as_str().unwrap_or("");
    assert!(opens_at >= "2255-06-05T23:47:34.740992Z", "{opens_at}");

    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let change = async |change| test_app.admin().patch(&path).json(&change).await;
    let closed = change(json!({"state": "closed"}))
        .await?
        .expect_status(200)?;
    assert_eq!(*closed.at("/in_force")?, true);
    let wrong = change(json!({"opens_at": "2256-01-01T00:00:00Z"})).await?;
    assert_eq!(wrong_fields(wrong)?, ["opens_at"]);
    let open = change(json!({"state": "open", "opens_at": null})).await?;
    open.expect_status(200)?;
    visitor.look_up().await?.expect_status(200)?;
    Ok(())
}
