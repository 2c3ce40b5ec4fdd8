//! Creating concerts and performances, and repeats of these requests.

use anyhow::Result;
use frontrow_test_harness::{Client, Request};
use serde_json::{Value, json};

use super::{box_office, concert_path, performance_path, sections, two_operators, wrong_fields};
use crate::{
    on_every_store,
    problems::assert_problem,
    stores::Stores,
    test_app::{TestApp, admin, start},
};

on_every_store!(
    a_repeated_creation_creates_nothing_more,
    a_performance_is_safe_without_a_key,
    a_performance_is_not_moved_onto_another,
    two_operators_may_use_the_same_key,
    a_performance_that_a_key_created_may_have_been_deleted,
    an_implausible_start_needs_a_switch,
);

const REPLAYED: &str = "idempotent-replayed";

fn new_concert(operator: &Client, title: &str) -> Request {
    let title = json!({"title": title});
    operator.post("/v1/admin/concerts").json(&title)
}

fn performance(starts_at: &str, venue: &str, price: i64) -> Value {
    json!({
        "starts_at": starts_at,
        "venue": venue,
        "sections": sections(&[("Stalls", "A", 2, price)]),
    })
}

const STARTS_AT: &str = "2098-01-01T19:30:00Z";

async fn a_repeated_creation_creates_nothing_more(stores: Stores) -> Result<()> {
    let app = start(stores.config().await?).await?;
    let operator = admin(&app);
    let create = || new_concert(&operator, "A concert").idempotency_key("concert");
    let first = create().await?.expect_status(201)?;
    assert_eq!(first.header(REPLAYED), None);
    let concert = first.text_at("/id")?;
    let again = create().await?.expect_status(201)?;
    assert_eq!(again.header(REPLAYED), Some("true"));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.text_at("/id")?, concert);
    let other = new_concert(&operator, "Another").idempotency_key("concert");
    assert_problem(&other.await?, 422, "idempotency-key-reused");

    let path = format!("{}/performances", concert_path(concert));
    let create = |body: Value| {
        let post = operator.post(&path).idempotency_key("performance");
        post.json(&body)
    };
    let original = performance(STARTS_AT, "A hall", 100);
    let first = create(original.clone()).await?.expect_status(201)?;
    let again = create(original.clone()).await?.expect_status(201)?;
    assert_eq!(again.header(REPLAYED), Some("true"));
    assert_eq!(again.json, first.json);
    // The answer to a repeat shows the performance as it is now.
    let id = first.text_at("/id")?;
    let moved = operator.patch(&performance_path(concert, id));
    let moved = moved.json(&json!({"venue": "A tent"})).await?;
    moved.expect_status(200)?;
    let again = create(original).await?.expect_status(201)?;
    assert_eq!(
        (again.text_at("/id")?, again.text_at("/venue")?),
        (id, "A tent")
    );
    let other = create(performance(STARTS_AT, "A barn", 100)).await?;
    assert_problem(&other, 422, "idempotency-key-reused");

    let concerts = app.client().get("/v1/concerts").await?.expect_status(200)?;
    assert_eq!(concerts.at("/items")?.as_array().map(Vec::len), Some(1));
    // Without a key each request creates a concert.
    for _ in 0..2 {
        new_concert(&operator, "A concert")
            .await?
            .expect_status(201)?;
    }
    for bad in ["", "k\u{e9}y"] {
        let reply = new_concert(&operator, "Bad").idempotency_key(bad).await?;
        assert!([400, 422].contains(&reply.status), "{reply:?}");
    }
    let audit_entries = stores.audit_entries(&app).await?;
    let created = |action: &str| {
        audit_entries
            .iter()
            .filter(|entry| entry.action == action)
            .count()
    };
    let counts = (created("concert.create"), created("performance.create"));
    assert_eq!(counts, (3, 1), "{audit_entries:?}");
    Ok(())
}

async fn a_performance_is_safe_without_a_key(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let operator = test_app.admin();
    let path = format!("{}/performances", concert_path(&test_app.concert));
    let create = |body: Value| operator.post(&path).json(&body);
    let original = performance(STARTS_AT, "A hall", 100);
    let first = create(original.clone()).await?.expect_status(201)?;
    let id = first.text_at("/id")?;
    // The same instant in another time zone, and a venue with spaces around it.
    let same = performance("2098-01-01T21:30:00+02:00", "  A hall ", 100);
    for body in [original, same] {
        let again = create(body).await?.expect_status(200)?;
        assert_eq!(again.json, first.json);
    }
    let mut other_plan = performance(STARTS_AT, "A hall", 100);
    other_plan["sections"] = sections(&[("Stalls", "A", 3, 100)]);
    for body in [performance(STARTS_AT, "A hall", 101), other_plan] {
        let refused = create(body).await?;
        assert_problem(&refused, 409, "performance-exists");
        assert_eq!(refused.text_at("/performance_id")?, id);
    }
    let listed = operator.get(&path).await?.expect_status(200)?;
    assert_eq!(listed.at("/items")?.as_array().map(Vec::len), Some(2));
    Ok(())
}

