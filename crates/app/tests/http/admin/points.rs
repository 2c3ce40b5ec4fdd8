//! Points charged by operators.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use frontrow_test_harness::{Client, Reply};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{box_office, two_operators, wrong_fields};
use crate::{
    on_every_store,
    stores::Stores,
    test_app::{admin, start},
};

on_every_store!(
    operators_charge_users_where_users_cannot,
    an_operators_charge_takes_effect_once,
    a_wrong_charge_is_refused_and_charges_nothing,
);

async fn charge(client: &Client, user: &str, amount: Value, key: &str) -> Result<Reply> {
    client
        .post(&format!("/v1/admin/users/{user}/points/charges"))
        .idempotency_key(key)
        .json(&json!({ "amount": amount }))
        .await
}

async fn balance(client: &Client, user: &str) -> Result<Value> {
    let points = client.user(user).get("/v1/points").await?;
    Ok(points.expect_status(200)?.at("/balance")?.clone())
}

async fn operators_charge_users_where_users_cannot(stores: Stores) -> Result<()> {
    let config = two_operators(stores)
        .await?
        .env("FRONTROW_POINTS__SELF_CHARGE", "false");
    let app = start(config).await?;
    let own = app.client().user("ann").post("/v1/points/charges");
    let own = own
        .idempotency_key("own")
        .json(&json!({"amount": 5}))
        .await?;
    assert_eq!(
        own.expect_status(403)?.text_at("/type")?,
        "/problems/self-charge-off"
    );
    let charged = charge(&admin(&app), "ann", json!(500), "key")
        .await?
        .expect_status(201)?;
    assert_eq!(charged.json, json!({"balance": 500, "currency": "KRW"}));
    charge(&box_office(&app), "ann", json!(1), "other")
        .await?
        .expect_status(201)?;
    assert_eq!(balance(&app.client(), "ann").await?, 501);

    // A user id is printable ASCII; in a path it is percent-encoded.
    let encoded = "a%2Fb%40c%3Fd%25e";
    charge(&admin(&app), encoded, json!(7), "another")
        .await?
        .expect_status(201)?;
    assert_eq!(balance(&app.client(), "a/b@c?d%e").await?, 7);
    assert_eq!(stores.totals(&app).await?.wrong_balances, 0);
    Ok(())
}

async fn an_operators_charge_takes_effect_once(stores: Stores) -> Result<()> {
    let app = start(two_operators(stores).await?).await?;
    let mut charges = JoinSet::new();
    for number in 0..20 {
        let client = if number % 2 == 0 {
            admin(&app)
        } else {
            box_office(&app)
        };
        charges.spawn(async move { charge(&client, "ann", json!(500), "key").await });
    }
    let mut returned = BTreeSet::new();
    while let Some(reply) = charges.join_next().await {
        let reply = reply??;
        // While the first request is in flight, others may be answered with 409.
        if reply.status != 409 {
            let balance = reply.expect_status(201)?.at("/balance")?.as_i64();
            returned.insert(balance.context("a balance is a number")?);
        }
    }
    // Each of the two operators has charged once, for any number of requests and in any order.
    assert!(
        returned.is_subset(&BTreeSet::from([500, 1_000])),
        "{returned:?}"
    );
    assert_eq!(balance(&app.client(), "ann").await?, 1_000);
    for client in [admin(&app), box_office(&app)] {
        let again = charge(&client, "ann", json!(500), "key").await?;
        let again = again.expect_status(201)?;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        for (user, amount) in [("ann", 501), ("ben", 500)] {
            let other = charge(&client, user, json!(amount), "key").await?;
            let other = other.expect_status(422)?;
            assert_eq!(other.text_at("/type")?, "/problems/idempotency-key-reused");
        }
    }
    let own = app.client().user("ann").post("/v1/points/charges");
    let own = own
        .idempotency_key("key")
        .json(&json!({"amount": 500}))
        .await?;
    own.expect_status(201)?;
    assert_eq!(balance(&app.client(), "ann").await?, 1_500);
    let audit_entries = stores.audit_entries(&app).await?;
    let charges = audit_entries
        .iter()
        .filter(|entry| entry.action == "points.charge");
    let mut actors: Vec<_> = charges.map(|entry| entry.actor.as_str()).collect();
    actors.sort_unstable();
    assert_eq!(actors, ["box_office", "ops"]);
    assert_eq!(stores.totals(&app).await?.wrong_balances, 0);
    Ok(())
}

async fn a_wrong_charge_is_refused_and_charges_nothing(stores: Stores) -> Result<()> {
    let app = start(stores.config().await?).await?;
    let admin = admin(&app);
    for amount in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("5"),
        json!(null),
        json!(1e16),
    ] {
        let refused = charge(&admin, "ann", amount.clone(), "key").await?;
        assert_eq!(wrong_fields(refused)?, ["amount"], "{amount}");
    }
    for user in ["x".repeat(65), "%20".into(), "%00".into(), "%C3%A9".into()] {
        let refused = charge(&admin, &user, json!(5), "key").await?;
        assert_eq!(wrong_fields(refused)?, ["user_id"], "{user}");
    }
    let keyless = admin
        .post("/v1/admin/users/ann/points/charges")
        .json(&json!({"amount": 5}));
    let keyless = keyless.await?.expect_status(400)?;
    assert_eq!(
        keyless.text_at("/type")?,
        "/problems/idempotency-key-required"
    );
    let most = json!(9_007_199_254_740_991_i64);
    charge(&admin, "ann", most, "most")
        .await?
        .expect_status(201)?;
    let more = charge(&admin, "ann", json!(1), "more")
        .await?
        .expect_status(409)?;
    assert_eq!(more.text_at("/type")?, "/problems/balance-limit");
    let audit_entries = stores.audit_entries(&app).await?;
    assert_eq!(audit_entries.len(), 1, "{audit_entries:?}");
    Ok(())
}
