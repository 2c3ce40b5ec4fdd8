//! The program starts without any data, stops cleanly, and keeps what is durable.

mod deploy;
mod over;
mod replaced;
mod under_load;
mod wire;

use std::{path::Path, time::Duration};

use anyhow::Result;
use frontrow_test_harness::{App, AppConfig, eventually};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, start},
};

on_every_store!(
    a_restart_loses_no_reservation_payment_or_point,
    users_in_line_get_their_places_back_after_a_restart,
    an_empty_queue_need_not_recover,
    a_request_in_flight_is_answered_before_the_stop,
);

async fn a_restart_loses_no_reservation_payment_or_point(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = test_app.join("buyer").await?;
    let held = buyer
        .hold(&test_app, &["R1-1", "R1-2"])
        .await?
        .expect_status(201)?;
    let reservation = held.text_at("/id")?.to_owned();
    buyer
        .charge(PRICE * 3, "charge")
        .await?
        .expect_status(201)?;
    let paid = buyer
        .pay(&reservation, "payment")
        .await?
        .expect_status(200)?;
    let holder = test_app.join("holder").await?;
    let held = holder
        .hold(&test_app, &["R1-3"])
        .await?
        .expect_status(201)?;

    test_app.app.restart().await?;

    assert_eq!(buyer.balance().await?, PRICE);
    let kept = buyer
        .client
        .get(&format!("/v1/reservations/{reservation}"))
        .await?;
    assert_eq!(
        kept.expect_status(200)?.at("/confirmed_at")?,
        paid.at("/confirmed_at")?
    );
    let again = buyer.pay(&reservation, "payment").await?;
    assert_eq!(
        again.json, paid.json,
        "the key still stands for the payment"
    );
    let path = format!("/v1/reservations/{}", held.text_at("/id")?);
    assert_eq!(holder.client.get(&path).await?.json, held.json);
    Ok(())
}

async fn users_in_line_get_their_places_back_after_a_restart(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 1}});
    let mut test_app = TestApp::open(stores, 1, 10, policy).await?;
    let mut visitors = Vec::new();
    for name in ["first", "second", "third"] {
        visitors.push(test_app.join(name).await?);
    }
    assert!(visitors[0].is_active());
    test_app.app.restart().await?;

    let newcomer = test_app.join("newcomer").await?;
    assert!(
        !newcomer.is_active(),
        "no user is admitted while the queue recovers"
    );
    for visitor in visitors.iter_mut().rev() {
        let joined_at = visitor.place["joined_at"].clone();
        visitor.look_up().await?.expect_status(200)?;
        assert_eq!(visitor.place["joined_at"], joined_at);
    }
    for (position, visitor) in visitors.iter_mut().enumerate() {
        eventually("the recovery ends", Duration::from_secs(20), async || {
            visitor.look_up().await?.expect_status(200)?;
            let recovered = visitor.place["queue"]["recovering"] == false;
            Ok((recovered && (position > 0 || visitor.is_active())).then_some(()))
        })
        .await?;
    }
    assert!(visitors[0].is_active() && !visitors[1].is_active());
    Ok(())
}

async fn an_empty_queue_need_not_recover(stores: Stores) -> Result<()> {
    let config = stores
        .config()
        .await?
        .env("FRONTROW_QUEUE__RECOVERY_S", "600");
    let mut test_app = TestApp::open_with(config, 1, 1, json!({})).await?;
    let visitor = test_app.join("visitor").await?;
    visitor
        .client
        .delete("/v1/queue/token")
        .await?
        .expect_status(204)?;
    // After these requests, every connection to the database has been used, on any worker.
    let reads = (0..64).map(|_| visitor.client.get("/v1/points").into_future());
    for read in join_all(reads).await {
        read?.expect_status(200)?;
    }
    test_app.app.restart().await?;
    assert!(test_app.join("visitor").await?.is_active());
    Ok(())
}

