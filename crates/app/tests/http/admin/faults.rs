//! A refused request names all wrong fields at once, and changes nothing.

use anyhow::Result;
use serde_json::{Value, json};

use super::{concert_path, performance_path, sections, wrong_fields};
use crate::{on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(
    every_wrong_field_of_a_concert_is_named,
    every_wrong_field_of_a_performance_is_named,
    every_wrong_field_of_a_policy_is_named,
);

async fn every_wrong_field_of_a_concert_is_named(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let audit_entries = stores.audit_entries(&test_app.app).await?.len();
    let long = "x".repeat(201);
    for (body, fields) in [
        (json!({"title": ""}), vec!["title"]),
        (json!({"title": "  \t "}), vec!["title"]),
        (json!({"title": long}), vec!["title"]),
        (json!({"title": "bell \u{7}"}), vec!["title"]),
        (json!({"title": 7}), vec!["title"]),
        (json!({"title": null}), vec!["title"]),
        (
            json!({"title": "", "queue": {"throughput": null, "claim_ttl_s": 0}}),
            vec!["title", "queue.throughput", "queue.claim_ttl_s"],
        ),
        (
            json!({"title": "Fine", "queue": {"throughput": {"admit": 0, "interval_s": 1}}}),
            vec!["queue.throughput.admit"],
        ),
        (
            json!({"title": "Fine", "queue": {"speed": 1}}),
            vec!["queue.speed"],
        ),
        (json!({"title": "Fine", "venue": "?"}), vec!["venue"]),
    ] {
        let answer = test_app
            .admin()
            .post("/v1/admin/concerts")
            .json(&body)
            .await?;
        assert_eq!(wrong_fields(answer)?, fields, "{body}");
        if body.get("queue").is_none() && body.get("venue").is_none() {
            let path = concert_path(&test_app.concert);
            let answer = test_app.admin().patch(&path).json(&body).await?;
            assert_eq!(wrong_fields(answer)?, fields, "{body}");
        }
    }
    assert_eq!(
        stores.audit_entries(&test_app.app).await?.len(),
        audit_entries,
        "nothing was changed"
    );
    Ok(())
}

/// The faults of a performance, which are the same when it is created and when it is edited.
fn wrong_performances() -> Vec<(Value, Vec<&'static str>)> {
    let fine = "2099-01-01T00:00:00Z";
    let seats = |name: &str, price: Value, rows: Value| json!([{"name": name, "price": price, "rows": rows}]);
    let row = |name: &str, seats: Value| json!({"name": name, "seats": seats});
    let plan = |plan: Value| json!({"starts_at": fine, "venue": "A hall", "sections": plan});
    let long = "x".repeat(41);
    vec![
        (
            json!({"starts_at": "tomorrow", "venue": "", "sections": []}),
            vec!["starts_at", "venue", "sections"],
        ),
        (
            json!({"starts_at": 7, "venue": null, "sections": seats("", json!(-1), json!([row("A", json!(0))]))}),
            vec![
                "starts_at",
                "venue",
                "sections[0].price",
                "sections[0].name",
                "sections[0].rows[0].seats",
            ],
        ),
        (
            plan(seats(
                "S",
                json!(1.5),
                json!([row("A B", json!(2)), row("A", json!(70_000))]),
            )),
            vec![
                "sections[0].price",
                "sections[0].rows[1].seats",
                "sections[0].rows[0].name",
            ],
        ),
        (
            plan(seats(
                &long,
                json!(2_251_799_813_685_248_i64),
                json!([row("A", json!(1))]),
            )),
            vec!["sections[0].name", "sections[0].price"],
        ),
        (
            plan(seats(
                "S",
                json!(1),
                json!([row("A", json!(3)), row("A", json!(1))]),
            )),
            vec!["sections[0].rows[1].name"],
        ),
        (
            plan(seats(
                "S",
                json!(1),
                json!([row("A", json!(60_000)), row("B", json!(60_000))]),
            )),
            vec!["sections"],
        ),
        (plan(seats("S", json!(1), json!([]))), vec!["sections"]),
        (plan(json!(null)), vec!["sections"]),
        (
            plan(json!([{"name": "S", "price": 1}])),
            vec!["sections[0].rows"],
        ),
        (
            json!({"starts_at": fine, "venue": "A hall", "sections": [], "seats": 3}),
            vec!["seats"],
        ),
    ]
}

async fn every_wrong_field_of_a_performance_is_named(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let audit_entries = stores.audit_entries(&test_app.app).await?.len();
    let new = format!("{}/performances", concert_path(&test_app.concert));
    let there = performance_path(&test_app.concert, &test_app.performance);
    for (body, fields) in wrong_performances() {
        let made = test_app.admin().post(&new).json(&body).await?;
        assert_eq!(wrong_fields(made)?, fields, "{body}");
        let edited = test_app.admin().patch(&there).json(&body).await?;
        assert_eq!(wrong_fields(edited)?, fields, "{body}");
    }
    let nothing = test_app.admin().patch(&there).json(&json!({})).await?;
    assert_eq!(wrong_fields(nothing)?, ["body"], "an edit has a field");
    let plan = sections(&[("Stalls", "R1", 2, 1)]);
    for (missing, body) in [
        ("starts_at", json!({"venue": "A hall", "sections": plan})),
        (
            "venue",
            json!({"starts_at": "2099-01-01T00:00:00Z", "sections": plan}),
        ),
        (
            "sections",
            json!({"starts_at": "2099-01-01T00:00:00Z", "venue": "A hall"}),
        ),
    ] {
        let made = test_app.admin().post(&new).json(&body).await?;
        assert_eq!(wrong_fields(made)?, [missing]);
    }
    assert_eq!(
        stores.audit_entries(&test_app.app).await?.len(),
        audit_entries,
        "nothing was changed"
    );
    Ok(())
}

async fn every_wrong_field_of_a_policy_is_named(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let path = format!("{}/queue", concert_path(&test_app.concert));
    let before = test_app.admin().get(&path).await?.expect_status(200)?;
    for (body, fields) in [
        (json!({"throughput": null}), vec!["throughput"]),
        (
            json!({"throughput": {"admit": 0, "interval_s": 1}}),
            vec!["throughput.admit"],
        ),
        (
            json!({"capacity": {"max_active": 0}}),
            vec!["capacity.max_active"],
        ),
        (json!({"state": "ajar"}), vec!["state"]),
        (json!({"state": null}), vec!["state"]),
        (json!({"opens_at": "soon"}), vec!["opens_at"]),
        (json!({"waiting_ttl_s": -1}), vec!["waiting_ttl_s"]),
        (json!({"max_waiting": -1}), vec!["max_waiting"]),
        (
            json!({"waiting_ttl_s": 0.5, "claim_ttl_s": 0.5, "active_ttl_s": 0}),
            vec!["waiting_ttl_s", "claim_ttl_s", "active_ttl_s"],
        ),
        (json!({"speed": 1}), vec!["speed"]),
    ] {
        let answer = test_app.admin().patch(&path).json(&body).await?;
        assert_eq!(wrong_fields(answer)?, fields, "{body}");
    }
    let after = test_app.admin().get(&path).await?.expect_status(200)?;
    assert_eq!(after.json, before.json, "nothing was changed");
    Ok(())
}
