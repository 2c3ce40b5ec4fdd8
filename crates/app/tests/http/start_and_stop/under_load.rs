//! A stop under load: requests in flight are completed, new ones are not accepted.

use std::time::Duration;

use anyhow::{Result, ensure};
use frontrow_test_harness::eventually;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use super::wire::Wire;
use crate::{
    buyer::Buyer,
    clock::Stopwatch,
    on_every_store,
    stores::Stores,
    test_app::{ADMIN_KEY, PRICE, TestApp, Visitor},
};

on_every_store!(
    requests_of_every_kind_in_flight_are_answered_before_the_stop,
    idle_connections_do_not_delay_the_stop,
    clients_that_keep_sending_do_not_delay_the_stop,
);

const LIMIT: Duration = Duration::from_secs(20);
/// The longest stop without requests in flight. The grace period of these tests is far longer.
const AT_ONCE: Duration = Duration::from_secs(8);

async fn stopping(test_app: &mut TestApp) -> Result<()> {
    test_app.app.sigterm()?;
    eventually("the program begins to stop", LIMIT, async || {
        Ok(test_app.app.log()?.contains("stopping").then_some(()))
    })
    .await
}

/// A program that would wait a minute for requests in flight.
async fn with_long_grace(stores: Stores) -> Result<TestApp> {
    let config = stores.config().await?.env("FRONTROW_SERVER__GRACE_S", "60");
    TestApp::open_with(config, 1, 10, json!({})).await
}

/// Waits for a successful end. Returns how long that took.
async fn wait_for_success(test_app: &mut TestApp) -> Result<Duration> {
    let since = Stopwatch::start();
    let status = timeout(Duration::from_secs(70), test_app.app.wait_exit()).await??;
    ensure!(status.code() == Some(0), "{status}");
    Ok(since.elapsed())
}

/// A request that writes: method and path, headers, body, and the status that it must get.
type Write = (String, Vec<String>, Value, u16);

/// One request of each kind that writes.
async fn writes(test_app: &TestApp, buyer: &Buyer) -> Result<Vec<Write>> {
    let releaser = Buyer::without_points(test_app, "releaser", "R1-2").await?;
    let holder = test_app.join("holder").await?;
    let token = |visitor: &Visitor| {
        let token = visitor.place["queue_token"].as_str().unwrap_or_default();
        format!("queue-token: {token}")
    };
    let user = |name: &str| format!("x-user-id: {name}");
    let key = || "idempotency-key: key".to_owned();
    let operator = || format!("authorization: Bearer {ADMIN_KEY}");
    let concert = format!("PATCH /v1/admin/concerts/{}", test_app.concert);
    let performance = &test_app.performance;
    Ok(vec![
        (
            format!("POST /v1/reservations/{}/payment", buyer.reservation),
            vec![user("buyer"), token(&buyer.visitor), key()],
            Value::Null,
            200,
        ),
        (
            format!("DELETE /v1/reservations/{}", releaser.reservation),
            vec![user("releaser")],
            Value::Null,
            204,
        ),
        (
            "POST /v1/reservations".into(),
            vec![user("holder"), token(&holder)],
            json!({"performance_id": performance, "seats": ["R1-3"]}),
            201,
        ),
        (
            "POST /v1/points/charges".into(),
            vec![user("charger"), key()],
            json!({"amount": 5}),
            201,
        ),
        (
            "POST /v1/admin/users/charged/points/charges".into(),
            vec![operator(), key()],
            json!({"amount": 5}),
            201,
        ),
        (
            format!("{concert}/queue"),
            vec![operator()],
            json!({"max_waiting": 9}),
            200,
        ),
        (concert, vec![operator()], json!({"title": "Renamed"}), 200),
    ])
}

