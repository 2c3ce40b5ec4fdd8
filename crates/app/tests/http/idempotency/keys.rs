//! Valid keys, and what a key identifies.

use anyhow::{Context, Result};
use frontrow_test_harness::Request;
use serde_json::json;

use super::{charge, operator_charge, totals_with};
use crate::{
    buyer::Buyer,
    on_every_store,
    problems::assert_problem,
    stores::Stores,
    test_app::{PRICE, TestApp},
};

on_every_store!(
    a_key_is_refused_for_any_other_request,
    every_user_has_keys_of_their_own,
    an_invalid_key_is_refused_and_changes_nothing,
    keys_differ_by_a_letter,
);

async fn a_key_is_refused_for_any_other_request(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let first = Buyer::at(&test_app, "buyer", "R1-1").await?; // charged with "first charge"
    first.pay("payment").await?.expect_status(200)?;
    let operator = test_app.admin();
    operator_charge(&operator, "buyer", 9, "operator's")
        .await?
        .expect_status(201)?;
    let concert = |title: &str, key: &str| {
        let create = operator.post("/v1/admin/concerts").idempotency_key(key);
        create.json(&json!({"title": title}))
    };
    concert("Another", "concert").await?.expect_status(201)?;
    // Another reservation of the same user, held and not paid.
    let rejoined = test_app.join("buyer").await?;
    let held = rejoined
        .hold(&test_app, &["R1-2"])
        .await?
        .expect_status(201)?;
    let reservation = held.text_at("/id")?;
    let before = rejoined.balance().await?;
    let client = &rejoined.client;
    let pay = |key: &str| {
        client
            .post(&format!("/v1/reservations/{reservation}/payment"))
            .idempotency_key(key)
    };
    for (case, request) in [
        ("another amount", charge(client, 1, "first charge")),
        ("another reservation", pay("payment")),
        ("a charge's key for a payment", pay("first charge")),
        (
            "a payment's key for a charge",
            charge(client, PRICE, "payment"),
        ),
        (
            "another amount of an operator's",
            operator_charge(&operator, "buyer", 10, "operator's"),
        ),
        (
            "another user",
            operator_charge(&operator, "another", 9, "operator's"),
        ),
        (
            "a charge's key for a new concert",
            concert("Another", "operator's"),
        ),
        (
            "a concert's key for a charge",
            operator_charge(&operator, "buyer", 9, "concert"),
        ),
    ] {
        let reply = request.await.context(case)?;
        assert_problem(&reply, 422, "idempotency-key-reused");
    }
    assert_eq!(rejoined.balance().await?, before);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    let path = format!("/v1/reservations/{reservation}");
    assert_eq!(client.get(&path).await?.json, held.json);
    // The reservation is not affected: with a key of its own it is paid. An operator's key is
    // independent of the user's.
    pay("operator's").await?.expect_status(200)?;
    charge(client, 9, "concert").await?.expect_status(201)?;
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(2));
    Ok(())
}

async fn every_user_has_keys_of_their_own(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let alice = Buyer::at(&test_app, "alice", "R1-1").await?;
    let bob = Buyer::at(&test_app, "bob", "R1-2").await?;
    let paid = alice.pay("payment").await?.expect_status(200)?;
    let theirs = bob.visitor.pay(&alice.reservation, "payment").await?;
    assert_problem(&theirs, 404, "not-found");
    let own = bob.pay("payment").await?.expect_status(200)?;
    assert_ne!(own.at("/id")?, paid.at("/id")?);
    for buyer in [&alice, &bob] {
        let charged = buyer.visitor.charge(5, "charge").await?;
        let charged = charged.expect_status(201)?;
        assert_eq!(*charged.at("/balance")?, Buyer::POINTS - PRICE + 5);
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(2));
    Ok(())
}

async fn an_invalid_key_is_refused_and_changes_nothing(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let client = &buyer.visitor.client;
    let requests = |key: &str| -> [Request; 3] {
        [
            buyer.payment_by(client, key),
            charge(client, 1, key),
            operator_charge(&test_app.admin(), "buyer", 1, key),
        ]
    };
    let too_long = "k".repeat(256);
    let far_too_long = "k".repeat(10_000);
    for (key, status, slug) in [
        ("", 422, "invalid-request"),
        ("   ", 422, "invalid-request"), // HTTP has no spaces around a value
        (&too_long, 422, "invalid-request"),
        (&far_too_long, 422, "invalid-request"),
        ("clé", 400, "malformed-request"),
        ("鍵", 400, "malformed-request"),
    ] {
        for request in requests(key) {
            let reply = request.await?;
            assert_problem(&reply, status, slug);
            let named = reply.text.to_lowercase().contains("idempotency-key");
            assert!(named, "the header is named: {reply:?}");
        }
    }
    let without = [
        client.post(&format!("/v1/reservations/{}/payment", buyer.reservation)),
        client
            .post("/v1/points/charges")
            .json(&json!({"amount": 1})),
        test_app
            .admin()
            .post("/v1/admin/users/buyer/points/charges")
            .json(&json!({"amount": 1})),
    ];
    for request in without {
        assert_problem(&request.await?, 400, "idempotency-key-required");
    }
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));

    let longest = "k".repeat(255);
    let paid = buyer.pay(&longest).await?.expect_status(200)?;
    assert_eq!(buyer.pay(&longest).await?.json, paid.json);
    Ok(())
}

async fn keys_differ_by_a_letter(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let alice = test_app.user("alice");
    let keys = [
        "key", "Key", "KEY", "key.", "key'--", "key%", "k_y", "%", "0", "00",
    ];
    for (at, key) in keys.iter().enumerate() {
        let charged = charge(&alice, 1, key).await?.expect_status(201)?;
        assert_eq!(*charged.at("/balance")?, at + 1, "{key}");
    }
    Ok(())
}
