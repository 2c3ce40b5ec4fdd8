//! Holds without seats, with too many seats, or with the same seat twice.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Target, UNKNOWN_ID};
use crate::{on_every_store, stores::Stores};

on_every_store!(
    a_hold_names_one_to_four_different_seats_that_exist,
    a_seat_label_is_plain_ascii,
    a_hold_names_a_performance_of_the_concert,
);

async fn hold(
    target: &Target,
    performance: &Value,
    seats: &Value,
) -> Result<frontrow_test_harness::Reply> {
    let body = json!({"performance_id": performance, "seats": seats});
    target.client().post("/v1/reservations").json(&body).await
}

async fn a_hold_names_one_to_four_different_seats_that_exist(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let performance = json!(target.test_app.performance);
    let many = |count: usize| {
        json!(
            (1..=count)
                .map(|seat| format!("R1-{seat}"))
                .collect::<Vec<_>>()
        )
    };
    for seats in [
        many(0),
        many(5),
        many(6),
        many(10_000),
        json!(["R1-1", "R1-1"]),
        json!(["R1-1", "R1-2", "R1-3", "R1-1"]),
        json!(["R1-7"]),
        json!(["R1-1", "R1-0"]),
        json!(["r1-1"]),
        json!(["R1-01"]),
        json!(["R1"]),
        json!(["R1-65536"]),
        json!(["..."]),
        json!(["-"]),
        json!("R1-1"),
        json!({"0": "R1-1"}),
        Value::Null,
    ] {
        let reply = hold(&target, &performance, &seats).await?;
        target
            .is_invalid(&seats.to_string(), &reply, "seats")
            .await?;
    }
    let mixed = hold(&target, &performance, &json!(["R1-1", "R9-9", "R1-8"])).await?;
    assert_eq!(
        mixed.at("/seats")?,
        &json!(["R1-8", "R9-9"]),
        "those that do not exist"
    );
    target.is_unchanged().await
}

async fn a_seat_label_is_plain_ascii(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let performance = json!(target.test_app.performance);
    let long = "R".repeat(10_000);
    for label in [
        json!(""),
        json!(" "),
        json!("R1-1 "),
        json!(" R1-1"),
        json!("R1\u{200b}-1"),
        json!("R1-1\u{feff}"),
        json!("Ｒ１－１"),
        json!("\u{202e}1-1R"),
        json!("R1-1\u{0}"),
        json!("\u{0}"),
        json!("R1-١"),
        json!("R1–1"),
        json!("R1_1"),
        json!("🎟️"),
        json!("e\u{301}"),
        json!("R1-1\n"),
        json!("R1-1\\"),
        json!("R1-1'; --"),
        json!("%52"),
        json!("R1-1-1-1-1-1-1-1-1"),
        json!(long),
        json!(1),
        json!(null),
        json!(true),
        json!(["R1-1"]),
        json!({"label": "R1-1"}),
    ] {
        let reply = hold(&target, &performance, &json!(["R1-2", label])).await?;
        target
            .is_invalid(&label.to_string(), &reply, "seats[1]")
            .await?;
    }
    target.is_unchanged().await
}

async fn a_hold_names_a_performance_of_the_concert(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let seats = json!(["R1-1"]);
    for id in [
        json!(""),
        json!("x"),
        json!(7),
        json!(null),
        json!("0198c0de-0000-7000-8000-00000000000"),
        json!("0198c0de-0000-7000-8000-0000000000011"),
        json!("\u{0}"),
        json!("０198c0de-0000-7000-8000-000000000001"),
    ] {
        let reply = hold(&target, &id, &seats).await?;
        target
            .is_invalid(&id.to_string(), &reply, "performance_id")
            .await?;
    }
    for id in [
        UNKNOWN_ID,
        target.test_app.concert.clone().as_str(),
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ] {
        let reply = hold(&target, &json!(id), &seats).await?;
        target.is_problem(id, &reply, 404, "not-found").await?;
    }
    target.is_unchanged().await
}
