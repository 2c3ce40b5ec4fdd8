//! The disk of the database server's binary log is full. The server then blocks at each COMMIT
//! until there is space, for which it checks once a minute. To the program, it seems to hang.

use std::time::Duration;

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use frontrow_test_harness::{
    MySqlOptions, MySqlServer, PROCESS_LIST, Reply, SmallDisk, eventually,
};
use serde_json::json;

use crate::{
    buyer::Buyer,
    clock::Stopwatch,
    database_failures::{check_unavailable, with_short_timeouts},
    stores::{Stores, Totals},
    test_app::{PRICE, TestApp},
};

/// The sum of the longest waits of the program (see [`with_short_timeouts`]): for a connection, for
/// opening one, for a statement. With some reserve.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The server checks for space once a minute.
const MINUTE_AND_MORE: Duration = Duration::from_secs(90);

/// A server whose binary log is on a disk of its own.
async fn logging_to(disk: &SmallDisk) -> Result<MySqlServer> {
    let log = format!("--log-bin={}", disk.path().join("binlog").display());
    MySqlServer::start_with(MySqlOptions {
        durable: true,
        more: vec![log, "--server-id=1".into()],
        ..MySqlOptions::default()
    })
    .await
}

/// Lets a `MariaDB` check for space immediately. A connection that waits for space is woken by
/// being killed, and then checks a last time. (MySQL would end instead, because of its
/// `binlog_error_action`.)
async fn check_for_space(server: &MySqlServer) -> Result<()> {
    #[derive(QueryableByName)]
    struct Waiting {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    if !server.version().contains("MariaDB") {
        return Ok(());
    }
    let url = format!("{}/frontrow?prefer_socket=false", server.url());
    let database = &mut AsyncMysqlConnection::establish(&url).await?;
    let waiting = format!("SELECT id FROM {PROCESS_LIST} WHERE state LIKE '%to free space'");
    let waiting: Vec<Waiting> = sql_query(waiting).load(database).await?;
    for Waiting { id } in waiting {
        sql_query(format!("KILL {id}")).execute(database).await?;
    }
    Ok(())
}

/// Checks that the payment was abandoned, or that an earlier abandoned one has not ended yet.
fn check_unavailable_or_in_progress(reply: &Reply) -> Result<()> {
    if reply.status != 409 {
        return check_unavailable(reply);
    }
    let problem = reply.text_at("/type")?;
    ensure!(problem == "/problems/request-in-progress", "{reply:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_is_given_up_and_a_payment_is_made_once() -> Result<()> {
    let disk = SmallDisk::mount(1)?;
    let server = logging_to(&disk).await?;
    let url = server.create_database("frontrow").await?;
    let test_app = TestApp::open_with(with_short_timeouts(&url), 1, 2, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    disk.fill()?;

    // A few commits still fit into the last block of the log.
    let mut charges = 0;
    let charge = async |number: usize| {
        let client = test_app.user(&format!("user-{number}"));
        let charge = client.post("/v1/points/charges").idempotency_key("charge");
        charge.json(&json!({"amount": 7})).await
    };
    loop {
        let answer = charge(charges).await?;
        charges += 1;
        if answer.status != 201 {
            check_unavailable(&answer)?;
            break;
        }
        ensure!(charges < 100, "the disk is never full");
    }
    for _ in 0..2 {
        let paying = Stopwatch::start();
        check_unavailable_or_in_progress(&buyer.pay("payment").await?)?;
        assert!(paying.elapsed() < ANSWERED_WITHIN);
        test_app
            .app
            .client()
            .get("/livez")
            .await?
            .expect_status(200)?;
        let catalogue = test_app.app.client().get("/v1/concerts").await?;
        catalogue.expect_status(200)?;
        let own = buyer.visitor.client.get("/v1/reservations").await?;
        assert_eq!(own.expect_status(200)?.text_at("/items/0/state")?, "held");
        assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS);
    }

    disk.make_room()?;
    check_for_space(&server).await?;
    let paid = eventually("the payment is made", MINUTE_AND_MORE, async || {
        let answer = buyer.pay("payment").await?;
        if answer.status == 200 {
            return Ok(Some(answer));
        }
        check_unavailable_or_in_progress(&answer).map(|()| None)
    });
    assert_eq!(paid.await?.text_at("/state")?, "confirmed");
    assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
    for number in 0..charges {
        charge(number).await?.expect_status(201)?;
    }
    let right = Totals {
        wrong_balances: 0,
        payments: 1,
        paid: PRICE,
        seats_sold: 1,
    };
    assert_eq!(Stores::MYSQL.totals(&test_app.app).await?, right);
    for ledger in Stores::MYSQL.ledgers(&test_app.app).await? {
        assert_eq!(ledger.charges, 1, "{ledger:?}");
    }
    Ok(())
}
