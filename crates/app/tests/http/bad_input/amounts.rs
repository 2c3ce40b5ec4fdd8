//! Numbers: too small, too large, not whole, and sums that would be too large.

use anyhow::Result;
use serde_json::json;

use super::{BALANCE, Target};
use crate::{on_every_store, stores::Stores};

/// The largest amount, and balance: 2^53 − 1.
const MAX: i64 = 9_007_199_254_740_991;

on_every_store!(
    only_whole_positive_amounts_are_charged,
    a_balance_is_charged_to_the_maximum_and_no_further,
    keys_of_charges_are_short_printable_text,
);

async fn only_whole_positive_amounts_are_charged(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let paths = [
        (false, "/v1/points/charges"),
        (true, "/v1/admin/users/visitor/points/charges"),
    ];
    for (by_operator, path) in paths {
        let client = if by_operator {
            target.admin()
        } else {
            target.client()
        };
        for amount in [
            "0",
            "-0",
            "-1",
            "1.0",
            "1.5",
            "0.1",
            "1e0",
            "1e3",
            "1e18",
            "1E-2",
            "-9223372036854775808",
            "9007199254740992",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "99999999999999999999999999999999999999999999",
            "null",
            "\"1\"",
            "\"\"",
            "true",
            "[1]",
            "{}",
            "[]",
            "{\"amount\": 1}",
        ] {
            let body = format!("{{\"amount\": {amount}}}");
            let reply = client.post(path).body("application/json", body).await?;
            target.is_invalid(amount, &reply, "amount").await?;
        }
        for amount in [
            "1e400",
            "-1e999999999",
            "01",
            "+1",
            ".5",
            "1.",
            "0x10",
            "1_000",
            "Infinity",
            "-NaN",
        ] {
            let body = format!("{{\"amount\": {amount}}}");
            let reply = client.post(path).body("application/json", body).await?;
            target
                .is_problem(amount, &reply, 400, "malformed-request")
                .await?;
        }
    }
    target.is_unchanged().await
}

async fn a_balance_is_charged_to_the_maximum_and_no_further(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for (amount, key) in [(MAX, "all-at-once"), (MAX - BALANCE + 1, "one-too-many")] {
        let reply = target.visitor.charge(amount, key).await?;
        target.is_problem(key, &reply, 409, "balance-limit").await?;
        assert_eq!(target.visitor.balance().await?, BALANCE);
    }
    let full = target.visitor.charge(MAX - BALANCE, "to-the-brim").await?;
    assert_eq!(full.expect_status(201)?.at("/balance")?, &json!(MAX));
    let reply = target.visitor.charge(1, "one-more").await?;
    target
        .is_problem("one more", &reply, 409, "balance-limit")
        .await?;
    let path = "/v1/admin/users/visitor/points/charges";
    let reply = target
        .admin()
        .post(path)
        .json(&json!({"amount": 1}))
        .await?;
    target
        .is_problem("one more by the operator", &reply, 409, "balance-limit")
        .await?;
    assert_eq!(target.visitor.balance().await?, MAX);
    assert_eq!(stores.totals(&target.test_app.app).await?.wrong_balances, 0);
    Ok(())
}

async fn keys_of_charges_are_short_printable_text(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let client = target.visitor.client.clone();
    let body = json!({"amount": 1});
    let without = client.post("/v1/points/charges").json(&body).await?;
    target
        .is_problem("no key", &without, 400, "idempotency-key-required")
        .await?;
    for key in [String::new(), "k".repeat(256), "k".repeat(10_000)] {
        let reply = client
            .post("/v1/points/charges")
            .idempotency_key(&key)
            .json(&body)
            .await?;
        target.is_invalid(&key, &reply, "Idempotency-Key").await?;
    }
    for key in ["é", "키", "a\tb"] {
        let reply = client
            .post("/v1/points/charges")
            .idempotency_key(key)
            .json(&body)
            .await?;
        assert!([400, 422].contains(&reply.status), "{reply:?}");
        target.is_valid_answer(key, &reply).await?;
    }
    target.is_unchanged().await
}