async fn a_performance_is_not_moved_onto_another(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let operator = test_app.admin();
    let path = format!("{}/performances", concert_path(&test_app.concert));
    let original = performance(STARTS_AT, "A hall", 100);
    let other = operator.post(&path).json(&original).await?;
    let other = other.expect_status(201)?;
    let move_to = |starts_at: &str| {
        let path = performance_path(&test_app.concert, &test_app.performance);
        operator.patch(&path).json(&json!({"starts_at": starts_at}))
    };
    let refused = move_to(STARTS_AT).await?;
    assert_problem(&refused, 409, "performance-exists");
    assert_eq!(refused.text_at("/performance_id")?, other.text_at("/id")?);
    move_to("2098-01-02T19:30:00Z").await?.expect_status(200)?;
    Ok(())
}

async fn two_operators_may_use_the_same_key(stores: Stores) -> Result<()> {
    let app = start(two_operators(stores).await?).await?;
    let mut ids = std::collections::HashSet::new();
    for operator in [admin(&app), box_office(&app)] {
        let created = new_concert(&operator, "A concert").idempotency_key("key");
        let created = created.await?.expect_status(201)?;
        assert_eq!(created.header(REPLAYED), None);
        ids.insert(created.text_at("/id")?.to_owned());
    }
    assert_eq!(ids.len(), 2);
    Ok(())
}

async fn a_performance_that_a_key_created_may_have_been_deleted(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let operator = test_app.admin();
    let path = format!("{}/performances", concert_path(&test_app.concert));
    let create = || {
        let post = operator.post(&path).idempotency_key("key");
        post.json(&performance(STARTS_AT, "A hall", 100))
    };
    let created = create().await?.expect_status(201)?;
    let created = performance_path(&test_app.concert, created.text_at("/id")?);
    operator.delete(&created).await?.expect_status(204)?;
    assert_problem(&create().await?, 410, "deleted-since");
    Ok(())
}

async fn an_implausible_start_needs_a_switch(stores: Stores) -> Result<()> {
    let queue = json!({"opens_at": "2097-06-01T00:00:00Z"});
    let test_app = TestApp::open(stores, 1, 1, queue).await?;
    let operator = test_app.admin();
    let path = format!("{}/performances", concert_path(&test_app.concert));
    let allowed = |mut body: Value| {
        body["allow_past"] = json!(true);
        body
    };
    let past = performance("2020-01-01T19:30:00Z", "A hall", 100);
    let refused = operator.post(&path).json(&past).await?;
    assert_eq!(wrong_fields(refused)?, ["starts_at"]);
    let imported = operator.post(&path).json(&allowed(past.clone())).await?;
    imported.expect_status(201)?;
    // The import can be repeated with or without the switch.
    operator.post(&path).json(&past).await?.expect_status(200)?;

    let only = performance_path(&test_app.concert, &test_app.performance);
    for starts_at in ["2020-01-02T19:30:00Z", "2097-05-31T23:59:59Z"] {
        let edit = json!({"starts_at": starts_at});
        let refused = operator.patch(&only).json(&edit).await?;
        assert_eq!(wrong_fields(refused)?, ["starts_at"], "{starts_at}");
    }
    let queue = format!("{}/queue", concert_path(&test_app.concert));
    let late = json!({"opens_at": "2099-01-01T19:30:01Z"});
    let refused = operator.patch(&queue).json(&late).await?;
    assert_eq!(wrong_fields(refused)?, ["opens_at"]);
    // An unchanged opening needs no switch.
    let other_field = json!({"max_waiting": 9, "opens_at": "2097-06-01T00:00:00Z"});
    operator
        .patch(&queue)
        .json(&other_field)
        .await?
        .expect_status(200)?;
    operator
        .patch(&queue)
        .json(&allowed(late))
        .await?
        .expect_status(200)?;
    let moved = allowed(json!({"starts_at": "2020-01-02T19:30:00Z"}));
    operator
        .patch(&only)
        .json(&moved)
        .await?
        .expect_status(200)?;
    Ok(())
}
