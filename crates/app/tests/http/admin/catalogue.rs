//! Creating and editing concerts and performances.

use std::time::Duration;

use anyhow::{Result, ensure};
use frontrow_test_harness::Request;
use serde_json::json;

use super::{concert_path, performance_path, sections, texts};
use crate::{
    clock::Stopwatch,
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, admin, on_sale, start},
};

on_every_store!(
    a_new_concert_is_visible_to_every_client_with_the_requested_queue,
    a_performance_is_edited_field_by_field,
    a_missing_concert_or_performance_cannot_be_edited,
    a_large_seat_plan_is_created_and_replaced,
    buyers_see_every_change_within_a_second,
);

async fn a_new_concert_is_visible_to_every_client_with_the_requested_queue(
    stores: Stores,
) -> Result<()> {
    let app = start(stores.config().await?).await?;
    let created = admin(&app)
        .post("/v1/admin/concerts")
        .json(&json!({
            "title": "  Símon & the Ünicode \u{1F3B8}  ",
            "queue": {"capacity": {"max_active": 7}, "claim_ttl_s": 1.5, "max_waiting": 3},
        }))
        .await?
        .expect_status(201)?;
    let id = created.text_at("/id")?;
    assert_eq!(created.text_at("/title")?, "Símon & the Ünicode \u{1F3B8}");
    assert_eq!(created.at("/seats_left")?, 0);
    assert!(created.at("/next_performance_at")?.is_null());
    assert_eq!(created.text_at("/queue/state")?, "open");
    let location = created.header("location").unwrap_or_default();
    assert_eq!(location, format!("/v1/concerts/{id}"));

    let shown = app.client().get(location).await?.expect_status(200)?;
    assert_eq!(shown.json, created.json);
    let listed = app.client().get("/v1/concerts").await?.expect_status(200)?;
    assert_eq!(texts(&listed, "id")?, [id]);
    let policy = admin(&app)
        .get(&format!("{}/queue", concert_path(id)))
        .await?
        .expect_status(200)?;
    assert_eq!(policy.at("/capacity/max_active")?, 7);
    assert_eq!(policy.at("/claim_ttl_s")?, 1.5);
    assert_eq!(policy.at("/max_waiting")?, 3);
    assert_eq!(policy.at("/throughput/admit")?, 500, "the default stays");
    assert_eq!(policy.at("/in_force")?, true);
    let joined = app.client().user("ann").post("/v1/queue/tokens");
    let joined = joined.json(&json!({"concert_id": id})).await?;
    let joined = joined.expect_status(201)?;
    assert_eq!(joined.text_at("/state")?, "waiting");
    assert_eq!(joined.text_at("/queue/sale")?, "unplanned");
    Ok(())
}

async fn a_performance_is_edited_field_by_field(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 3, json!({})).await?;
    let path = performance_path(&test_app.concert, &test_app.performance);
    for (edit, starts_at, venue, total) in [
        (
            json!({"venue": "  Open Air "}),
            "2099-01-01T19:30:00Z",
            "Open Air",
            3,
        ),
        (
            json!({"starts_at": "2098-12-31T21:00:00+02:00"}),
            "2098-12-31T19:00:00Z",
            "Open Air",
            3,
        ),
        (
            json!({"sections": sections(&[("Ring", "B", 5, 70)])}),
            "2098-12-31T19:00:00Z",
            "Open Air",
            5,
        ),
        (
            json!({
                "starts_at": "2097-01-01T00:00:00Z",
                "venue": "Tent",
                "sections": sections(&[("Ring", "B", 1, 70), ("Floor", "C", 1, 10)]),
            }),
            "2097-01-01T00:00:00Z",
            "Tent",
            2,
        ),
    ] {
        let edited = test_app.admin().patch(&path).json(&edit).await?;
        let edited = edited.expect_status(200)?;
        let expected = json!({
            "id": test_app.performance,
            "concert_id": test_app.concert,
            "starts_at": starts_at,
            "venue": venue,
            "seats_total": total,
            "seats_left": total,
        });
        assert_eq!(edited.json, expected, "{edit}");
        let listed = format!("{}/performances", concert_path(&test_app.concert));
        let listed = test_app.admin().get(&listed).await?.expect_status(200)?;
        assert_eq!(*listed.at("/items")?, json!([expected]));
    }
    Ok(())
}

