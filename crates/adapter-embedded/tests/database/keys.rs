//! The constraints of the file refuse a write that would break a guarantee, from any program.

use diesel::{
    RunQueryDsl,
    result::{DatabaseErrorKind, Error},
    sql_query,
};

use crate::program::{Program, texts};

/// Returns a program in which `ann` has bought `A-1` and holds `A-2`, and `ben` holds `A-3`.
async fn busy() -> Program {
    let program = Program::start().await;
    program.charge("ann", 250).await;
    let bought = program.held("ann", &["A-1"]).await;
    program.pay(&bought).await;
    program.held("ann", &["A-2"]).await;
    program.held("ben", &["A-3"]).await;
    program
}

async fn assert_refused(sql: &str, because: DatabaseErrorKind) {
    let program = busy().await;
    match sql_query(sql).execute(&mut program.raw()) {
        Err(Error::DatabaseError(kind, text)) => {
            assert_eq!(
                format!("{kind:?}"),
                format!("{because:?}"),
                "{}",
                text.message()
            );
        }
        other => panic!("should be refused: {other:?}"),
    }
}

use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, UniqueViolation, Unknown};

#[tokio::test]
async fn a_user_has_no_fifth_slot() {
    let sql = "UPDATE seats SET user_slot = 5 WHERE label = 'A-1'";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn no_slot_has_two_seats() {
    let sql = "UPDATE seats SET user_slot = 1 WHERE user_id = 'ann'";
    assert_refused(sql, UniqueViolation).await;
}

#[tokio::test]
async fn a_taken_seat_has_a_user_and_a_slot() {
    let sql = "UPDATE seats SET user_id = NULL WHERE label = 'A-1'";
    assert_refused(sql, CheckViolation).await;
    let sql = "UPDATE seats SET user_slot = NULL WHERE label = 'A-1'";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn a_free_seat_has_no_deadline() {
    let sql = "UPDATE seats SET held_until = 1 WHERE label = 'A-9'";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn the_reservation_of_a_seat_exists() {
    let sql = "UPDATE seats SET reservation_id = zeroblob(16) WHERE label = 'A-1'";
    assert_refused(sql, ForeignKeyViolation).await;
}

#[tokio::test]
async fn a_user_has_one_hold_in_a_concert() {
    let sql = "INSERT INTO reservations
               SELECT zeroblob(16), user_id, concert_id, performance_id, state, held_until,
                      confirmed_at, total, seat_count, NULL, NULL
               FROM reservations WHERE state = 'held' AND user_id = 'ann'";
    assert_refused(sql, UniqueViolation).await;
}

#[tokio::test]
async fn a_reservation_has_the_concert_of_its_performance() {
    let sql = "UPDATE reservations SET concert_id = zeroblob(16)";
    assert_refused(sql, ForeignKeyViolation).await;
}

#[tokio::test]
async fn a_state_has_its_instant() {
    let sql = "UPDATE reservations SET held_until = NULL WHERE state = 'held'";
    assert_refused(sql, CheckViolation).await;
    let sql = "UPDATE reservations SET state = 'confirmed', held_until = NULL
               WHERE state = 'held'";
    assert_refused(sql, CheckViolation).await;
    let sql = "UPDATE reservations SET state = 'lost', held_until = NULL WHERE state = 'held'";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn a_confirmed_reservation_never_changes_its_state() {
    let sql = "UPDATE reservations SET state = 'cancelled', confirmed_at = NULL
               WHERE state = 'confirmed'";
    assert_refused(sql, Unknown).await;
    let sql = "UPDATE reservations SET state = 'held', confirmed_at = NULL, held_until = 1
               WHERE state = 'confirmed'";
    assert_refused(sql, Unknown).await;
}

#[tokio::test]
async fn a_reservation_inserted_as_confirmed_is_counted_like_a_paid_one() {
    let program = busy().await;
    let counters = || {
        let sql = "SELECT grain || ': ' || seats AS text FROM concert_sales ORDER BY grain";
        texts(&mut program.raw(), sql).unwrap()
    };
    assert_eq!(counters(), ["1: 1", "2: 1", "3: 1"]);
    let sql = "INSERT INTO reservations
               SELECT zeroblob(16), 'cem', concert_id, performance_id, state, held_until,
                      confirmed_at, total, 3, NULL, NULL
               FROM reservations WHERE state = 'confirmed'";
    sql_query(sql).execute(&mut program.raw()).unwrap();
    assert_eq!(counters(), ["1: 4", "2: 4", "3: 4"]);
}

#[tokio::test]
async fn no_balance_is_negative() {
    let sql = "UPDATE balances SET balance = -1";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn a_ledger_row_is_written_once() {
    assert_refused("UPDATE ledger SET amount = amount + 1", Unknown).await;
    assert_refused("DELETE FROM ledger", Unknown).await;
}

#[tokio::test]
async fn a_reservation_is_paid_once() {
    let sql = "INSERT INTO ledger
               SELECT zeroblob(16), user_id, reason, amount, balance_after, reservation_id, at, 99
               FROM ledger WHERE reason = 'payment'";
    assert_refused(sql, UniqueViolation).await;
}

#[tokio::test]
async fn a_charge_is_positive() {
    let sql = "INSERT INTO ledger VALUES (zeroblob(16), 'ann', 'charge', 0, 150, NULL, 1, 99)";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn an_idempotency_key_is_unique() {
    let sql = "INSERT INTO idempotency_records
               SELECT sender_kind, sender, key, operation, zeroblob(32), effect_id, 1, NULL
               FROM idempotency_records";
    assert_refused(sql, UniqueViolation).await;
}

#[tokio::test]
async fn a_key_that_moved_money_never_expires() {
    let sql = "UPDATE idempotency_records SET expires_at = 1";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn entries_have_different_numbers() {
    let sql = "INSERT INTO ledger
               SELECT zeroblob(16), user_id, reason, amount, balance_after, NULL, at, seq
               FROM ledger WHERE reason = 'charge'";
    assert_refused(sql, UniqueViolation).await;
}

#[tokio::test]
async fn a_slot_has_one_performance() {
    let sql = "INSERT INTO performances
               SELECT zeroblob(16), concert_id, starts_at, venue, seats_total, 0, 1 FROM performances";
    assert_refused(sql, UniqueViolation).await;
}

#[tokio::test]
async fn no_more_seats_are_sold_than_exist() {
    let sql = "UPDATE performances SET seats_sold = seats_total + 1";
    assert_refused(sql, CheckViolation).await;
}

#[tokio::test]
async fn a_column_keeps_its_type() {
    let sql = "UPDATE seats SET price = 'free'";
    assert_refused(sql, Unknown).await;
}

#[tokio::test]
async fn the_ledger_adds_up_to_the_balances_and_the_seats_to_the_counters() {
    let program = busy().await;
    let raw = &mut program.raw();
    let sql = "SELECT b.user_id || ' ' || b.balance || ' ' || sum(
                   CASE l.reason WHEN 'charge' THEN l.amount ELSE -l.amount END) AS text
               FROM balances b JOIN ledger l USING (user_id) GROUP BY b.user_id";
    assert_eq!(texts(raw, sql).unwrap(), ["ann 150 150"]);
    let sql = "SELECT p.seats_total || ' ' || count(*) || ' ' || p.seats_sold || ' '
                   || sum(s.reservation_id IS NOT NULL AND s.held_until IS NULL) AS text
               FROM performances p JOIN seats s ON s.performance_id = p.id GROUP BY p.id";
    assert_eq!(texts(raw, sql).unwrap(), ["9 9 1 1"]);
}
