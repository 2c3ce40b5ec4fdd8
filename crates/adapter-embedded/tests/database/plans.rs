//! No statement reads all of a big table, and every index is used by a statement.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation},
    sql_query,
    sql_types::Text,
};
use frontrow_domain::{
    model::{
        PageRequest, PerformanceEdit, Span,
        queue::{Arrival, Generation, Served, ServedEntry},
    },
    ports::{
        Books, ConcertEditor, Concerts, DeleteConcertOutcome, DeletePerformanceOutcome,
        EditOutcome, Idempotency, Points, PutOutcome, QueuePolicies, RankingCounters,
        RankingSource, Reservations, ServedArrivals,
    },
};

use crate::program::{HOLD, Program, noon, operator, seat_plan, user, year_later};

static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[expect(clippy::unnecessary_wraps, reason = "the driver requires this type")]
fn recorder() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text
                .split(" -- binds")
                .next()
                .unwrap_or_default()
                .to_owned();
            let mut statements = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
            statements.insert(statement);
        }
    }))
}

/// The ends of the statements that must read all seats of a performance: the seat map, and the
/// taken seats that `frontrow reconcile` compares.
const READ_ALL_SEATS: [&str; 2] = [
    "FROM `seats` WHERE (`seats`.`performance_id` = ?)",
    "FROM `seats` WHERE ((`seats`.`performance_id` = ?) AND (`seats`.`reservation_id` IS NOT NULL))",
];

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
    program.clock.set(noon() + HOLD);
    program.held("ann", &["A-4"]).await;
    database.sweep(10).await.unwrap();

    for after in [None, Some(bought.id)] {
        let page = PageRequest { after, limit: 10 };
        database.of_user(&ann, page).await.unwrap();
        database.of_concert(concert, page).await.unwrap();
    }
    Reservations::find(database, bought.id, &ann).await.unwrap();
    database.catalogue(noon()).await.unwrap();
    Concerts::performances(database, concert).await.unwrap();
    database.seat_map(program.performance).await.unwrap();
    let span = Span {
        from: noon(),
        to: year_later(),
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
    let before = policy.version;
    policy.version.0 += 1;
    let put = database.put(concert, before, &policy, &operator()).await;
    assert_eq!(put, Ok(PutOutcome::Put));
    database.all(noon()).await.unwrap();
    let entry = ServedEntry {
        at: noon(),
        served: Served {
            up_to: Arrival::from_micros(1),
            serving_since: noon(),
        },
        life: HOLD,
    };
    database.record(concert, &entry).await.unwrap();
    database.served_before_loss(concert).await.unwrap();
    database
        .reserve_generation(concert, Generation(7))
        .await
        .unwrap();
    database.mark_seeded(concert).await.unwrap();
    database.forget_seeded(concert).await.unwrap();
    let title = database
        .catalogue(noon())
        .await
        .unwrap()
        .concerts
        .remove(0)
        .title;
    database
        .retitle_concert(concert, &title, &operator())
        .await
        .unwrap();
    let edit = PerformanceEdit {
        seats: Some(seat_plan(&[("A", 8, 100), ("B", 1, 50)])),
        ..PerformanceEdit::default()
    };
    let edited = database
        .edit_performance(concert, program.performance, &edit, &operator())
        .await;
    assert_eq!(edited.unwrap(), EditOutcome::Done);
    database.concert(concert, noon()).await.unwrap();
    database.performance(program.performance).await.unwrap();
    let other = program.add_performance(year_later()).await;
    let deleted = database
        .delete_performance(concert, other, &operator())
        .await;
    assert_eq!(deleted.unwrap(), DeletePerformanceOutcome::Deleted);
    let refused = database.delete_concert(concert, &operator()).await;
    assert_eq!(refused.unwrap(), DeleteConcertOutcome::NotClosed);
}

/// Returns the steps in which SQLite executes a statement.
fn plan(program: &Program, statement: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let sql = format!("EXPLAIN QUERY PLAN {statement}");
    let steps: Vec<Step> = sql_query(sql).load(&mut program.raw()).unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}

/// Returns true if a step reads a whole table that grows with use. The index of held seats is
/// small.
fn scans(step: &str) -> bool {
    let big = [
        "audit",
        "balances",
        "concert_sales",
        "former_idempotency_keys",
        "idempotency_records",
        "ledger",
        "reservation_seats",
        "reservations",
        "seats",
    ];
    let table = step
        .strip_prefix("SCAN ")
        .and_then(|rest| rest.split(' ').next());
    table.is_some_and(|table| big.contains(&table)) && !step.contains("INDEX seats_held")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_reads_a_whole_big_table() {
    set_default_instrumentation(recorder).unwrap();
    let program = Program::start().await;
    call_every_port(&program).await;
    let statements = STATEMENTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    // Inserts are left out, because ours read no rows first. Their plans contain only the search
    // for rows without a parent, which SQLite skips while there are none.
    let verbs = ["SELECT", "UPDATE", "DELETE"];
    let mut used = BTreeSet::new();
    let mut explained = 0;
    let mut ranked_from_the_index_alone = false;
    for statement in &statements {
        let on_tables = verbs.iter().any(|verb| statement.starts_with(verb));
        // Other tests of this process execute statements without parameters.
        let is_of_other_test = !statement.contains(['`', '?']);
        if !on_tables || is_of_other_test || statement.contains("__diesel") {
            continue;
        }
        explained += 1;
        // A deletion of a performance, which is rare, checks all rows that may refer to it.
        let deletes = ["DELETE FROM `performances`", "DELETE FROM `seats`"];
        let deletes = deletes.iter().any(|delete| statement.starts_with(delete));
        for step in plan(&program, statement) {
            assert!(deletes || !scans(&step), "{step}: {statement}");
            let reads_all_seats = step == "SEARCH seats USING PRIMARY KEY (performance_id=?)";
            let is_intended = READ_ALL_SEATS.iter().any(|end| statement.ends_with(end));
            assert!(
                !reads_all_seats || deletes || is_intended,
                "{step}: {statement}"
            );
            ranked_from_the_index_alone |= step.contains("COVERING INDEX reservations_confirmed");
            let index = step
                .split(" INDEX ")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            used.extend(index.map(str::to_owned));
        }
    }
    assert!(explained > 30, "only {explained} statements were recorded");
    assert!(ranked_from_the_index_alone);
    let indices_of_statements = [
        "idempotency_records_due",
        "performances_of_concert",
        "performances_to_come",
        "reservations_confirmed",
        "reservations_due",
        "reservations_of_concert",
        "reservations_of_performance",
        "reservations_of_user",
        "reservations_one_hold",
        "seats_held",
        "seats_of_reservation",
        "seats_of_user",
    ];
    for index in indices_of_statements {
        assert!(
            used.contains(index),
            "{index} is used by no statement: {used:?}"
        );
    }
}

/// Tests the test above.
#[tokio::test]
async fn a_statement_without_an_index_is_detected() {
    let program = Program::start().await;
    let steps = plan(
        &program,
        "SELECT count(*) FROM reservations WHERE state = 'held'",
    );
    assert!(steps.iter().any(|step| scans(step)), "{steps:?}");
    let steps = plan(&program, "SELECT * FROM seats WHERE label = ?");
    assert!(steps.iter().any(|step| scans(step)), "{steps:?}");
}
