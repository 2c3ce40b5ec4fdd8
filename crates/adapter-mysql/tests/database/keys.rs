//! The constraints of the database: it refuses a write that would break a guarantee, whichever
//! program sends it.

use diesel::result::Error;

use crate::program::{Program, execute, texts};

/// Starts a service in which `ann` has bought `A-1` and holds `A-2`, and `ben` holds `A-3`.
async fn program_with_sales() -> Program {
    let program = Program::start().await;
    program.charge("ann", 250).await;
    let bought = program.held("ann", &["A-1"]).await;
    program.pay(&bought).await;
    program.held("ann", &["A-2"]).await;
    program.held("ben", &["A-3"]).await;
    program
}

/// Asserts that the server refuses each statement, with a text that names this key or check.
async fn assert_refused(statements: &[(&str, &str)]) {
    let program = program_with_sales().await;
    let raw = &mut program.raw().await;
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
}

#[tokio::test]
async fn a_user_has_four_slots_in_a_performance() {
    assert_refused(&[
        (
            "UPDATE seats SET user_slot = 5 WHERE label = 'A-1'",
            "seats_slot",
        ),
        (
            "UPDATE seats SET user_slot = 1 WHERE user_id = 'ann'",
            "seats_of_user",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_taken_seat_has_a_user_a_slot_and_a_reservation() {
    assert_refused(&[
        (
            "UPDATE seats SET user_id = NULL WHERE label = 'A-1'",
            "seats_taken_by_user",
        ),
        (
            "UPDATE seats SET user_slot = NULL WHERE label = 'A-1'",
            "seats_taken_in_slot",
        ),
        (
            "UPDATE seats SET held_until = NOW() WHERE label = 'A-9'",
            "seats_held_by_reservation",
        ),
        (
            "UPDATE seats SET reservation_id = 'x' WHERE label = 'A-1'",
            "seats_reservation",
        ),
        ("UPDATE seats SET price = -1", "seats_price"),
    ])
    .await;
}

#[tokio::test]
async fn a_user_has_one_hold_in_a_concert() {
    let sql =
        "INSERT INTO reservations (id, user_id, concert_id, performance_id, state, held_until,
                                         total, seat_count, seats)
               SELECT 'x', user_id, concert_id, performance_id, state, held_until, total,
                      seat_count, seats
               FROM reservations WHERE state = 'held' AND user_id = 'ann'";
    assert_refused(&[(sql, "reservations_one_hold")]).await;
}

#[tokio::test]
async fn a_reservation_is_of_its_performances_concert() {
    let sql = "UPDATE reservations SET concert_id = 'x'";
    assert_refused(&[(sql, "reservations_performance")]).await;
}

#[tokio::test]
async fn a_state_has_its_instant() {
    let held = "WHERE state = 'held' AND user_id = 'ann'";
    assert_refused(&[
        (
            &format!("UPDATE reservations SET held_until = NULL {held}"),
            "reservations_held",
        ),
        (
            &format!("UPDATE reservations SET state = 'confirmed', held_until = NULL {held}"),
            "reservations_paid",
        ),
        (
            &format!("UPDATE reservations SET state = 'lost', held_until = NULL {held}"),
            "reservations_state",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_reservation_has_as_many_seats_as_its_count() {
    assert_refused(&[
        (
            "UPDATE reservations SET seat_count = 2",
            "reservations_seats",
        ),
        (
            "UPDATE reservations SET seats = '[]', seat_count = 0",
            "reservations_seat_count",
        ),
        (
            "UPDATE reservations SET seats = 'A-1'",
            "reservations_seats",
        ),
    ])
    .await;
}

#[tokio::test]
async fn no_balance_is_negative() {
    assert_refused(&[("UPDATE balances SET balance = -1", "balances_balance")]).await;
}

#[tokio::test]
async fn a_reservation_is_paid_once() {
    let sql = "INSERT INTO ledger
               SELECT 'x', user_id, reason, amount, balance_after, reservation_id, at, 99
               FROM ledger WHERE reason = 'payment'";
    assert_refused(&[(sql, "ledger_one_payment")]).await;
}

#[tokio::test]
async fn a_ledger_row_has_a_user_and_a_reason() {
    assert_refused(&[
        (
            "INSERT INTO ledger VALUES ('x', 'ann', 'charge', 0, 150, NULL, NOW(), 99)",
            "ledger_charge",
        ),
        (
            "INSERT INTO ledger VALUES ('x', 'zoe', 'charge', 1, 1, NULL, NOW(), 99)",
            "ledger_user",
        ),
        (
            "INSERT INTO ledger VALUES ('x', 'ann', 'payment', 1, 1, NULL, NOW(), 99)",
            "ledger_payment",
        ),
        (
            "INSERT INTO ledger VALUES ('x', 'ann', 'payment', 1, 1, 'x', NOW(), 99)",
            "ledger_reservation",
        ),
        ("DELETE FROM balances WHERE user_id = 'ann'", "ledger_user"),
        (
            "DELETE FROM reservations WHERE state = 'confirmed'",
            "FOREIGN KEY",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_key_is_stored_once_and_never_expires_if_it_moved_money() {
    let again = "INSERT INTO idempotency_records
                 SELECT sender_kind, sender, idempotency_key, operation, REPEAT('x', 32), 'x',
                        created_at, NULL
                 FROM idempotency_records";
    let expires = "UPDATE idempotency_records SET expires_at = created_at";
    assert_refused(&[(again, "PRIMARY"), (expires, "idempotency_records_expiry")]).await;
}

#[tokio::test]
async fn entries_have_different_numbers_and_a_slot_has_one_performance() {
    let entry = "INSERT INTO ledger
                 SELECT 'x', user_id, reason, amount, balance_after, NULL, at, seq
                 FROM ledger WHERE reason = 'charge'";
    let performance = "INSERT INTO performances
                       SELECT 'x', concert_id, starts_at, venue, seats_total, TRUE
                       FROM performances";
    assert_refused(&[
        (entry, "ledger_in_order"),
        (performance, "performances_one_a_slot"),
    ])
    .await;
}

#[tokio::test]
async fn an_invalid_value_is_refused() {
    assert_refused(&[
        ("UPDATE concerts SET title = ''", "concerts_title"),
        (
            "UPDATE concerts SET policy_state = 'open?'",
            "concerts_policy_state",
        ),
        (
            "UPDATE concerts SET throughput_admit = NULL",
            "concerts_throughput_whole",
        ),
        (
            "UPDATE performances SET seats_total = 0",
            "performances_seats_total",
        ),
        (
            "UPDATE performance_sales SET shard = 16",
            "performance_sales_shard",
        ),
        (
            "INSERT INTO audit VALUES (NULL, NOW(), 'x', 'x', 'x', 'no json')",
            "audit_detail",
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_ledger_adds_up_to_the_balances_and_the_seats_to_the_counters() {
    let program = program_with_sales().await;
    let raw = &mut program.raw().await;
    let sql = "SELECT CONCAT_WS(' ', b.user_id, b.balance, SUM(
                   CASE l.reason WHEN 'charge' THEN l.amount ELSE -l.amount END)) AS text
               FROM balances b JOIN ledger l USING (user_id) GROUP BY b.user_id, b.balance";
    assert_eq!(texts(raw, sql).await, ["ann 150 150"]);
    let sql = "SELECT CONCAT_WS(' ', p.seats_total, COUNT(*),
                   (SELECT SUM(seats_sold) FROM performance_sales),
                   SUM(s.reservation_id IS NOT NULL AND s.held_until IS NULL)) AS text
               FROM performances p JOIN seats s ON s.performance_id = p.id
               GROUP BY p.id, p.seats_total";
    assert_eq!(texts(raw, sql).await, ["9 9 1 1"]);
}
