//! Every statement finds its rows by an index, and every index serves a statement.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use diesel::{
    QueryableByName,
    connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation},
    sql_query,
    sql_types::{Nullable, Text},
};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl};
use frontrow_domain::{
    model::{PageRequest, Span, queue::Generation},
    ports::{
        ConcertEditor, Concerts, DeleteConcertOutcome, DeletePerformanceOutcome, Idempotency,
        Points, QueuePolicies, RankingCounters, RankingSource, Reservations,
    },
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::program::{HOLD, Program, execute, far, operator, user};

static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[expect(
    clippy::unnecessary_wraps,
    reason = "the driver requires this signature"
)]
fn recorder() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds").next().unwrap_or_default();
            let words: Vec<_> = statement.split_whitespace().collect();
            let mut statements = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
            statements.insert(words.join(" "));
        }
    }))
}

/// Calls every port once, so that every statement runs.
async fn call_every_port(program: &Program) {
    let database = &program.database;
    let (concert, ann) = (program.concert, user("ann"));
    program.charge("ann", 500).await;
    database.balance(&ann).await.unwrap();
    let bought = program.held("ann", &["A-1", "A-2"]).await;
    program.pay(&bought).await;
    let released = program.held("ann", &["A-3"]).await;
    database.release(released.id, &ann).await.unwrap();
    for (name, seat) in [("ann", "A-3"), ("ben", "A-4"), ("cat", "A-5")] {
        program.held(name, &[seat]).await;
    }
    program
        .offset
        .shift(SignedDuration::try_from(HOLD).unwrap());
    program.held("ann", &["A-4"]).await;
    database.sweep(10).await.unwrap();
    for after in [None, Some(bought.id)] {
        let page = PageRequest { after, limit: 10 };
        database.of_user(&ann, page).await.unwrap();
        database.of_concert(concert, page).await.unwrap();
    }
    Reservations::find(database, bought.id, &ann).await.unwrap();
    database.catalogue(Timestamp::MIN).await.unwrap();
    database.performances(concert).await.unwrap();
    database.seat_map(program.performance).await.unwrap();
    let span = Span {
        from: Timestamp::UNIX_EPOCH,
        to: far(),
    };
    database.top(span, 20).await.unwrap();
    database.add_up(10).await.unwrap();
    database.forget(span.from, 10).await.unwrap();
    let keyed = program.charge_of("ann", 1).keyed;
    Idempotency::find(database, &keyed).await.unwrap();
    database.purge(10).await.unwrap();
    let master = QueuePolicies::find(database, concert)
        .await
        .unwrap()
        .unwrap();
    let mut policy = master.policy;
    let based_on = policy.version;
    policy.version.0 += 1;
    database
        .put(concert, based_on, &policy, &operator())
        .await
        .unwrap();
    database.all(far()).await.unwrap();
    database
        .reserve_generation(concert, Generation(7))
        .await
        .unwrap();
    database.mark_seeded(concert).await.unwrap();
    database.forget_seeded(concert).await.unwrap();
    let title = database
        .catalogue(far())
        .await
        .unwrap()
        .concerts
        .remove(0)
        .title;
    database
        .retitle_concert(concert, &title, &operator())
        .await
        .unwrap();
    for seats in [12, 9] {
        program.edit_seats(seats).await;
    }
    database.concert(concert, far()).await.unwrap();
    let other = program.add_performance().await;
    let deleted = database
        .delete_performance(concert, other, &operator())
        .await;
    assert_eq!(deleted.unwrap(), DeletePerformanceOutcome::Deleted);
    let refused = database.delete_concert(concert, &operator()).await;
    assert_eq!(refused.unwrap(), DeleteConcertOutcome::NotClosed);
}

/// One line of the server's plan for a statement.
#[derive(QueryableByName, Debug)]
struct Step {
    #[diesel(sql_type = Nullable<Text>)]
    table: Option<String>,
    #[diesel(sql_type = Nullable<Text>, column_name = "type")]
    access: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
}

/// Returns the server's plan for a statement. Each parameter becomes a value of the column with
/// which it is compared: a server plans no access if no row can match.
async fn plan(program: &Program, raw: &mut AsyncMysqlConnection, statement: &str) -> Vec<Step> {
    let name = |id: Uuid| format!("X'{:032x}'", id.as_u128());
    let (concert, performance) = (name(program.concert.0), name(program.performance.0));
    let values = [
        ("user_id", "'ann'"),
        ("label", "'A-4'"),
        ("price", "100"),
        ("balance`", "0"),
        ("INTERVAL", "0"),
        ("LIMIT", "10"),
        ("_until", "'2000-01-01'"),
        ("_at", "'2000-01-01'"),
        ("concert_id", &concert),
        ("concerts`.`id", &concert),
        ("p.id", &performance),
        ("performances`.`id", &performance),
        ("reservations`.`id", "'x'"),
        ("performance_id", &performance),
    ];
    let mut filled = String::new();
    for part in statement.split_inclusive('?') {
        filled.push_str(part.trim_end_matches('?'));
        if part.ends_with('?') {
            let nearest = values.iter().max_by_key(|(column, _)| filled.rfind(column));
            let known = nearest.filter(|(column, _)| filled.contains(column));
            filled.push_str(known.map_or("'x'", |(_, value)| value));
        }
    }
    let explained = sql_query(format!("EXPLAIN FORMAT = TRADITIONAL {filled}"))
        .load(raw)
        .await;
    explained.unwrap_or_else(|error| panic!("{filled}: {error}"))
}

