//! The constraints of the schema: it refuses a write that would break a queue, whichever program
//! sends it.

use diesel::result::Error;
use frontrow_port_contracts::policies;

use crate::one_queue::{execute, open_test_queue};

/// Asserts that the server refuses each statement in a queue where `ann` is active and `ben` waits,
/// with a text that names this key or check.
async fn assert_refused(statements: &[(&str, &str)]) {
    let test_queue = open_test_queue(policies::capacity(1)).await;
    test_queue.join_new("ann").await;
    test_queue.join_new("ben").await;
    let raw = &mut test_queue.store.raw().await;
    for (sql, constraint) in statements {
        match execute(raw, sql).await {
            Err(Error::DatabaseError(_, text)) => {
                assert!(
                    text.message().contains(constraint),
                    "{sql}: {}",
                    text.message()
                );
            }
            other => panic!("should be refused: {sql}: {other:?}"),
        }
    }
    assert_eq!(test_queue.expire(10).await.waiting, 1);
}

#[tokio::test]
async fn a_user_has_one_place_and_a_concert_one_queue() {
    assert_refused(&[
        (
            "INSERT INTO queue_places (concert_id, user_id, arrival, seq, phase, since_us)
             SELECT concert_id, user_id, arrival + 1, 9, 1, since_us FROM queue_places
             WHERE user_id = 'ann'",
            "PRIMARY",
        ),
        ("INSERT INTO queues SELECT * FROM queues", "PRIMARY"),
    ])
    .await;
}

#[tokio::test]
async fn a_place_has_what_its_phase_needs() {
    assert_refused(&[
        (
            "UPDATE queue_places SET phase = 7 WHERE user_id = 'ben'",
            "queue_places_phase",
        ),
        (
            "UPDATE queue_places SET seq = NULL WHERE user_id = 'ben'",
            "queue_places_line_number",
        ),
        (
            "UPDATE queue_places SET phase = 2 WHERE user_id = 'ben'",
            "queue_places_admitted",
        ),
        (
            "UPDATE queue_places SET phase = 3 WHERE user_id = 'ann'",
            "queue_places_claimed",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_policy_is_whole() {
    assert_refused(&[
        (
            "UPDATE queues SET policy_state = 'ajar'",
            "queues_policy_state",
        ),
        (
            "UPDATE queues SET throughput_admit = 0, throughput_interval_us = 1",
            "queues_throughput",
        ),
        (
            "UPDATE queues SET throughput_admit = 5",
            "queues_throughput_whole",
        ),
        (
            "UPDATE queues SET capacity_max_active = 0",
            "queues_capacity",
        ),
        ("UPDATE queues SET claim_ttl_us = 0", "queues_lifetimes"),
        ("UPDATE queues SET max_waiting = -1", "queues_max_waiting"),
    ])
    .await;
}

#[tokio::test]
async fn no_count_is_negative_and_no_pair_of_columns_is_half_set() {
    assert_refused(&[
        (
            "UPDATE queues SET recovering_until_us = 1",
            "queues_recovery",
        ),
        (
            "UPDATE queues SET window_start_us = 1, window_interval_us = NULL",
            "queues_window",
        ),
        ("UPDATE queues SET waiting = -1", "queues_counts"),
        ("UPDATE queues SET departures = -1", "queues_counts"),
        ("UPDATE queues SET admitted = departed + 1", "queues_counts"),
        (
            "UPDATE queues SET passed_seq = last_seq + 1",
            "queues_counts",
        ),
        ("UPDATE queues SET aside = -1", "queues_aside"),
        ("UPDATE queues SET busy = FALSE", "queues_is_busy"),
        (
            "INSERT INTO queue_leavers SELECT concert_id, 1, 2, 0 FROM queues",
            "queue_leavers_slot",
        ),
    ])
    .await;
}