async fn requests_of_every_kind_in_flight_are_answered_before_the_stop(
    stores: Stores,
) -> Result<()> {
    let mut test_app = with_long_grace(stores).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let requests = writes(&test_app, &buyer).await?;
    let held_up = stores.hold_up_writes(&test_app.app).await?;
    let mut in_flight = Vec::new();
    for (what, headers, body, expected) in requests {
        let mut wire = Wire::open(&test_app.app).await?;
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        wire.begin(&what, &headers, body.len()).await?;
        wire.send_more(&body).await?;
        in_flight.push((what, wire, expected));
    }
    let mut slow = Wire::open(&test_app.app).await?;
    let join = json!({"concert_id": test_app.concert}).to_string();
    let (begin, rest) = join.split_at(9);
    let joins = "POST /v1/queue/tokens";
    slow.begin(joins, &["x-user-id: slow"], join.len()).await?;
    slow.send_more(begin).await?;

    stopping(&mut test_app).await?;
    let address = test_app
        .app
        .base_url()
        .trim_start_matches("http://")
        .to_owned();
    eventually("no client can connect any more", LIMIT, async || {
        Ok(TcpStream::connect(&address).await.is_err().then_some(()))
    })
    .await?;
    test_app.app.process().ensure_running()?;
    drop(held_up);
    for (what, mut wire, expected) in in_flight {
        let answer = wire.answer().await?;
        ensure!(answer.status == expected, "{what}: {answer:?}");
        ensure!(
            answer.closes,
            "{what} is not answered as the last: {answer:?}"
        );
    }
    slow.send_more(rest).await?;
    let joined = slow.answer().await?;
    ensure!(joined.status == 201 && joined.closes, "{joined:?}");
    let took = wait_for_success(&mut test_app).await?;
    println!("it ended {took:?} after its last answer");
    ensure!(took < AT_ONCE, "{took:?}");

    test_app.app.restart().await?;
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
    assert_eq!(stores.totals(&test_app.app).await?.seats_sold, 1);
    let shown = test_app
        .app
        .client()
        .get(&format!("/v1/concerts/{}", test_app.concert))
        .await?;
    assert_eq!(shown.expect_status(200)?.text_at("/title")?, "Renamed");
    Ok(())
}

async fn idle_connections_do_not_delay_the_stop(stores: Stores) -> Result<()> {
    let mut test_app = with_long_grace(stores).await?;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(Wire::open(&test_app.app).await?);
    }
    test_app.app.sigterm()?;
    let took = wait_for_success(&mut test_app).await?;
    println!("it ended after {took:?}");
    ensure!(took < AT_ONCE, "{took:?}");
    drop(idle);
    Ok(())
}

async fn clients_that_keep_sending_do_not_delay_the_stop(stores: Stores) -> Result<()> {
    let mut test_app = with_long_grace(stores).await?;
    let mut tasks = Vec::new();
    for number in 0..10 {
        let mut wire = Wire::open(&test_app.app).await?;
        tasks.push(tokio::spawn(async move {
            let user = format!("x-user-id: user-{number}");
            let mut charged = 0;
            // Sends until the program announces the end of the connection, or closes it between two
            // answers. It must answer every request that it has begun to handle.
            loop {
                let key = format!("idempotency-key: {charged}");
                let body = r#"{"amount": 1}"#;
                let headers = [user.as_str(), key.as_str()];
                let sent = wire.send("POST /v1/points/charges", &headers, body);
                if sent.await.is_err() {
                    return anyhow::Ok(charged);
                }
                let Some(answer) = wire.answer_unless_closed().await? else {
                    return Ok(charged);
                };
                ensure!(answer.status == 201, "{answer:?}");
                charged += 1;
                if answer.closes {
                    return Ok(charged);
                }
            }
        }));
    }
    let first = test_app.user("user-0").get("/v1/points");
    eventually("they keep sending", LIMIT, async || {
        let points = first.clone().await?.expect_status(200)?;
        Ok((points.at("/balance")?.as_i64() > Some(3)).then_some(()))
    })
    .await?;
    test_app.app.sigterm()?;
    let took = wait_for_success(&mut test_app).await?;
    println!("it ended after {took:?}");
    let mut answered = Vec::new();
    for number in tasks {
        answered.push(number.await??);
    }
    ensure!(took < AT_ONCE, "{took:?}");
    test_app.app.restart().await?;
    for (number, charged) in answered.into_iter().enumerate() {
        let points = test_app
            .user(&format!("user-{number}"))
            .get("/v1/points")
            .await?;
        let balance = points.expect_status(200)?;
        assert_eq!(
            balance.at("/balance")?,
            charged,
            "a charge without an answer has no effect"
        );
    }
    Ok(())
}
