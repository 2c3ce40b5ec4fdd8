//! Methods that an address does not support, and methods that are answered without a body.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Target;
use crate::{on_every_store, stores::Stores};

on_every_store!(
    an_unsupported_method_is_answered_with_the_allowed_ones,
    a_head_request_is_answered_like_get_without_a_body,
    the_accept_header_decides_between_json_and_csv,
);

/// Every path in the program's OpenAPI document, with the ids of the target, and its methods.
pub(super) async fn described(target: &Target) -> Result<Vec<(String, Vec<String>)>> {
    let document = target
        .client()
        .get("/openapi.json")
        .await?
        .expect_status(200)?;
    let paths = document.at("/paths")?.as_object().context("paths")?.clone();
    let filled = |path: &str| {
        path.replace("{concert_id}", &target.test_app.concert)
            .replace("{performance_id}", &target.test_app.performance)
            .replace("{reservation_id}", super::UNKNOWN_ID)
            .replace("{user_id}", "visitor")
            .replace("{slug}", "still-waiting")
    };
    Ok(paths
        .iter()
        .map(|(path, operations)| {
            let methods = operations
                .as_object()
                .into_iter()
                .flat_map(|all| all.keys());
            (
                filled(path),
                methods.map(|method| method.to_uppercase()).collect(),
            )
        })
        .collect())
}

async fn an_unsupported_method_is_answered_with_the_allowed_ones(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for (path, mut methods) in described(&target).await? {
        if methods.iter().any(|method| method == "GET") {
            methods.push("HEAD".into());
        }
        methods.sort();
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get",
            "X-ODD",
        ] {
            if methods.iter().any(|known| known == method) {
                continue;
            }
            for client in [target.client(), target.admin()] {
                let reply = client.request(method.parse()?, &path).await?;
                let what = format!("{method} {path}");
                assert_eq!(reply.header("allow"), Some(&*methods.join(", ")), "{what}");
                if method == "HEAD" {
                    assert_eq!((reply.status, &*reply.text), (405, ""), "{what}");
                } else {
                    target
                        .is_problem(&what, &reply, 405, "method-not-allowed")
                        .await?;
                }
            }
        }
    }
    target.is_unchanged().await
}

async fn a_head_request_is_answered_like_get_without_a_body(stores: Stores) -> Result<()> {
    let target = Target::open(stores).await?;
    let mut looked = 0;
    for (path, methods) in described(&target).await? {
        // A stream of events has no end to wait for.
        if !methods.iter().any(|method| method == "GET") || path.ends_with("/events") {
            continue;
        }
        for client in [
            target.client(),
            target.admin(),
            target.test_app.app.client(),
        ] {
            let get = client.get(&path).await?;
            let head = client.request("HEAD".parse()?, &path).await?;
            assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
            for (name, value) in &get.headers {
                // Two answers with an instant may differ in the instant and in its number of
                // digits.
                let stamped = get.text.contains("\"as_of\"") || path == "/metrics";
                if name != "date" && !(stamped && name == "content-length") {
                    assert_eq!(head.headers.get(name), Some(value), "{path}: {name}");
                }
            }
            let names = |reply: &frontrow_test_harness::Reply| {
                reply
                    .headers
                    .keys()
                    .map(ToString::to_string)
                    .collect::<std::collections::BTreeSet<_>>()
            };
            assert_eq!(names(&head), names(&get), "{path}");
            looked += 1;
        }
    }
    assert!(looked >= 30, "{looked}");
    target.is_unchanged().await
}

async fn the_accept_header_decides_between_json_and_csv(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let path = format!(
        "/v1/admin/concerts/{}/reservations",
        target.test_app.concert
    );
    for (accept, csv) in [
        ("text/csv", true),
        ("TEXT/CSV", true),
        ("text/csv;q=0.5", true),
        ("text/csv, application/json;q=0.9", true),
        ("application/json", false),
        ("*/*", false),
        ("", false),
        ("text/csv;q=nonsense", false),
        (",,,", false),
        ("text/csv;q=0.1, application/json", false),
        ("text", false),
        ("text/csv/x", false),
        ("application/xml", false),
        (";", false),
    ] {
        let reply = target
            .admin()
            .get(&path)
            .header("accept", accept)
            .await?
            .expect_status(200)?;
        let content = reply.header("content-type").context("a type")?;
        assert_eq!(content.starts_with("text/csv"), csv, "{accept}: {content}");
        assert_eq!(reply.json == Value::Null, csv, "{accept}");
    }
    let refused = target
        .client()
        .get(&path)
        .header("accept", "text/csv")
        .await?;
    target
        .is_problem("csv for a visitor", &refused, 401, "admin-key-required")
        .await?;
    for query in ["limit=0", "cursor=x"] {
        let reply = target
            .admin()
            .get(&format!("{path}?{query}"))
            .header("accept", "text/csv")
            .await?;
        target
            .is_problem(query, &reply, 422, "invalid-request")
            .await?;
    }
    target.is_unchanged().await
}
