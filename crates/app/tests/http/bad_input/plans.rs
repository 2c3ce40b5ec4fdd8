//! Invalid seat plans.

use anyhow::Result;
use serde_json::{Value, json};

use super::Target;
use crate::{on_every_store, stores::Stores};

on_every_store!(
    the_wrong_field_of_a_seat_plan_is_named,
    a_plan_has_one_to_a_hundred_thousand_seats
);

async fn refused(target: &mut Target, sections: &Value, field: &str) -> Result<()> {
    let path = format!(
        "/v1/admin/concerts/{}/performances",
        target.test_app.concert
    );
    let body =
        json!({"starts_at": "2099-01-01T19:30:00Z", "venue": "A hall", "sections": sections});
    let reply = target.admin().post(&path).json(&body).await?;
    let what: String = sections.to_string().chars().take(300).collect();
    target.is_invalid(&what, &reply, field).await
}

async fn the_wrong_field_of_a_seat_plan_is_named(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for (sections, field) in wrong_sections().into_iter().chain(wrong_rows()) {
        refused(&mut target, &sections, field).await?;
    }
    target.is_unchanged().await
}

async fn a_plan_has_one_to_a_hundred_thousand_seats(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let empty = json!({"name": "Stalls", "price": 1, "rows": []});
    refused(&mut target, &json!([]), "sections").await?;
    refused(&mut target, &json!([empty, empty]), "sections").await?;
    let row = |name: String, seats: u32| json!({"name": name, "seats": seats});
    let over = json!([{"name": "S", "price": 1, "rows": [row("A".into(), 50_000), row("B".into(), 50_001)]}]);
    refused(&mut target, &over, "sections").await?;
    let rows: Vec<_> = (0..4_000)
        .map(|number| row(format!("{number}"), 65_535))
        .collect();
    refused(
        &mut target,
        &json!([{"name": "S", "price": 1, "rows": rows}]),
        "sections",
    )
    .await?;
    target.is_unchanged().await
}

fn row(name: &str, seats: &Value) -> Value {
    json!({"name": name, "seats": seats})
}

fn section(name: &str, price: &Value, rows: &Value) -> Value {
    json!([{"name": name, "price": price, "rows": rows}])
}

/// Invalid sections of a seat plan, each with the field that is wrong.
fn wrong_sections() -> Vec<(Value, &'static str)> {
    vec![
        (json!(null), "sections"),
        (json!({}), "sections"),
        (json!(["Stalls"]), "sections[0]"),
        (json!([["Stalls", 1, [["A", 1]]]]), "sections[0]"),
        (json!([{}]), "sections[0].name"),
        (
            section("", &json!(1), &json!([row("A", &json!(1))])),
            "sections[0].name",
        ),
        (
            section(&"x".repeat(41), &json!(1), &json!([row("A", &json!(1))])),
            "sections[0].name",
        ),
        (
            section("a\u{0}b", &json!(1), &json!([row("A", &json!(1))])),
            "sections[0].name",
        ),
        (
            section(" \t", &json!(1), &json!([row("A", &json!(1))])),
            "sections[0].name",
        ),
        (
            section("S", &json!(-1), &json!([row("A", &json!(1))])),
            "sections[0].price",
        ),
        (
            section("S", &json!(1.5), &json!([row("A", &json!(1))])),
            "sections[0].price",
        ),
        (
            section("S", &json!("1"), &json!([row("A", &json!(1))])),
            "sections[0].price",
        ),
        (
            section(
                "S",
                &json!(9_007_199_254_740_991_i64),
                &json!([row("A", &json!(1))]),
            ),
            "sections[0].price",
        ),
        (
            section("S", &json!(i64::MAX), &json!([row("A", &json!(1))])),
            "sections[0].price",
        ),
    ]
}

/// Invalid rows, each with the field that is wrong.
fn wrong_rows() -> Vec<(Value, &'static str)> {
    let rows = |rows: Value| section("Stalls", &json!(1), &rows);
    vec![
        (rows(json!(null)), "sections[0].rows"),
        (rows(json!([["A", 1]])), "sections[0].rows[0]"),
        (rows(json!([{"name": "A"}])), "sections[0].rows[0].seats"),
        (
            rows(json!([row("A", &json!(0))])),
            "sections[0].rows[0].seats",
        ),
        (
            rows(json!([row("A", &json!(-1))])),
            "sections[0].rows[0].seats",
        ),
        (
            rows(json!([row("A", &json!(65_536))])),
            "sections[0].rows[0].seats",
        ),
        (
            rows(json!([row("A", &json!(1)), row("B", &json!(1.0))])),
            "sections[0].rows[1].seats",
        ),
        (
            rows(json!([row("A b", &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row("Ａ", &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row("A\u{200b}", &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row("\u{202e}A", &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row("🎸", &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row(&"A".repeat(15), &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row(&"A".repeat(14), &json!(10))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row(&"A".repeat(10_000), &json!(1))])),
            "sections[0].rows[0].name",
        ),
        (
            rows(json!([row("A", &json!(2)), row("A", &json!(1))])),
            "sections[0].rows[1].name",
        ),
        (
            json!([
                rows(json!([row("A", &json!(1))]))[0],
                rows(json!([row("A", &json!(1))]))[0]
            ]),
            "sections[1].rows[0].name",
        ),
    ]
}
