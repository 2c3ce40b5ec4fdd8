//! Wrong input of operators: titles, instants, the admin key.

use anyhow::Result;
use serde_json::{Value, json};

use super::Target;
use crate::{on_every_store, stores::Stores};

on_every_store!(
    an_instant_is_in_the_accepted_range_and_has_a_zone,
    titles_and_venues_are_short_printable_text,
    no_client_but_an_operator_passes,
);

async fn an_instant_is_in_the_accepted_range_and_has_a_zone(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let concert = format!("/v1/admin/concerts/{}", target.test_app.concert);
    let performance = format!("{concert}/performances/{}", target.test_app.performance);
    for instant in [
        json!(""),
        json!("tomorrow"),
        json!("2099-01-01"),
        json!("2099-01-01T19:30:00"),
        json!("19:30:00Z"),
        json!("2099-13-01T00:00:00Z"),
        json!("2099-02-30T00:00:00Z"),
        json!("2099-01-01T25:00:00Z"),
        json!("2099-01-01T19:30:00+99:00"),
        json!("2099-01-01T19:30:00[Mars/Base]"),
        json!("10000-01-01T00:00:00Z"),
        json!("+010000-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("9999-12-30T00:00:00Z"),
        json!("2255-06-05T23:47:34.740993Z"),
        json!("+999999999-01-01T00:00:00Z"),
        json!("1969-12-31T23:59:59.999999Z"),
        json!("0000-01-01T00:00:00Z"),
        json!("-000001-01-01T00:00:00Z"),
        json!("-009999-01-03T00:00:00Z"),
        json!("２０９９-01-01T00:00:00Z"),
        json!("2099-01-01T00:00:00Z\u{0}"),
        json!(4_070_908_800_u64),
        json!(true),
        json!([2099, 1, 1]),
    ] {
        let what = instant.to_string();
        let made = json!({
            "starts_at": instant, "venue": "A hall",
            "sections": [{"name": "Stalls", "price": 1, "rows": [{"name": "A", "seats": 1}]}],
        });
        let reply = target
            .admin()
            .post(&format!("{concert}/performances"))
            .json(&made)
            .await?;
        target.is_invalid(&what, &reply, "starts_at").await?;
        let reply = target
            .admin()
            .patch(&performance)
            .json(&json!({"starts_at": instant}))
            .await?;
        target.is_invalid(&what, &reply, "starts_at").await?;
        let reply = target
            .admin()
            .patch(&format!("{concert}/queue"))
            .json(&json!({"opens_at": instant}))
            .await?;
        target.is_invalid(&what, &reply, "opens_at").await?;
    }
    target.is_unchanged().await
}

async fn titles_and_venues_are_short_printable_text(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let concert = format!("/v1/admin/concerts/{}", target.test_app.concert);
    let performance = format!("{concert}/performances/{}", target.test_app.performance);
    for text in [
        json!(""),
        json!(" \t "),
        json!("\u{a0}"),
        json!("a\u{0}b"),
        json!("a\nb"),
        json!("\u{7f}"),
        json!("a\u{9b}b"),
        json!("x".repeat(201)),
        json!("🎫".repeat(201)),
        json!("x".repeat(10_000)),
        json!(null),
        json!(7),
        json!(["A title"]),
        json!({"ko": "제목"}),
    ] {
        let what = text.to_string();
        for reply in [
            target
                .admin()
                .post("/v1/admin/concerts")
                .json(&json!({"title": text}))
                .await?,
            target
                .admin()
                .patch(&concert)
                .json(&json!({"title": text}))
                .await?,
        ] {
            target.is_invalid(&what, &reply, "title").await?;
        }
        // A venue of null is a missing venue, which stays unchanged.
        if !text.is_null() {
            let reply = target
                .admin()
                .patch(&performance)
                .json(&json!({"venue": text}))
                .await?;
            target.is_invalid(&what, &reply, "venue").await?;
        }
    }
    target.is_unchanged().await
}

async fn no_client_but_an_operator_passes(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let visitor = target.client();
    let concert = format!("/v1/admin/concerts/{}", target.test_app.concert);
    for (method, path, body) in [
        (
            "POST",
            "/v1/admin/concerts".to_owned(),
            json!({"title": "Mine"}),
        ),
        ("PATCH", concert.clone(), json!({"title": "Mine"})),
        (
            "PATCH",
            format!("{concert}/queue"),
            json!({"state": "bypass"}),
        ),
        ("GET", format!("{concert}/queue"), Value::Null),
        ("GET", format!("{concert}/performances"), Value::Null),
        ("GET", format!("{concert}/reservations"), Value::Null),
        (
            "POST",
            "/v1/admin/users/visitor/points/charges".to_owned(),
            json!({"amount": 1}),
        ),
        ("PATCH", "/v1/admin/concerts/x".to_owned(), Value::Null),
    ] {
        for authorization in [
            None,
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer x"),
            Some("Basic key-of-the-operators-of-tests"),
            Some("key-of-the-operators-of-tests"),
            Some("Bearer key-of-the-operators-of-test"),
        ] {
            let mut request = visitor.request(method.parse()?, &path).json(&body);
            if let Some(value) = authorization {
                request = request.header("authorization", value);
            }
            let reply = request.await?;
            let what = format!("{method} {path} {authorization:?}");
            target
                .is_problem(&what, &reply, 401, "admin-key-required")
                .await?;
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    target.is_unchanged().await
}
