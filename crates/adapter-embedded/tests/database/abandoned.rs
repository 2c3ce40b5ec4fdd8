//! Callers that go away (their clients hung up) leave nothing half done and nothing stuck.

use std::time::Duration;

use frontrow_domain::{
    model::PageRequest,
    ports::{Concerts, Reservations},
};

use crate::program::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_call_is_done_whole_or_not_at_all() {
    let program = Program::start().await;
    for number in 1..=9 {
        let label = format!("A-{number}");
        let who = format!("user-{number}");
        let request = program.request(&who, &[&label]);
        // Polled once, and dropped with its work under way.
        let abandoned = tokio::time::timeout(Duration::ZERO, program.database.hold(&request));
        drop(abandoned.await);
        program
            .database
            .catalogue(jiff::Timestamp::MIN)
            .await
            .unwrap();
    }
    // The writer takes its turns in order, so what was under way is done after this.
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