async fn a_missing_concert_or_performance_cannot_be_edited(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 3, json!({})).await?;
    let (other, _) = on_sale(&test_app.app, 1, 1, json!({})).await?;
    let unknown = "0198c0de-0000-7000-8000-000000000001";
    let title = json!({"title": "Renamed"});
    let venue = json!({"venue": "Elsewhere"});
    let performance = json!({
        "starts_at": "2099-01-01T19:30:00Z",
        "venue": "A hall",
        "sections": sections(&[("Stalls", "A", 1, 1)]),
    });
    let admin = test_app.admin();
    let requests: Vec<Request> = vec![
        admin.patch(&concert_path(unknown)).json(&title),
        admin.patch(&concert_path("no-id")).json(&title),
        admin
            .patch(&performance_path(unknown, &test_app.performance))
            .json(&venue),
        admin
            .patch(&performance_path(&test_app.concert, unknown))
            .json(&venue),
        admin
            .patch(&performance_path(&other, &test_app.performance))
            .json(&venue),
        admin
            .post(&format!("{}/performances", concert_path(unknown)))
            .json(&performance),
        admin.get(&format!("{}/performances", concert_path(unknown))),
        admin.get(&format!("{}/queue", concert_path(unknown))),
        admin
            .patch(&format!("{}/queue", concert_path(unknown)))
            .json(&json!({})),
        admin.get(&format!("{}/reservations", concert_path(unknown))),
    ];
    for request in requests {
        let what = format!("{request:?}");
        let refused = request.await?.expect_status(404)?;
        assert_eq!(refused.text_at("/type")?, "/problems/not-found", "{what}");
    }
    Ok(())
}

async fn a_large_seat_plan_is_created_and_replaced(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let visitor = test_app.join("visitor").await?;
    let path = performance_path(&test_app.concert, &test_app.performance);
    for seats in [20_000, 12_345] {
        let plan = json!({"sections": sections(&[("Field", "F", seats, PRICE)])});
        let planned = test_app.admin().patch(&path).json(&plan).await?;
        assert_eq!(planned.expect_status(200)?.at("/seats_total")?, seats);
        let map = visitor.client.get(&test_app.seats_path()).await?;
        let map = map.expect_status(200)?;
        let labels = texts(&map, "label")?;
        let expected = (1..=seats).map(|number| format!("F-{number}"));
        assert!(expected.eq(labels.iter().map(|label| (*label).to_owned())));
    }
    Ok(())
}

/// A snapshot is at most one second old, so a request after that sees the edit.
async fn buyers_see_every_change_within_a_second(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 3, json!({})).await?;
    let visitor = test_app.join("visitor").await?;
    let path = performance_path(&test_app.concert, &test_app.performance);
    let concert = format!("/v1/concerts/{}", test_app.concert);
    let performances = test_app.performances_path();
    let seats = test_app.seats_path();
    for (edited, edit, looked_at, pointer, expected) in [
        (
            concert_path(&test_app.concert),
            json!({"title": "Renamed"}),
            &concert,
            "/title",
            json!("Renamed"),
        ),
        (
            path.clone(),
            json!({"starts_at": "2098-01-01T00:00:00Z"}),
            &concert,
            "/next_performance_at",
            json!("2098-01-01T00:00:00Z"),
        ),
        (
            path.clone(),
            json!({"venue": "Tent"}),
            &performances,
            "/items/0/venue",
            json!("Tent"),
        ),
        (
            path.clone(),
            json!({"sections": sections(&[("Ring", "R1", 3, PRICE)])}),
            &seats,
            "/items/0/section",
            json!("Ring"),
        ),
        (
            path.clone(),
            json!({"sections": sections(&[("Ring", "R1", 4, PRICE)])}),
            &concert,
            "/seats_left",
            json!(4),
        ),
    ] {
        let before = visitor.client.get(looked_at).await?.expect_status(200)?;
        test_app
            .admin()
            .patch(&edited)
            .json(&edit)
            .await?
            .expect_status(200)?;
        let since = Stopwatch::start();
        loop {
            let too_late = since.elapsed() > Duration::from_secs(1);
            let tag = before.header("etag").unwrap_or("\"none\"");
            let look = visitor.client.get(looked_at).header("if-none-match", tag);
            let look = look.await?;
            if look.status == 200 && *look.at(pointer)? == expected {
                break;
            }
            ensure!(!too_late, "{edit} is not seen: {look:?}");
        }
    }
    Ok(())
}
