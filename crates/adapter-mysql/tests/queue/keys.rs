//! The schema keeps what it can: what would break a queue is refused, whoever asks.

use diesel::result::Error;

use crate::{
    hall::{Hall, by_capacity},
    one_queue::execute,
};

/// Each statement is refused in a queue where `ann` is active and `ben` waits, with a text that has this name
/// of a key or a check in it.
async fn refused(statements: &[(&str, &str)]) {
    let hall = Hall::open(by_capacity(1)).await;
    hall.enters("ann").await;
    hall.enters("ben").await;
    let raw = &mut hall.store.raw().await;
    for (sql, because) in statements {
        match execute(raw, sql).await {
            Err(Error::DatabaseError(_, text)) => {
                assert!(
                    text.message().contains(because),
                    "{sql}: {}",
                    text.message()
                );
            }
            other => panic!("should be refused: {sql}: {other:?}"),
        }
    }
    assert_eq!(hall.expire(10).await.waiting, 1);
}

#[tokio::test]
async fn a_user_has_one_place_and_a_concert_one_queue() {
    refused(&[
        (
            "INSERT INTO queue_places (concert_id, user_id, arrival, seq, phase, since_us)
             SELECT concert_id, user_id, arrival + 1, 9, 1, since_us FROM queue_places
             WHERE user_id = 'ann'",
            "PRIMARY",
        ),
        (
            "INSERT INTO queue_tails (concert_id) SELECT concert_id FROM queue_heads",
            "PRIMARY",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_place_has_what_its_phase_needs() {
    refused(&[
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
    refused(&[
        (
            "UPDATE queue_heads SET policy_state = 'ajar'",
            "queue_heads_policy_state",
        ),
        (
            "UPDATE queue_heads SET throughput_admit = 0, throughput_interval_us = 1",
            "queue_heads_throughput",
        ),
        (
            "UPDATE queue_heads SET throughput_admit = 5",
            "queue_heads_throughput_whole",
        ),
        (
            "UPDATE queue_heads SET capacity_max_active = 0",
            "queue_heads_capacity",
        ),
        (
            "UPDATE queue_heads SET claim_ttl_us = 0",
            "queue_heads_lives",
        ),
        (
            "UPDATE queue_heads SET max_waiting = -1",
            "queue_heads_max_waiting",
        ),
    ])
    .await;
}

#[tokio::test]
async fn nothing_is_counted_below_none_or_by_halves() {
    refused(&[
        (
            "UPDATE queue_heads SET recovering_until_us = 1",
            "queue_heads_recovery",
        ),
        (
            "UPDATE queue_heads SET window_start_us = 1, window_interval_us = NULL",
            "queue_heads_window",
        ),
        (
            "UPDATE queue_heads SET back_in_line = -1",
            "queue_heads_counts",
        ),
        (
            "UPDATE queue_tails SET removed_waiting = -1",
            "queue_tails_counts",
        ),
        (
            "UPDATE queue_exits SET left_line = -1",
            "queue_exits_counts",
        ),
        (
            "INSERT INTO queue_leavers SELECT concert_id, 1, 2, 0 FROM queue_tails",
            "queue_leavers_slot",
        ),
        (
            "INSERT INTO queue_returns SELECT concert_id, 1, 0, -1 FROM queue_tails",
            "queue_returns_people",
        ),
    ])
    .await;
}
