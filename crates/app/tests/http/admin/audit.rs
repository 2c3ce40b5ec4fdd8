//! Every change is recorded in the audit table, with its author and its instant.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{box_office, concert_path, performance_path, sections, two_operators};
use crate::{
    clock, on_every_store,
    stores::{AuditEntry, Stores},
    test_app::TestApp,
};

on_every_store!(every_change_is_audited_with_its_author_and_instant);

async fn every_change_is_audited_with_its_author_and_instant(stores: Stores) -> Result<()> {
    let before = clock::now().as_microsecond();
    let test_app = TestApp::open_with(two_operators(stores).await?, 1, 2, json!({})).await?;
    let (ops, office) = (test_app.admin(), box_office(&test_app.app));
    let concert = concert_path(&test_app.concert);
    let performance = performance_path(&test_app.concert, &test_app.performance);
    let queue = format!("{concert}/queue");
    let other = office
        .post("/v1/admin/concerts")
        .json(&json!({"title": "Another"}))
        .await?
        .expect_status(201)?;
    for (client, path, edit) in [
        (&office, &concert, json!({"title": "Renamed"})),
        (&ops, &concert, json!({"title": "Renamed"})),
        (&ops, &performance, json!({"venue": "Tent"})),
        (
            &office,
            &performance,
            json!({"sections": sections(&[("Stalls", "R1", 1, 100)])}),
        ),
        (&ops, &queue, json!({"max_waiting": 9})),
        (&office, &queue, json!({"state": "paused"})),
    ] {
        client.patch(path).json(&edit).await?.expect_status(200)?;
    }
    let charge = "/v1/admin/users/ann/points/charges";
    for _ in 0..2 {
        let charged = office
            .post(charge)
            .idempotency_key("key")
            .json(&json!({"amount": 5}));
        charged.await?.expect_status(201)?;
    }
    let own = test_app
        .user("ann")
        .post("/v1/points/charges")
        .idempotency_key("own");
    own.json(&json!({"amount": 1})).await?.expect_status(201)?;

    let audit_entries = stores.audit_entries(&test_app.app).await?;
    let seen: Vec<_> = audit_entries
        .iter()
        .map(|entry| {
            (
                entry.actor.as_str(),
                entry.action.as_str(),
                entry.subject.as_str(),
            )
        })
        .collect();
    let (concert, performance) = (test_app.concert.as_str(), test_app.performance.as_str());
    assert_eq!(
        seen,
        [
            ("ops", "concert.create", concert),
            ("ops", "performance.create", performance),
            ("box_office", "concert.create", other.text_at("/id")?),
            ("box_office", "concert.retitle", concert),
            // An edit to the same title is no change.
            ("ops", "performance.edit", performance),
            ("box_office", "performance.edit", performance),
            ("ops", "queue.policy", concert),
            ("box_office", "queue.policy", concert),
            // A repeated charge is no change, and a user's own charge is not an operator's.
            ("box_office", "points.charge", "ann"),
        ]
    );
    let after = clock::now().as_microsecond();
    let times: Vec<_> = audit_entries.iter().map(|entry| entry.at).collect();
    assert!(
        times.is_sorted() && times[0] >= before && times[8] <= after,
        "{times:?}"
    );
    details_are_right(&audit_entries)
}

/// Checks that the row of an edit has the old and the new values, and nothing else.
fn details_are_right(audit_entries: &[AuditEntry]) -> Result<()> {
    let detail = |at: usize| -> Result<Value> {
        serde_json::from_str(&audit_entries[at].detail).context("a note is JSON")
    };
    let edit = |from: Value, to: Value| json!({"from": from, "to": to});
    assert_eq!(
        detail(3)?,
        json!({"title": edit(json!("A concert"), json!("Renamed"))})
    );
    assert_eq!(
        detail(4)?,
        json!({"venue": edit(json!("A hall"), json!("Tent"))})
    );
    assert_eq!(
        detail(5)?,
        json!({
            "seats_total": edit(json!(2), json!(1)),
            "seats": [{
                "from": {"section": "Stalls", "price": 100},
                "to": null,
                "labels": ["R1-2"],
            }],
        })
    );
    let policy = detail(6)?;
    assert_eq!(policy["max_waiting"], edit(Value::Null, json!(9)));
    assert_eq!(
        policy.as_object().map(serde_json::Map::len),
        Some(2),
        "and the version: {policy}"
    );
    assert_eq!(detail(7)?["state"], edit(json!("open"), json!("paused")));
    assert_eq!(detail(8)?["amount"], 5);
    Ok(())
}