/// Returns true if a step reads all of a table that grows with use.
fn scans(step: &Step) -> bool {
    // Tables, and the aliases that statements give them.
    let growing = [
        "audit",
        "balances",
        "concert_sales",
        "h",
        "f",
        "former_idempotency_keys",
        "idempotency_records",
        "ledger",
        "m",
        "n",
        "performance_sales",
        "r",
        "reservations",
        "s",
        "seats",
    ];
    let table = step.table.as_deref().unwrap_or_default();
    growing.contains(&table) && matches!(step.access.as_deref(), Some("ALL" | "index"))
}

/// Inserts enough rows that reading all of them costs the server more than an index does. Most are
/// of another concert.
async fn grow(raw: &mut AsyncMysqlConnection) {
    let digits = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION
                   SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let numbers = format!(
        "(SELECT a.d + 10 * b.d + 100 * c.d n FROM {digits} a, {digits} b, {digits} c) numbers"
    );
    for sql in [
        "INSERT INTO concerts (id, title, policy_version, policy_state, waiting_ttl_us,
                               claim_ttl_us, active_ttl_us)
         VALUES ('c', 'Another', 1, 'open', 1, 1, 1)"
            .to_owned(),
        "INSERT INTO performances VALUES ('q', 'c', '2001-01-01', 'Hall', 1000, TRUE)".to_owned(),
        format!(
            "INSERT INTO balances (user_id, balance)
             SELECT CONCAT('user-', n), 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO reservations (id, user_id, concert_id, performance_id, state, confirmed_at,
                                       total, seat_count, seats)
             SELECT CONCAT('r', n), CONCAT('user-', n), p.concert_id, p.id, 'confirmed',
                    TIMESTAMP('2001-01-01') + INTERVAL n HOUR, 0, 1, '[[\"A-1\",0]]'
             FROM {numbers} JOIN performances p WHERE p.seats_total = 1000"
        ),
        format!(
            "INSERT INTO seats (performance_id, label, ordinal, section, price, reservation_id,
                                held_until, user_id, user_slot)
             SELECT p.id, CONCAT('B-', n), n + 100, 'Ring', 0, CONCAT('r', n), NULL,
                    CONCAT('user-', n), 1
             FROM {numbers} JOIN performances p WHERE p.seats_total = 1000"
        ),
        format!(
            "INSERT INTO ledger (id, user_id, reason, amount, balance_after, reservation_id, at)
             SELECT CONCAT('l', n), CONCAT('user-', n), 'payment', 0, 0,
                    CONCAT('r', n), TIMESTAMP('2001-01-01') FROM {numbers}"
        ),
        format!(
            "INSERT INTO idempotency_records
             SELECT 'operator', CONCAT('user-', n), 'key', 'create-concert', '', CONCAT('l', n),
                    TIMESTAMP('2001-01-01'), TIMESTAMP('2100-01-01') + INTERVAL n HOUR
             FROM {numbers}"
        ),
        format!(
            "INSERT INTO performances (id, concert_id, starts_at, venue, seats_total)
             SELECT CONCAT('p', n), c.id, TIMESTAMP('2001-01-01'), 'Hall', 1
             FROM {numbers} JOIN concerts c WHERE c.title = 'Another'"
        ),
        "INSERT INTO performance_sales
         SELECT id, 1, 1 FROM performances WHERE starts_at < '2002-01-01'"
            .to_owned(),
    ] {
        execute(raw, &sql).await.unwrap();
    }
    // Only the statistics matter, not the result of the statement.
    let _ = execute(
        raw,
        "ANALYZE TABLE balances, reservations, seats, ledger, idempotency_records,
                       performance_sales",
    )
    .await;
}

/// Returns the recorded statements of the adapter on tables, which all have parameters.
fn recorded() -> Vec<String> {
    let statements = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let verbs = ["SELECT", "UPDATE", "DELETE", "INSERT INTO reservations"];
    let ours = statements.iter().filter(|statement| {
        verbs.iter().any(|verb| statement.starts_with(verb))
            && statement.contains('?')
            && !statement.contains("__diesel")
            && !statement.contains("GET_LOCK")
    });
    ours.cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_uses_an_index() {
    let program = Program::start().await;
    grow(&mut program.raw().await).await;
    // This records only connections that are made from here on.
    set_default_instrumentation(recorder).unwrap();
    let program = program.on_new_connections().await;
    call_every_port(&program).await;
    let raw = &mut program.raw().await;
    // The placeholder of a parameter may be of another type than its column.
    execute(raw, "SET sql_mode = ''").await.unwrap();
    let statements = recorded();
    let mut used = BTreeSet::new();
    for statement in &statements {
        // Reading all seats of a performance by a part of the primary key is intended.
        for step in plan(&program, raw, statement).await {
            // MySQL also lists the table that the statement writes.
            let written = statement.starts_with("INSERT INTO reservations")
                && step.table.as_deref() == Some("reservations");
            assert!(written || !scans(&step), "{step:?}: {statement}");
            used.extend(step.key);
        }
    }
    assert!(statements.len() > 25, "only {statements:#?} were recorded");
    let expected = [
        "idempotency_records_due",
        "performances_one_a_slot",
        "reservations_due",
        "reservations_of_user",
        "reservations_one_hold",
        "reservations_uncounted",
        "seats_held",
        "seats_of_reservation",
        "seats_of_user",
    ];
    for index in expected {
        assert!(used.contains(index), "no statement uses {index}: {used:?}");
    }
}

/// Shows that the test above can fail.
#[tokio::test]
async fn a_statement_without_an_index_is_noticed() {
    let program = Program::start().await;
    let raw = &mut program.raw().await;
    grow(raw).await;
    for statement in [
        "SELECT count(*) FROM reservations WHERE total = ?",
        "UPDATE seats SET price = 1 WHERE label = ?",
    ] {
        let steps = plan(&program, raw, statement).await;
        assert!(steps.iter().any(scans), "{steps:?}");
    }
}
