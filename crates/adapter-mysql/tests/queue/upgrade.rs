//! Queues in the tables of previous versions.

use diesel_async::{AsyncConnection, AsyncMysqlConnection};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Generation, PolicyVersion, Standing, Ticket},
    },
    ports::{LookUpOutcome, Queue, SeedOutcome},
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, user},
};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::{
    earlier::migrate_before,
    one_queue::{OneQueue, execute},
};

const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0xc0_0002));
/// The version of the queue's policy.
const VERSION: i64 = 3;
/// A generation above the largest signed number.
const GENERATION: Generation = Generation(u64::MAX - 4);

/// Returns the ticket of the user who arrived as number `number`.
fn ticket(name: &str, number: i64) -> Ticket {
    Ticket {
        concert: CONCERT,
        user: user(name),
        arrival: Arrival::from_micros(1_000 + number),
        generation: GENERATION,
    }
}

/// Creates a queue of the previous version. `buyer` has claimed a place. `gone` has left the line,
/// and no tick has counted that yet. `early`, `back` and `late` wait, in this order of arrival.
/// `back` re-entered after a loss.
async fn queue_of_the_previous_version() -> TestQueue<OneQueue> {
    let empty = MySqlTestDatabase::create().await.unwrap();
    let url = format!("{}?prefer_socket=false", empty.url());
    let raw = &mut AsyncMysqlConnection::establish(&url).await.unwrap();
    migrate_before(raw, "2026-11-30").await;
    let concert = format!("X'{}'", CONCERT.0.simple());
    let now = "@now_us";
    let generation = GENERATION.0.cast_signed();
    let fill = format!(
        "SET {now} = TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6));
         INSERT INTO queue_heads (concert_id, generation, policy_version, policy_state,
                                  throughput_admit, throughput_interval_us, waiting_ttl_us,
                                  claim_ttl_us, active_ttl_us, serving_since_us, last_tick_us,
                                  passed_seq, passed_arrival, admitted, admitted_up_to,
                                  back_in_line)
         VALUES ({concert}, {generation}, {VERSION}, 'paused', 1, 3000000, 300000000, 120000000,
                 600000000, {now} - 60000000, {now}, 1, 1001, 1, 1001, 1);
         INSERT INTO queue_tails (concert_id, last_seq, last_arrival, came_back)
         VALUES ({concert}, 4, 1005, 1);
         INSERT INTO queue_places VALUES
             ({concert}, 'buyer', 1001, 1, 3, {now} + 600000000, {now}, {now}),
             ({concert}, 'gone', 1002, 2, 4, {now}, NULL, NULL),
             ({concert}, 'early', 1003, 3, 1, {now}, NULL, NULL),
             ({concert}, 'back', 1004, NULL, 0, {now}, NULL, NULL),
             ({concert}, 'late', 1005, 4, 1, {now}, NULL, NULL);
         INSERT INTO queue_exits VALUES ({concert}, 1);
         INSERT INTO queue_leavers VALUES ({concert}, 1, 1, 1002);"
    );
    execute(raw, &fill).await.unwrap();
    TestQueue {
        store: OneQueue::on(empty).await,
        concert: CONCERT,
        version: VERSION,
    }
}

#[tokio::test]
async fn tokens_stay_valid_and_the_line_keeps_its_order() {
    let mut test_queue = queue_of_the_previous_version().await;
    let known = SeedOutcome::HasNewer(PolicyVersion(VERSION));
    assert_eq!(test_queue.seed(policies::paused()).await, known);
    let buyer = test_queue.look_up(&ticket("buyer", 1)).await;
    assert!(matches!(
        buyer.standing,
        Standing::Active { claimed: true, .. }
    ));
    let gone = test_queue
        .queue()
        .look_up(&ticket("gone", 2))
        .await
        .unwrap();
    assert_eq!(gone.value, LookUpOutcome::Gone);
    let line = [ticket("early", 3), ticket("back", 4), ticket("late", 5)];
    for ticket in &line {
        assert!(test_queue.waits(ticket).await, "{}", ticket.user);
    }
    let new = test_queue.join_new("new").await.ticket;
    assert!(new.arrival > line[2].arrival);
    assert_eq!(new.generation, GENERATION);
    test_queue.change(policies::throughput(100)).await;
    for (number, ticket) in line.iter().chain([&new]).enumerate() {
        assert!(test_queue.waits(ticket).await, "{}", ticket.user);
        let report = test_queue.admit(1).await;
        assert_eq!(report.waiting, 3 - number as u64);
        assert!(!test_queue.waits(ticket).await, "{}", ticket.user);
    }
    assert_eq!(test_queue.expire(100).await.active, 5);
}

/// In format 2 no user stands aside: places that admission had passed were expired. `gone` was
/// passed and not removed. `early` and `late` wait.
#[tokio::test]
async fn places_that_the_previous_format_had_passed_stay_expired() {
    let empty = MySqlTestDatabase::create().await.unwrap();
    let url = format!("{}?prefer_socket=false", empty.url());
    let raw = &mut AsyncMysqlConnection::establish(&url).await.unwrap();
    migrate_before(raw, "2026-11-30-0005").await;
    let concert = format!("X'{}'", CONCERT.0.simple());
    let generation = GENERATION.0.cast_signed();
    let fill = format!(
        "SET @now_us = TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6));
         INSERT INTO queues (concert_id, format, generation, policy_version, policy_state,
                             throughput_admit, throughput_interval_us, waiting_ttl_us,
                             claim_ttl_us, active_ttl_us, sold_out, serving_since_us,
                             last_tick_us, window_admitted, last_seq, last_arrival, line_since,
                             passed_seq, passed_arrival, waiting, reentered, active, remembered,
                             departed, admitted, departures, busy)
         VALUES ({concert}, 2, {generation}, {VERSION}, 'open', 100, 3000000, 300000000, 120000000,
                 600000000, 0, @now_us - 600000000, @now_us, 0, 3, 1003, 1001, 1, 1001, 3, 0, 0, 0,
                 0, 0, 0, TRUE);
         INSERT INTO queue_places VALUES
             ({concert}, 'gone', 1001, 1, 1, @now_us - 400000000, NULL, NULL),
             ({concert}, 'early', 1002, 2, 1, @now_us, NULL, NULL),
             ({concert}, 'late', 1003, 3, 1, @now_us, NULL, NULL);"
    );
    execute(raw, &fill).await.unwrap();
    let test_queue = TestQueue {
        store: OneQueue::on(empty).await,
        concert: CONCERT,
        version: VERSION,
    };
    let known = SeedOutcome::HasNewer(PolicyVersion(VERSION));
    assert_eq!(test_queue.seed(policies::paused()).await, known);
    // An outage moves deadlines on, but not that of a place that was passed.
    test_queue.store.offset.shift(SignedDuration::from_mins(1));
    let gone = test_queue
        .queue()
        .look_up(&ticket("gone", 1))
        .await
        .unwrap();
    assert_eq!(gone.value, LookUpOutcome::Gone);
    let report = test_queue.expire(100).await;
    assert_eq!((report.waiting, report.aside), (2, 0));
    let report = test_queue.admit(100).await;
    assert_eq!((report.done, report.waiting), (2, 0));
}
