//! Callers that are dropped, because their clients disconnected, leave no partial work and no stuck
//! connection.

use std::{thread, time::Duration};

use frontrow_domain::{
    model::PageRequest,
    ports::{Concerts, Points, Reservations},
};

use crate::program::{Program, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_call_is_done_whole_or_not_at_all() {
    let program = Program::start().await;
    for number in 1..=9 {
        let label = format!("A-{number}");
        let name = format!("user-{number}");
        let request = program.request(&name, &[&label]);
        // Polled once, and dropped while it works.
        let abandoned = tokio::time::timeout(Duration::ZERO, program.database.hold(&request));
        drop(abandoned.await);
        program
            .database
            .catalogue(jiff::Timestamp::MIN)
            .await
            .unwrap();
    }
    // The writer works in order, so all earlier calls have ended after this one.
    program.charge("ann", 1).await;
    let page = PageRequest {
        after: None,
        limit: 100,
    };
    let made = program
        .database
        .of_concert(program.concert, page)
        .await
        .unwrap();
    let performances = program
        .database
        .performances(program.concert)
        .await
        .unwrap();
    let left = performances.first().unwrap().seats_left;
    assert_eq!(left, 9 - made.items.len() as u64);
    assert!(
        made.items
            .iter()
            .all(|reservation| reservation.seats.len() == 1)
    );
}

/// Uses every connection that reads.
async fn four_at_once(program: &Program) {
    let (database, ann) = (&program.database, &user("ann"));
    let balances = tokio::join!(
        database.balance(ann),
        database.balance(ann),
        database.balance(ann),
        database.balance(ann),
    );
    for balance in [balances.0, balances.1, balances.2, balances.3] {
        balance.unwrap();
    }
}

/// The workers of a server end before the database is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_outlive_the_runtime_that_used_them_first() {
    let program = Program::start().await;
    let worker = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(four_at_once(&program));
    };
    thread::scope(|scope| scope.spawn(worker).join().unwrap());
    four_at_once(&program).await;
}