async fn a_request_in_flight_is_answered_before_the_stop(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 10, 100, json!({})).await?;
    let visitor = test_app.join("visitor").await?;
    let requests: Vec<_> = (0..50)
        .map(|number| {
            let (client, key) = (visitor.client.clone(), format!("key-{number}"));
            tokio::spawn(async move {
                client
                    .post("/v1/points/charges")
                    .idempotency_key(&key)
                    .json(&json!({"amount": 1}))
                    .await
            })
        })
        .collect();
    eventually(
        "requests are on their way",
        Duration::from_secs(20),
        async || Ok((visitor.balance().await? > 0).then_some(())),
    )
    .await?;
    test_app.app.sigterm()?;
    let mut answered = 0;
    for request in requests {
        // A request on a connection that was not accepted has no effect. Every accepted request is
        // answered.
        if let Ok(reply) = request.await? {
            reply.expect_status(201)?;
            answered += 1;
        }
    }
    let status = timeout(Duration::from_secs(30), test_app.app.wait_exit()).await??;
    assert!(status.success(), "{status}");
    test_app.app.restart().await?;
    assert_eq!(visitor.balance().await?, answered);
    Ok(())
}

#[tokio::test]
async fn without_any_configuration_there_is_a_demo_on_sale() -> Result<()> {
    let mut app = start(AppConfig::default()).await?;
    let concerts = app.client().get("/v1/concerts").await?.expect_status(200)?;
    assert_eq!(concerts.at("/items")?.as_array().map(Vec::len), Some(3));
    app.restart().await?;
    let again = app.client().get("/v1/concerts").await?.expect_status(200)?;
    assert_eq!(again.json, concerts.json, "it is loaded once");
    app.sigint()?;
    assert!(
        app.wait_exit().await?.success(),
        "Ctrl-C stops it in good order"
    );
    Ok(())
}

#[tokio::test]
async fn a_program_that_cannot_start_says_why_in_one_line() -> Result<()> {
    let running = start(Stores::EMBEDDED.config().await?).await?;
    let port_taken = running.base_url().trim_start_matches("http://").to_owned();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "this is no database, whatever its name says")?;
    let broken = format!("sqlite:{}", file.display());
    let config = || AppConfig::default().env("FRONTROW_DEMO__ON_FIRST_START", "false");
    for (config, says) in [
        (
            config().env("FRONTROW_SERVER__BIND", &port_taken),
            "cannot listen",
        ),
        (config().data_dir(file.join("data")), "data folder"),
        (
            config().env("FRONTROW_DATABASE__URL", &broken),
            "not an SQLite database",
        ),
        (config().config_file("[server]\nbindd = 1\n"), "bindd"),
        (config().config_file("[server\n"), "line 1"),
        (
            config().env("FRONTROW_SERVER__BIND", "0.0.0.0:0"),
            "X-User-Id",
        ),
        (config().data_dir(running.data_dir()), "another frontrow"),
    ] {
        let output = App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), &config).await?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{says}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.starts_with("frontrow: ") && text.contains(says),
            "{says}: {text}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() -> Result<()> {
    let app = start(Stores::EMBEDDED.config().await?).await?;
    // A request whose body never arrives delays the stop after the first signal.
    let address = app.base_url().trim_start_matches("http://").to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address).await?;
    let head = format!(
        "POST /v1/points/charges HTTP/1.1\r\nHost: {address}\r\nX-User-Id: slow\r\n\
         Idempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    tokio::io::AsyncWriteExt::write_all(&mut connection, head.as_bytes()).await?;
    app.client().get("/livez").await?.expect_status(200)?;
    let mut app = app;
    app.sigterm()?;
    eventually(
        "the program begins to stop",
        Duration::from_secs(20),
        async || Ok(app.log()?.contains("stopping").then_some(())),
    )
    .await?;
    app.sigterm()?;
    let status = timeout(Duration::from_secs(10), app.wait_exit()).await??;
    assert!(!status.success(), "{status}");
    Ok(())
}
