//! Paths without a resource.

use anyhow::Result;

use super::{Target, UNKNOWN_ID};
use crate::{on_every_store, stores::Stores};

on_every_store!(
    a_malformed_id_is_not_found,
    an_unknown_id_is_not_found,
    a_path_without_a_resource_is_not_found,
    an_invalid_user_id_in_a_path_is_refused,
);

/// Every route with an id in its path: whether it is for operators, its method, and its path.
fn with_ids(target: &Target, id: &str) -> Vec<(bool, &'static str, String)> {
    let concert = &target.test_app.concert;
    let performance = &target.test_app.performance;
    vec![
        (false, "GET", format!("/v1/concerts/{id}")),
        (
            false,
            "GET",
            format!("/v1/concerts/{concert}/performances/{id}/seats"),
        ),
        (false, "GET", format!("/v1/reservations/{id}")),
        (false, "DELETE", format!("/v1/reservations/{id}")),
        (false, "POST", format!("/v1/reservations/{id}/payment")),
        (true, "PATCH", format!("/v1/admin/concerts/{id}")),
        (true, "GET", format!("/v1/admin/concerts/{id}/performances")),
        (
            true,
            "PATCH",
            format!("/v1/admin/concerts/{id}/performances/{performance}"),
        ),
        (
            true,
            "PATCH",
            format!("/v1/admin/concerts/{concert}/performances/{id}"),
        ),
        (true, "GET", format!("/v1/admin/concerts/{id}/queue")),
        (true, "PATCH", format!("/v1/admin/concerts/{id}/queue")),
        (true, "GET", format!("/v1/admin/concerts/{id}/reservations")),
    ]
}

async fn are_not_found(target: &mut Target, id: &str) -> Result<()> {
    for (by_operator, method, path) in with_ids(target, id) {
        let client = if by_operator {
            target.admin()
        } else {
            target.client()
        };
        let request = client.request(method.parse()?, &path);
        let reply = match method {
            "PATCH" if path.ends_with("/queue") => {
                request.json(&serde_json::json!({"max_waiting": 1})).await?
            }
            "PATCH" if path.contains("/performances/") => {
                request.json(&serde_json::json!({"venue": "V"})).await?
            }
            "PATCH" => request.json(&serde_json::json!({"title": "T"})).await?,
            _ => request.await?,
        };
        target
            .is_problem(&format!("{method} {path}"), &reply, 404, "not-found")
            .await?;
    }
    Ok(())
}

async fn a_malformed_id_is_not_found(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for id in [
        "x",
        "0",
        "-1",
        "null",
        "%00",
        "%20",
        "%FF",
        "%C3%28",
        "%",
        "%2",
        "%zz",
        "%2e%2e",
        "%2F",
        "..%2f..",
        "%5C",
        "a%3Fb",
        "0198c0de-0000-7000-8000-00000000000g",
        "0198c0de-0000-7000-8000-0000000000011",
        "%F0%9F%8E%AB",
        "%EF%BC%90",
        "~",
        "*",
        "'",
        "1%00",
        "0198c0de%252D0000-7000-8000-000000000001",
    ] {
        are_not_found(&mut target, id).await?;
    }
    are_not_found(&mut target, &"a".repeat(8_000)).await?;
    target.is_unchanged().await
}

async fn an_unknown_id_is_not_found(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for id in [
        UNKNOWN_ID,
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ] {
        are_not_found(&mut target, id).await?;
    }
    let join = target
        .client()
        .post("/v1/queue/tokens")
        .json(&serde_json::json!({"concert_id": UNKNOWN_ID}))
        .await?;
    target.is_problem("join", &join, 404, "not-found").await?;
    // The performances of a concert require a token of its own queue.
    let path = format!("/v1/concerts/{UNKNOWN_ID}/performances");
    let other = target.client().get(&path).await?;
    target
        .is_problem(&path, &other, 403, "other-concerts-queue-token")
        .await?;
    target.is_unchanged().await
}

async fn a_path_without_a_resource_is_not_found(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for path in [
        "/",
        "//",
        "/v1",
        "/v1/",
        "/v2/concerts",
        "/v1/concerts/",
        "//v1/concerts",
        "/v1//concerts",
        "/V1/concerts",
        "/v1/concerts%2F",
        "/v1/queue",
        "/v1/queue/tokens/x",
        "/v1/admin",
        "/v1/admin/",
        "/v1/admin/users",
        "/v1/reservations/",
        "/readyz/",
        "/problems/",
        "/problems",
        "/problems/none",
        "/problems/%00",
        "/problems/still-waiting/",
        "/problems/..%2Fstill-waiting",
        "/openapi.json/",
        "/livez%00",
        "/.env",
        "/%2e%2e/etc/passwd",
        "/v1/concerts;x=1",
        "/v1/points%3F",
        "/index.html",
        "/favicon.ico",
    ] {
        for (client, whose) in [(target.client(), "visitor"), (target.admin(), "operator")] {
            let reply = client.get(path).await?;
            target
                .is_problem(&format!("{path} as {whose}"), &reply, 404, "not-found")
                .await?;
        }
    }
    target.is_unchanged().await
}

async fn an_invalid_user_id_in_a_path_is_refused(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for user in [
        "%20",
        "a%20b",
        "%00",
        "%ED%99%8D",
        "%0A",
        &"u".repeat(65),
        "a%E2%80%8Bb",
    ] {
        let path = format!("/v1/admin/users/{user}/points/charges");
        let reply = target
            .admin()
            .post(&path)
            .json(&serde_json::json!({"amount": 1}))
            .await?;
        target.is_invalid(user, &reply, "user_id").await?;
    }
    let broken = target
        .admin()
        .post("/v1/admin/users/%FF/points/charges")
        .json(&serde_json::json!({"amount": 1}))
        .await?;
    assert!([404, 422].contains(&broken.status), "{broken:?}");
    target.is_valid_answer("%FF", &broken).await?;
    target.is_unchanged().await
}
