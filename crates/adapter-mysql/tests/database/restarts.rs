//! The service uses a server that was down again once it is back, without a restart.

use diesel_async::AsyncMysqlConnection;
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings};
use frontrow_domain::ports::{Concerts, Points, StoreError};
use frontrow_test_harness::{Fault, FaultProxy, eventually};

use crate::{
    contention::{WAIT_MAX, begin, sessions},
    one_database::settings,
    program::{Program, execute, far, user},
    wire::{address_of, with_address},
};

/// Opens a database behind a proxy, and all connections of its pool.
async fn open_all_connections(
    program: &Program,
    proxy: &FaultProxy,
    settings: &MySqlSettings,
) -> MySqlDatabase {
    let url = with_address(program.url(), proxy.address());
    let database = MySqlDatabase::open(&url, settings, program.offset.clone())
        .await
        .unwrap();
    program.charge("ann", 1).await;
    let raw = &mut program.raw().await;
    let before = sessions(raw).await.len();
    begin(raw, "SELECT user_id FROM balances FOR UPDATE")
        .await
        .unwrap();
    let mut charges = Vec::new();
    for _ in 0..settings.pool_size {
        let (database, charge) = (database.clone(), program.charge_of("ann", 1));
        charges.push(tokio::spawn(async move { database.charge(&charge).await }));
    }
    wait_for_sessions(&mut program.raw().await, before + 1 + settings.pool_size).await;
    execute(raw, "ROLLBACK").await.unwrap();
    for charge in charges {
        charge.await.unwrap().unwrap();
    }
    database
}

/// Waits until the database has `count` connections.
async fn wait_for_sessions(raw: &mut AsyncMysqlConnection, count: usize) {
    let open = eventually("all connections are open", WAIT_MAX, async || {
        Ok((sessions(raw).await.len() >= count).then_some(()))
    });
    open.await.unwrap();
}

/// Returns settings with long time limits.
fn patient_settings() -> MySqlSettings {
    MySqlSettings {
        // Many transactions wait for one row, one after the other.
        lock_timeout: WAIT_MAX,
        statement_timeout: WAIT_MAX,
        ..settings()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restart_between_calls_fails_no_call() {
    let program = Program::start().await;
    let proxy = FaultProxy::start(address_of(program.url()).await).unwrap();
    let database = open_all_connections(&program, &proxy, &patient_settings()).await;
    proxy.set(Fault::Refuse).await.unwrap();
    proxy.set(Fault::Forward).await.unwrap();
    database.balance(&user("ann")).await.unwrap();
    database.charge(&program.charge_of("ann", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_down_is_used_again_once_it_is_back() {
    let program = Program::start().await;
    let proxy = FaultProxy::start(address_of(program.url()).await).unwrap();
    let database = open_all_connections(&program, &proxy, &patient_settings()).await;
    proxy.set(Fault::Refuse).await.unwrap();
    for _ in 0..3 {
        let refused = database.catalogue(far()).await;
        let Err(error @ StoreError::NotApplied { .. }) = refused else {
            panic!("the server is down: {refused:?}");
        };
        assert!(error.retry_after().is_some(), "{error}");
    }
    proxy.set(Fault::Forward).await.unwrap();
    database.catalogue(far()).await.unwrap();
    database.charge(&program.charge_of("ann", 1)).await.unwrap();
}
