//! A database server that stops and starts again keeps the data that it acknowledged.

use std::time::Duration;

use frontrow_test_harness::{MySqlServer, PROCESS_LIST, eventually};
use mysql_async::{Conn, Opts, prelude::Queryable};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(30);

async fn connect(server: &MySqlServer) -> mysql_async::Result<Conn> {
    Conn::new(Opts::from_url(&server.url())?).await
}

async fn numbers(server: &MySqlServer) -> Vec<u32> {
    let mut connection = connect(server).await.unwrap();
    let all = "SELECT number FROM kept.numbers ORDER BY number";
    connection.query(all).await.unwrap()
}

async fn insert_number(server: &MySqlServer, number: u32) {
    let insert = format!("INSERT INTO kept.numbers VALUES ({number})");
    server.execute(&insert).await.unwrap();
}

#[tokio::test]
async fn a_durable_server_keeps_acknowledged_data() {
    let mut server = MySqlServer::start_durable().await.unwrap();
    let url = server.create_database("kept").await.unwrap();
    assert_eq!(url, format!("{}/kept", server.url()));
    let table = "CREATE TABLE kept.numbers (number INT PRIMARY KEY) ENGINE = InnoDB";
    server.execute(table).await.unwrap();

    insert_number(&server, 1).await;
    server.kill().unwrap();
    assert!(connect(&server).await.is_err(), "it was killed");
    assert!(server.ensure_running().is_err());
    server.start_again().await.unwrap();
    assert_eq!(numbers(&server).await, [1]);

    insert_number(&server, 2).await;
    server.stop().await.unwrap();
    assert!(connect(&server).await.is_err(), "it was stopped");
    server.start_again().await.unwrap();
    assert_eq!(numbers(&server).await, [1, 2]);

    server.pause().unwrap();
    let waiting = tokio::spawn({
        let url = server.url();
        async move { Conn::new(Opts::from_url(&url)?).await }
    });
    let mut waiting = std::pin::pin!(waiting);
    let moment = Duration::from_millis(200);
    assert!(
        timeout(moment, waiting.as_mut()).await.is_err(),
        "it is paused"
    );
    server.resume().unwrap();
    timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    assert!(
        server.start_again().await.is_err(),
        "it cannot run two times"
    );
}

#[tokio::test]
async fn the_process_list_shows_statements_with_bytes_that_are_not_text() {
    let server = MySqlServer::start().await.unwrap();
    let mut busy = connect(&server).await.unwrap();
    let sleeping = tokio::spawn(async move {
        let bytes = vec![0x80_u8, 0xff, 0xfe];
        busy.exec_drop("SELECT SLEEP(60), ?", (bytes,)).await
    });
    let mut watch = connect(&server).await.unwrap();
    let others = format!(
        "SELECT id FROM {PROCESS_LIST}
         WHERE db IS NULL AND id <> CONNECTION_ID() AND info LIKE 'SELECT SLEEP%'"
    );
    let shown = eventually("the statement is shown", SOON, async || {
        Ok(watch.query_first::<i64, _>(&others).await?)
    });
    let id = shown.await.unwrap();
    watch.query_drop(format!("KILL {id}")).await.unwrap();
    assert!(sleeping.await.unwrap().is_err(), "it was killed");
}
