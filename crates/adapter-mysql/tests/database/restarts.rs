//! A server that was down is used again once it is back, without a restart of the service.

use std::time::Duration;

use diesel_async::AsyncMysqlConnection;
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings};
use frontrow_domain::ports::{Concerts, Points, StoreError};
use frontrow_test_harness::{Fault, FaultProxy, eventually};

use crate::{
    contention::{begin, sessions},
    one_database::settings,
    program::{Program, execute, far, user},
    wire::{address_of, at},
};

const SOON: Duration = Duration::from_mins(1);

/// A database by way of a proxy, with as many open connections as it may have.
async fn all_connected(
    program: &Program,
    proxy: &FaultProxy,
    settings: &MySqlSettings,
) -> MySqlDatabase {
    let url = at(program.url(), proxy.address());
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

async fn wait_for_sessions(raw: &mut AsyncMysqlConnection, count: usize) {
    let there = eventually("all connections are open", SOON, async || {
        Ok((sessions(raw).await.len() >= count).then_some(()))
    });
    there.await.unwrap();
}

fn patient() -> MySqlSettings {
    MySqlSettings {
        // Many wait for one row, one after the other.
        lock_timeout: SOON,
        statement_timeout: SOON,
        ..settings()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarted_unseen_costs_no_call() {
    let program = Program::start().await;
    let proxy = FaultProxy::start(address_of(program.url()).await).unwrap();
    let database = all_connected(&program, &proxy, &patient()).await;
    proxy.set(Fault::Refuse).await.unwrap();
    proxy.set(Fault::Forward).await.unwrap();
    database.balance(&user("ann")).await.unwrap();
    database.charge(&program.charge_of("ann", 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_used_again_when_it_is_back() {
    let program = Program::start().await;
    let proxy = FaultProxy::start(address_of(program.url()).await).unwrap();
    let database = all_connected(&program, &proxy, &patient()).await;
    proxy.set(Fault::Refuse).await.unwrap();
    for _ in 0..3 {
        let refused = database.catalogue(far()).await;
        let Err(error @ StoreError::NotApplied { .. }) = refused else {
            panic!("nobody is there: {refused:?}");
        };
        assert!(error.retry_after().is_some(), "{error}");
    }
    proxy.set(Fault::Forward).await.unwrap();
    database.catalogue(far()).await.unwrap();
    database.charge(&program.charge_of("ann", 1)).await.unwrap();
}
