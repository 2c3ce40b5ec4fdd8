//! The audit log records what operators change, in a form for people and programs.

use frontrow_domain::{
    model::{
        Amount, ConcertTitle, PerformanceEdit, Row, SeatPlan, Section, Venue,
        queue::{Capacity, PolicyState, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{ConcertEditor, EditOutcome, Points, PutOutcome, QueuePolicies},
};
use uuid::Uuid;

use crate::program::{Program, operator, texts};

async fn audit_entries(program: &Program) -> Vec<String> {
    let sql =
        "SELECT CONCAT_WS(' ', actor, at, action, subject, detail) AS text FROM audit ORDER BY id";
    texts(&mut program.raw().await, sql).await
}

fn section(name: &str, price: i64, row: &str, seats: u16) -> Section {
    Section {
        name: name.into(),
        price: Amount::try_from(price).unwrap(),
        rows: vec![Row {
            name: row.into(),
            seats,
        }],
    }
}

async fn edit(program: &Program, edit: PerformanceEdit) {
    let edited = program
        .database
        .edit_performance(program.concert, program.performance, &edit, &operator())
        .await;
    assert_eq!(edited.unwrap(), EditOutcome::Done);
}

/// Makes every kind of edit.
async fn edit_everything(program: &Program) {
    let title = ConcertTitle::try_from("Another").unwrap();
    let retitled = program
        .database
        .retitle_concert(program.concert, &title, &operator())
        .await;
    assert_eq!(retitled.unwrap(), EditOutcome::Done);
    edit(
        program,
        PerformanceEdit {
            starts_at: Some("2198-01-01T00:00:00.5Z".parse().unwrap()),
            venue: Some(Venue::try_from("Arena").unwrap()),
            seats: None,
        },
    )
    .await;
    let plan = [
        section("Ring", 50, "B", 2),
        section("Stalls", 100, "A", 2),
        section("Stalls", 90, "C", 1),
    ];
    for rows in [&plan[1..], &plan[..], &[plan[1].clone(), plan[0].clone()]] {
        edit(
            program,
            PerformanceEdit {
                seats: Some(SeatPlan::new(rows).unwrap()),
                ..PerformanceEdit::default()
            },
        )
        .await;
    }
    let policy = VersionedPolicy {
        policy: QueuePolicy {
            state: PolicyState::Paused,
            opens_at: Some("2198-01-01T00:00:00Z".parse().unwrap()),
            capacity: Some(Capacity { max_active: 7 }),
            throughput: None,
            max_waiting: Some(9),
            ..QueuePolicy::default()
        },
        version: PolicyVersion(2),
    };
    let put = program
        .database
        .put(program.concert, PolicyVersion(1), &policy, &operator())
        .await;
    assert_eq!(put.unwrap(), PutOutcome::Put);
    let mut charge = program.charge_of("ann", 5);
    charge.operator = Some(operator());
    charge.entry.0 = Uuid::nil();
    program.database.charge(&charge).await.unwrap();
}

#[tokio::test]
async fn an_audit_entry_has_operator_time_and_the_values_before_and_after() {
    let program = Program::start().await;
    edit_everything(&program).await;
    let (concert, performance) = (program.concert, program.performance);
    let (concert, performance) = (concert.to_string(), performance.to_string());
    let created = format!(
        r#"{{"concert":"{concert}","seats":9,"starts_at":"2199-11-22T12:00:00Z","venue":"Hall"}}"#
    );
    let expected = [
        (
            "concert.create",
            &concert,
            r#"{"policy":{"active_ttl_s":600.0,"capacity":null,"claim_ttl_s":120.0,"max_waiting":null,"opens_at":null,"state":"open","throughput":{"admit":500,"interval_s":3.0},"version":1,"waiting_ttl_s":300.0},"title":"First"}"#,
        ),
        ("performance.create", &performance, created.as_str()),
        (
            "concert.retitle",
            &concert,
            r#"{"title":{"from":"First","to":"Another"}}"#,
        ),
        (
            "performance.edit",
            &performance,
            r#"{"starts_at":{"from":"2199-11-22T12:00:00Z","to":"2198-01-01T00:00:00.5Z"},"venue":{"from":"Hall","to":"Arena"}}"#,
        ),
        (
            "performance.edit",
            &performance,
            r#"{"seats":[{"from":{"price":100,"section":"Stalls"},"labels":["A-3","A-4","A-5","A-6","A-7","A-8","A-9"],"to":null},{"from":null,"labels":["C-1"],"to":{"price":90,"section":"Stalls"}}],"seats_total":{"from":9,"to":3}}"#,
        ),
        (
            "performance.edit",
            &performance,
            r#"{"seats":[{"from":null,"labels":["B-1","B-2"],"to":{"price":50,"section":"Ring"}}],"seats_total":{"from":3,"to":5}}"#,
        ),
        (
            "performance.edit",
            &performance,
            r#"{"reordered":true,"seats":[{"from":{"price":90,"section":"Stalls"},"labels":["C-1"],"to":null}],"seats_total":{"from":5,"to":4}}"#,
        ),
        (
            "queue.policy",
            &concert,
            r#"{"capacity":{"from":null,"to":{"max_active":7}},"max_waiting":{"from":null,"to":9},"opens_at":{"from":null,"to":"2198-01-01T00:00:00Z"},"state":{"from":"open","to":"paused"},"throughput":{"from":{"admit":500,"interval_s":3.0},"to":null},"version":{"from":1,"to":2}}"#,
        ),
        (
            "points.charge",
            &"ann".to_owned(),
            r#"{"amount":5,"balance":5,"ledger_entry":"00000000-0000-0000-0000-000000000000"}"#,
        ),
    ];
    let expected = expected.map(|(action, subject, detail)| {
        format!("olga 2026-11-22 12:00:00.000000 {action} {subject} {detail}")
    });
    assert_eq!(audit_entries(&program).await, expected);
}
