//! Many requests with the same key at the same time.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Reply, Request};
use futures_util::future::try_join_all;
use serde_json::json;

use super::{charge, operator_charge, totals_with};
use crate::{
    buyer::Buyer,
    on_every_store,
    problems::assert_problem,
    stores::Stores,
    test_app::{PRICE, TestApp},
};

const AT_ONCE: usize = 20;
/// The number of rounds. In some of them, requests should meet at each step of their execution.
const ROUNDS: usize = 5;

on_every_store!(
    twenty_payments_with_one_key_take_effect_once_and_get_the_same_answer,
    twenty_payments_that_meet_at_the_database_take_effect_once,
    twenty_charges_with_one_key_take_effect_once_and_get_the_same_answer,
    twenty_payments_with_twenty_keys_charge_once,
);

async fn at_once(requests: impl IntoIterator<Item = Request>) -> Result<Vec<Reply>> {
    try_join_all(requests.into_iter().map(Request::send)).await
}

fn all_are_the_same(replies: &[Reply], status: u16) -> Result<()> {
    for reply in replies {
        ensure!(
            reply.status == status && reply.json == replies[0].json,
            "{status}, {}: {} {}",
            replies[0].text,
            reply.status,
            reply.text
        );
    }
    Ok(())
}

async fn twenty_payments_with_one_key_take_effect_once_and_get_the_same_answer(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    for round in 1..=ROUNDS {
        let buyer = Buyer::at(&test_app, &format!("buyer-{round}"), &format!("R1-{round}")).await?;
        let payment = buyer.payment_by(&buyer.visitor.client, "payment");
        all_are_the_same(&at_once(vec![payment; AT_ONCE]).await?, 200)?;
        assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
        assert_eq!(
            stores.totals(&test_app.app).await?,
            totals_with(i64::try_from(round)?)
        );
    }
    Ok(())
}

async fn twenty_payments_that_meet_at_the_database_take_effect_once(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let held_up = stores.hold_up_writes(&test_app.app).await?;
    let payments: Vec<_> = (0..AT_ONCE)
        .map(|_| tokio::spawn(buyer.payment_by(&buyer.visitor.client, "payment").send()))
        .collect();
    // One connection was enough to send all of them. These look-ups give the payments time. They do
    // not use the database, whose connections the payments may have taken.
    for _ in 0..10 {
        let place = buyer.visitor.client.get("/v1/queue/token").await?;
        place.expect_status(200)?;
    }
    drop(held_up);
    let mut replies = Vec::new();
    for payment in payments {
        replies.push(payment.await??);
    }
    all_are_the_same(&replies, 200)?;
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    Ok(())
}

async fn twenty_charges_with_one_key_take_effect_once_and_get_the_same_answer(
    stores: Stores,
) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let (alice, operator) = (test_app.user("alice"), test_app.admin());
    let own = vec![charge(&alice, 100, "own"); AT_ONCE];
    let operators = vec![operator_charge(&operator, "alice", 7, "theirs"); AT_ONCE];
    let replies = at_once(own.into_iter().chain(operators)).await?;
    let (own, operators) = replies.split_at(AT_ONCE);
    all_are_the_same(own, 201)?;
    all_are_the_same(operators, 201)?;
    let points = alice.get("/v1/points").await?;
    assert_eq!(*points.at("/balance")?, 107);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    Ok(())
}

async fn twenty_payments_with_twenty_keys_charge_once(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let key = |number| format!("payment {number}");
    let pay = |number| buyer.payment_by(&buyer.visitor.client, &key(number));
    let replies = at_once((0..AT_ONCE).map(pay)).await?;
    let mut paid = Vec::new();
    for (number, reply) in replies.iter().enumerate() {
        match reply.status {
            200 => paid.push(number),
            // The first payment ended the place. Requests that reach the gate after it are answered
            // 410.
            410 => assert_problem(reply, 410, "place-gone"),
            _ => assert_problem(reply, 409, "already-paid"),
        }
    }
    assert_eq!(paid.len(), 1, "{replies:?}");
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));

    // With a new place, too, only the key that paid gets the answer of the payment.
    let rejoined = test_app.join("buyer").await?;
    for (number, first) in replies.iter().enumerate() {
        let again = buyer.payment_by(&rejoined.client, &key(number)).await?;
        if number == paid[0] {
            assert_eq!((again.status, &again.json), (200, &first.json));
        } else {
            assert_problem(&again, 409, "already-paid");
        }
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    Ok(())
}
