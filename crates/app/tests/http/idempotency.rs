//! A request that is repeated with its `Idempotency-Key` takes effect once, and gets the same
//! answer.

mod at_once;
mod crashes;
mod keys;
mod late;

use anyhow::Result;
use frontrow_test_harness::{Client, Request};
use serde_json::json;

use crate::{
    buyer::Buyer,
    on_every_store,
    problems::assert_problem,
    stores::{Stores, Totals},
    test_app::{PRICE, TestApp},
};

on_every_store!(
    a_repeated_payment_gets_the_same_answer_after_its_place_has_ended,
    a_repeated_charge_gets_the_balance_of_the_first_answer,
    an_operators_repeated_charge_takes_effect_once,
    a_refusal_is_not_remembered,
);

/// Marks the answer to a repeat.
const REPLAYED: &str = "idempotent-replayed";

/// The request with which users charge their points.
fn charge(client: &Client, amount: i64, key: &str) -> Request {
    client
        .post("/v1/points/charges")
        .idempotency_key(key)
        .json(&json!({"amount": amount}))
}

/// The request with which operators charge a user's points.
fn operator_charge(operator: &Client, user: &str, amount: i64, key: &str) -> Request {
    operator
        .post(&format!("/v1/admin/users/{user}/points/charges"))
        .idempotency_key(key)
        .json(&json!({"amount": amount}))
}

/// The totals with `payments` payments, of one seat each.
fn totals_with(payments: i64) -> Totals {
    Totals {
        wrong_balances: 0,
        payments,
        paid: payments * PRICE,
        seats_sold: payments,
    }
}

async fn a_repeated_payment_gets_the_same_answer_after_its_place_has_ended(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let paid = buyer.pay("payment").await?.expect_status(200)?;
    assert_eq!(*paid.at("/balance")?, Buyer::POINTS - PRICE);
    let gone = buyer.visitor.client.get("/v1/queue/token").await?;
    assert_problem(&gone, 410, "place-gone");
    buyer.visitor.charge(1, "later").await?.expect_status(201)?;

    // The identity and the key are enough: a client that lost the answer may have lost the token
    // too.
    let tokenless = test_app.user("buyer");
    assert_eq!(paid.header(REPLAYED), None);
    for client in [&buyer.visitor.client, &tokenless] {
        let again = buyer.payment_by(client, "payment").await?;
        assert_eq!((again.status, &again.json), (200, &paid.json));
        assert_eq!(again.header(REPLAYED), Some("true"));
    }
    // A new place does not change the answer, and the repeat does not end it.
    let mut rejoined = test_app.join("buyer").await?;
    let again = buyer.payment_by(&rejoined.client, "payment").await?;
    assert_eq!((again.status, &again.json), (200, &paid.json));
    rejoined.look_up().await?.expect_status(200)?;
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE + 1);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    Ok(())
}

async fn a_repeated_charge_gets_the_balance_of_the_first_answer(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let alice = test_app.user("alice");
    let first = charge(&alice, 100, "one").await?.expect_status(201)?;
    charge(&alice, 11, "two").await?.expect_status(201)?;
    assert_eq!(first.header(REPLAYED), None);
    let again = charge(&alice, 100, "one").await?;
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_eq!(again.header(REPLAYED), Some("true"));
    // The same JSON in another notation is the same request.
    let rewritten = alice
        .post("/v1/points/charges")
        .idempotency_key("one")
        .body("application/json", " {\n\"amount\" : 100 } ")
        .await?;
    assert_eq!((rewritten.status, &rewritten.json), (201, &first.json));
    let points = alice.get("/v1/points").await?;
    assert_eq!(*points.at("/balance")?, 111);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    Ok(())
}

async fn an_operators_repeated_charge_takes_effect_once(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let operator = test_app.admin();
    for (user, key) in [("alice", "order 1"), ("bob", "order 2")] {
        let first = operator_charge(&operator, user, 70, key).await?;
        let first = first.expect_status(201)?;
        let again = operator_charge(&operator, user, 70, key).await?;
        assert_eq!((again.status, &again.json), (201, &first.json));
        for (user, amount) in [(user, 71), ("carol", 70)] {
            let other = operator_charge(&operator, user, amount, key).await?;
            assert_problem(&other, 422, "idempotency-key-reused");
        }
        let points = test_app.user(user).get("/v1/points").await?;
        assert_eq!(*points.at("/balance")?, 70);
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    Ok(())
}

async fn a_refusal_is_not_remembered(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::without_points(&test_app, "buyer", "R1-1").await?;
    let tokenless = buyer.payment_by(&test_app.user("buyer"), "payment").await?;
    assert_problem(&tokenless, 401, "queue-token-required");
    for _ in 0..2 {
        let refused = buyer.pay("payment").await?;
        assert_problem(&refused, 402, "not-enough-points");
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    let charged = buyer.visitor.charge(PRICE, "charge").await?;
    charged.expect_status(201)?;
    let paid = buyer.pay("payment").await?.expect_status(200)?;
    assert_eq!(
        (paid.at("/balance")?, paid.at("/charged")?),
        (&json!(0), &json!(PRICE))
    );
    assert_eq!(buyer.pay("payment").await?.json, paid.json);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    Ok(())
}
