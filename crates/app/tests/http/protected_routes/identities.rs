//! The same walk with identities that are invalid.

use anyhow::{Context, Result};
use serde_json::json;

use super::{
    INVALID_IDENTITY, NO_IDENTITY, about_nothing,
    routes::Route,
    tokens::{self, CURRENT},
    walk::{Walk, problem},
};
use crate::{
    buyer::Buyer,
    on_every_store,
    stores::Stores,
    test_app::{ADMIN_KEY, TestApp},
};

on_every_store!(
    no_client_passes_a_route_without_a_valid_identity,
    a_bare_user_id_is_no_identity_where_it_is_not_trusted,
);

async fn no_client_passes_a_route_without_a_valid_identity(stores: Stores) -> Result<()> {
    let walk = Walk::begin(stores, json!({})).await?;
    let walker = Buyer::at(&walk.test_app, "walker", "R1-1").await?;
    let about = walk.about(&walker);
    let anonymous = walk.test_app.app.client().queue_token(walker.token());
    for (case, client) in [
        ("no identity", anonymous.clone()),
        ("an empty one", anonymous.bearer("")),
        (
            "of another scheme",
            anonymous.header("authorization", "Basic d2Fsa2VyOg=="),
        ),
    ] {
        walk.is_refused(case, &client, &about, NO_IDENTITY).await?;
    }
    let mut bad = tokens::bad_identities("walker")?;
    bad.push(("a queue token", walker.token().into()));
    bad.push(("an admin key", ADMIN_KEY.into()));
    for (case, identity) in &bad {
        let client = anonymous.bearer(identity);
        walk.is_refused(case, &client, &about, INVALID_IDENTITY)
            .await?;
        // A valid name does not replace an invalid identity.
        let client = walker.visitor.client.bearer(identity);
        walk.is_refused(case, &client, &about, INVALID_IDENTITY)
            .await?;
    }
    for name in [
        "",
        "a b",
        "x".repeat(65).as_str(),
        "x".repeat(9_000).as_str(),
    ] {
        walk.is_refused(name, &anonymous.user(name), &about, INVALID_IDENTITY)
            .await?;
    }
    let refusal = (400, "malformed-request");
    walk.is_refused("not ASCII", &anonymous.user("Zoë"), &about, refusal)
        .await?;
    walk.passes("afterwards", &walker.visitor.client, &walker)
        .await
}

async fn a_bare_user_id_is_no_identity_where_it_is_not_trusted(stores: Stores) -> Result<()> {
    const TRUST: &str = "FRONTROW_IDENTITY__TRUST_X_USER_ID";
    let mut config = tokens::configure(stores.config().await?, &[CURRENT]);
    // Where the setting is missing, a configured secret turns the trust off.
    if config.value(TRUST).is_some() {
        config = config.env(TRUST, "false");
    }
    let test_app = TestApp::open_with(config, 1, 1, json!({})).await?;
    let anonymous = test_app.app.client();
    let walker = anonymous.bearer(&tokens::identity("walker")?);
    let joined = walker
        .post("/v1/queue/tokens")
        .json(&json!({"concert_id": test_app.concert}))
        .await?
        .expect_status(201)?;
    let token = joined.text_at("/queue_token")?;
    let named = anonymous.user("walker").queue_token(token);
    let about = about_nothing(&test_app);
    for access in ["protected", "identity"] {
        for route in Route::with_access(&anonymous, access).await? {
            let reply = route.request(&named, &about)?.await?;
            problem(&reply, NO_IDENTITY.0, NO_IDENTITY.1).with_context(|| route.to_string())?;
        }
    }
    let seats = walker
        .queue_token(token)
        .get(&test_app.seats_path())
        .await?;
    seats.expect_status(200).map(drop)
}
