//! Operators change the keys that sign queue tokens while tokens are in use.

use anyhow::{Context, Result};
use frontrow_test_harness::eventually;
use serde_json::json;

use super::{
    INVALID_TOKEN, SOON, about_nothing,
    routes::Route,
    tokens::{self, CURRENT, RETIRED},
    walk::problem,
};
use crate::{on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(tokens_outlive_a_change_of_keys_until_their_key_is_removed);

async fn tokens_outlive_a_change_of_keys_until_their_key_is_removed(stores: Stores) -> Result<()> {
    let trusting = stores
        .config()
        .await?
        .env("FRONTROW_IDENTITY__TRUST_X_USER_ID", "true");
    let config = |keys| tokens::configure(trusting.clone(), keys);
    let mut test_app = TestApp::open_with(config(&[RETIRED]), 1, 10, json!({})).await?;
    let mut visitor = test_app.join("visitor").await?;
    let old = visitor.client.clone();

    let both = [CURRENT, RETIRED];
    test_app.app.restart_with(config(&both)).await?;
    eventually("the old token passes", SOON, async || {
        Ok((old.get(&test_app.seats_path()).await?.status == 200).then_some(()))
    })
    .await?;
    visitor.look_up().await?.expect_status(200)?;
    let new = visitor.place["queue_token"].as_str().unwrap_or_default();
    assert_eq!(tokens::key_name(new)?, "current", "it is signed again");
    let new = old.queue_token(new);

    test_app.app.restart_with(config(&[CURRENT])).await?;
    let about = about_nothing(&test_app);
    for route in Route::with_access(&test_app.app.client(), "protected").await? {
        let reply = route.request(&old, &about)?.await?;
        problem(&reply, INVALID_TOKEN.0, INVALID_TOKEN.1).with_context(|| route.to_string())?;
    }
    eventually("the new token passes", SOON, async || {
        Ok((new.get(&test_app.seats_path()).await?.status == 200).then_some(()))
    })
    .await
}
