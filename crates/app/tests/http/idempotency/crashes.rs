//! The program, or the connection to it, fails in the middle of a request.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::{App, Client, Fault, FaultProxy, Reply, Request, eventually};
use serde_json::{Value, json};

use super::{charge, operator_charge, totals_with};
use crate::{
    buyer::Buyer,
    on_every_store,
    stores::Stores,
    test_app::{ADMIN_KEY, PRICE, TestApp},
};

const SOON: Duration = Duration::from_secs(20);

on_every_store!(
    a_payment_whose_answer_was_lost_in_a_crash_is_made_once,
    charges_whose_answers_were_lost_in_a_crash_are_made_once,
    a_payment_that_was_lost_in_a_crash_is_made_by_its_repeat,
    charges_that_were_lost_in_a_crash_are_made_by_their_repeat,
    a_payment_whose_client_is_gone_is_made_once,
);

/// A network to `app` that can be broken, and a client on its other side.
fn network(app: &App) -> Result<(FaultProxy, Client)> {
    let url = app.base_url();
    let address: SocketAddr = url.trim_start_matches("http://").parse()?;
    let proxy = FaultProxy::start(address)?;
    let client = Client::to(format!("http://{}", proxy.address()))?;
    Ok((proxy, client))
}

/// The JSON of an answer that was lost, once all of it was received.
async fn lost_json(proxy: &FaultProxy) -> Result<Value> {
    proxy.answer_lost().await?;
    eventually("the whole answer is lost", SOON, async || {
        let lost = String::from_utf8(proxy.lost_answers())?;
        let body = lost.split_once("\r\n\r\n").map(|(_, body)| body);
        Ok(body.and_then(|body| serde_json::from_str(body).ok()))
    })
    .await
}

/// Sends the result of `request`, kills the program between its effect and the arrival of the
/// answer, and starts it again. Returns the answer that the client did not get.
async fn lose_answer_in_crash(
    test_app: &mut TestApp,
    request: impl FnOnce(&Client) -> Request,
) -> Result<Value> {
    let (proxy, client) = network(&test_app.app)?;
    proxy.set(Fault::LoseAnswers).await?;
    let sent = tokio::spawn(request(&client).send());
    let lost = lost_json(&proxy).await?;
    test_app.app.sigkill()?;
    ensure!(sent.await?.is_err(), "the answer arrived");
    test_app.app.restart().await?;
    Ok(lost)
}

/// Sends the result of `request`, kills the program before its effect, and starts it again.
async fn lose_request_in_crash(
    stores: Stores,
    test_app: &mut TestApp,
    request: impl FnOnce(&Client) -> Request,
) -> Result<()> {
    let (proxy, client) = network(&test_app.app)?;
    let held_up = stores.hold_up_writes(&test_app.app).await?;
    let sent = tokio::spawn(request(&client).send());
    proxy.request_forwarded().await?;
    test_app.app.sigkill()?;
    ensure!(sent.await?.is_err(), "it was answered");
    drop(held_up);
    test_app.app.restart().await
}

async fn a_payment_whose_answer_was_lost_in_a_crash_is_made_once(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let token = buyer.token().to_owned();
    let lost = lose_answer_in_crash(&mut test_app, |client| {
        let client = client.user("buyer").queue_token(&token);
        buyer.payment_by(&client, "payment")
    })
    .await?;
    assert_eq!(
        (&lost["state"], &lost["charged"]),
        (&json!("confirmed"), &json!(PRICE))
    );
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    for _ in 0..2 {
        let repeated = buyer.pay("payment").await?.expect_status(200)?;
        assert_eq!(repeated.json, lost);
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
    Ok(())
}

type ChargeRequest = fn(&Client) -> Request;

fn charge_by_alice(client: &Client) -> Request {
    charge(&client.user("alice"), 100, "own")
}

fn charge_by_operator(client: &Client) -> Request {
    operator_charge(&client.bearer(ADMIN_KEY), "alice", 7, "order")
}

async fn charges_whose_answers_were_lost_in_a_crash_are_made_once(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    for (request, balance) in [
        (charge_by_alice as ChargeRequest, 100),
        (charge_by_operator, 107),
    ] {
        let lost = lose_answer_in_crash(&mut test_app, request).await?;
        assert_eq!(lost["balance"], balance);
        let repeated = request(&test_app.app.client()).await?.expect_status(201)?;
        assert_eq!(repeated.json, lost);
        let points = test_app.user("alice").get("/v1/points").await?;
        assert_eq!(*points.at("/balance")?, balance);
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    Ok(())
}

async fn a_payment_that_was_lost_in_a_crash_is_made_by_its_repeat(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let token = buyer.token().to_owned();
    lose_request_in_crash(stores, &mut test_app, |client| {
        let client = client.user("buyer").queue_token(&token);
        buyer.payment_by(&client, "payment")
    })
    .await?;
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS);
    let paid = paid_once_the_place_is_back(&buyer, "payment").await?;
    assert_eq!(*paid.at("/charged")?, PRICE);
    assert_eq!(buyer.pay("payment").await?.json, paid.json);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    Ok(())
}

/// Repeats the payment while the queue recovers from the crash.
async fn paid_once_the_place_is_back(buyer: &Buyer, key: &str) -> Result<Reply> {
    eventually("the place is active again", SOON, async || {
        let reply = buyer.pay(key).await?;
        match reply.status {
            200 => Ok(Some(reply)),
            429 => Ok(None),
            _ => bail!("neither waiting nor paid: {reply:?}"),
        }
    })
    .await
}

async fn charges_that_were_lost_in_a_crash_are_made_by_their_repeat(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    for (request, before) in [
        (charge_by_alice as ChargeRequest, 0),
        (charge_by_operator, 100),
    ] {
        lose_request_in_crash(stores, &mut test_app, request).await?;
        let points = test_app.user("alice").get("/v1/points").await?;
        assert_eq!(*points.at("/balance")?, before);
        let first = request(&test_app.app.client()).await?.expect_status(201)?;
        let again = request(&test_app.app.client()).await?;
        assert_eq!(again.json, first.json);
    }
    let points = test_app.user("alice").get("/v1/points").await?;
    assert_eq!(*points.at("/balance")?, 107);
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(0));
    Ok(())
}

/// The program continues to run, and must complete the request.
async fn a_payment_whose_client_is_gone_is_made_once(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    for (number, seat) in ["R1-1", "R1-2", "R1-3"].into_iter().enumerate() {
        let name = format!("buyer-{number}");
        let buyer = Buyer::at(&test_app, &name, seat).await?;
        let (proxy, client) = network(&test_app.app)?;
        let held_up = stores.hold_up_writes(&test_app.app).await?;
        let client = client.user(&name).queue_token(buyer.token());
        let sent = tokio::spawn(buyer.payment_by(&client, "payment").send());
        proxy.request_forwarded().await?;
        proxy.set(Fault::Reset).await?;
        ensure!(sent.await?.is_err(), "it was answered");
        drop(held_up);
        let paid = buyer.pay("payment").await?;
        let paid = paid.expect_status(200).context("the repeat")?;
        assert_eq!(buyer.pay("payment").await?.json, paid.json);
        assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
    }
    assert_eq!(stores.totals(&test_app.app).await?, totals_with(3));
    Ok(())
}
