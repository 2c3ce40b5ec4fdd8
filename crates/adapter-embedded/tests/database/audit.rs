//! Every edit adds an audit row with the operator and the change, in the transaction of the edit.

use frontrow_domain::{
    model::{
        ConcertId, ConcertTitle, PerformanceEdit, PerformanceId, Venue,
        queue::{PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{ConcertEditor, EditOutcome, Points, PutOutcome, QueuePolicies},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::program::{Program, operator, seat_plan, texts, year_later};

fn audit_rows(program: &Program) -> Vec<String> {
    let sql = "SELECT action || ' ' || subject AS text FROM audit ORDER BY id";
    texts(&mut program.raw(), sql).unwrap()
}

fn elsewhere() -> PerformanceEdit {
    PerformanceEdit {
        venue: Some(Venue::try_from("Elsewhere").unwrap()),
        ..PerformanceEdit::default()
    }
}

fn policy(version: i64) -> VersionedPolicy {
    VersionedPolicy {
        policy: QueuePolicy::default(),
        version: PolicyVersion(version),
    }
}

#[tokio::test]
async fn every_edit_is_recorded() {
    let program = Program::start().await;
    let database = &program.database;
    let (concert, performance) = (program.concert, program.performance);
    let title = ConcertTitle::try_from("Renamed").unwrap();
    let retitled = database.retitle_concert(concert, &title, &operator()).await;
    assert_eq!(retitled.unwrap(), EditOutcome::Done);
    let moved = database
        .edit_performance(concert, performance, &elsewhere(), &operator())
        .await;
    assert_eq!(moved.unwrap(), EditOutcome::Done);
    let put = database
        .put(concert, policy(1).version, &policy(2), &operator())
        .await;
    assert_eq!(put.unwrap(), PutOutcome::Put);
    let mut charge = program.charge_of("ann", 500);
    charge.operator = Some(operator());
    database.charge(&charge).await.unwrap();
    database.charge(&charge).await.unwrap(); // a replay is no edit
    let expected = [
        format!("concert.create {concert}"),
        format!("performance.create {performance}"),
        format!("concert.retitle {concert}"),
        format!("performance.edit {performance}"),
        format!("queue.policy {concert}"),
        "points.charge ann".to_owned(),
    ];
    assert_eq!(audit_rows(&program), expected);
}

#[tokio::test]
async fn an_audit_row_has_the_operator_the_instant_and_the_change() {
    let program = Program::start().await;
    let sql = "SELECT actor || ' ' || at || ' ' || (detail ->> '$.venue') || ' '
                   || (detail ->> '$.seats') AS text
               FROM audit WHERE action = 'performance.create'";
    let row = texts(&mut program.raw(), sql).unwrap();
    let at = operator().at.as_microsecond();
    assert_eq!(row, [format!("olga {at} Hall 9")]);
}

#[tokio::test]
async fn an_audit_row_of_an_edit_has_the_old_and_the_new_values() {
    let program = Program::start().await;
    let (concert, performance) = (program.concert, program.performance);
    let first = seat_plan(&[("A", 2, 100)]);
    let second = seat_plan(&[("B", 1, 100), ("A", 1, 90)]);
    for plan in [first, second] {
        let edit = PerformanceEdit {
            seats: Some(plan),
            ..elsewhere()
        };
        let edited = program
            .database
            .edit_performance(concert, performance, &edit, &operator())
            .await;
        assert_eq!(edited.unwrap(), EditOutcome::Done);
    }
    let sql = "SELECT detail AS text FROM audit WHERE action = 'performance.edit' ORDER BY id";
    let audit_rows = texts(&mut program.raw(), sql).unwrap();
    let row: Value = serde_json::from_str(audit_rows.last().unwrap()).unwrap();
    let terms = |price| json!({"section": "Stalls", "price": price});
    assert_eq!(
        row,
        json!({
            "seats": [
                {"from": terms(100), "to": null, "labels": ["A-2"]},
                {"from": terms(100), "to": terms(90), "labels": ["A-1"]},
                {"from": null, "to": terms(100), "labels": ["B-1"]},
            ],
        }),
        "neither the venue nor the number of seats changed"
    );
    let row: Value = serde_json::from_str(&audit_rows[0]).unwrap();
    assert_eq!(row["venue"], json!({"from": "Hall", "to": "Elsewhere"}));
    assert_eq!(row["seats_total"]["to"], 2);
    assert_eq!(row.get("starts_at"), None);
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_not_recorded() {
    let program = Program::start().await;
    let database = &program.database;
    let before = audit_rows(&program);
    let nowhere = ConcertId(Uuid::nil());
    let title = ConcertTitle::try_from("Renamed").unwrap();
    let retitled = database.retitle_concert(nowhere, &title, &operator()).await;
    assert_eq!(retitled.unwrap(), EditOutcome::NotFound);
    let unknown = PerformanceId(Uuid::nil());
    let moved = database
        .edit_performance(program.concert, unknown, &elsewhere(), &operator())
        .await;
    assert_eq!(moved.unwrap(), EditOutcome::NotFound);
    let same = PerformanceEdit {
        starts_at: Some(year_later()),
        ..PerformanceEdit::default()
    };
    let edited = database
        .edit_performance(program.concert, program.performance, &same, &operator())
        .await;
    assert_eq!(edited.unwrap(), EditOutcome::Done);
    let put = database
        .put(program.concert, policy(1).version, &policy(1), &operator())
        .await;
    assert_eq!(put.unwrap(), PutOutcome::Outdated);
    let again = database
        .create_concert(program.concert, &title, &policy(1), &operator(), None)
        .await;
    assert!(again.is_err());
    program.charge("ann", 5).await; // her own charge
    assert_eq!(audit_rows(&program), before);
}
