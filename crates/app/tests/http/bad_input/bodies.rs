//! Bodies that are not JSON, or JSON of the wrong shape.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Target, UNKNOWN_ID};
use crate::{on_every_store, stores::Stores};

on_every_store!(
    a_body_that_is_not_json_is_malformed_on_every_route,
    a_body_that_is_not_an_object_is_invalid_on_every_route,
    missing_unknown_and_repeated_fields_are_named,
    fields_of_another_type_are_named,
    a_body_of_another_type_is_not_read,
    a_body_over_the_limit_is_not_read,
);

/// The largest body that the program reads, in bytes.
const LIMIT: usize = 256 * 1024;

/// Every route that reads a body, with a body that it accepts.
fn routes(target: &Target) -> Vec<(bool, &'static str, String, Value)> {
    let concert = &target.test_app.concert;
    let of_concert = |rest: &str| format!("/v1/admin/concerts/{concert}{rest}");
    let plan = json!({
        "starts_at": "2099-01-01T19:30:00Z", "venue": "A hall",
        "sections": [{"name": "Stalls", "price": 1, "rows": [{"name": "A", "seats": 1}]}],
    });
    let performance = &target.test_app.performance;
    let hold = json!({"performance_id": performance, "seats": ["R1-1"]});
    vec![
        (
            false,
            "POST",
            "/v1/queue/tokens".into(),
            json!({"concert_id": UNKNOWN_ID}),
        ),
        (false, "POST", "/v1/reservations".into(), hold),
        (
            false,
            "POST",
            "/v1/points/charges".into(),
            json!({"amount": 1}),
        ),
        (
            true,
            "POST",
            "/v1/admin/concerts".into(),
            json!({"title": "A title"}),
        ),
        (true, "PATCH", of_concert(""), json!({"title": "A title"})),
        (true, "POST", of_concert("/performances"), plan),
        (
            true,
            "PATCH",
            of_concert(&format!("/performances/{performance}")),
            json!({"venue": "V"}),
        ),
        (
            true,
            "PATCH",
            of_concert("/queue"),
            json!({"max_waiting": 7}),
        ),
        (
            true,
            "POST",
            "/v1/admin/users/visitor/points/charges".into(),
            json!({"amount": 1}),
        ),
    ]
}

fn request(target: &Target, route: &(bool, &str, String, Value)) -> frontrow_test_harness::Request {
    let client = if route.0 {
        target.admin()
    } else {
        target.client()
    };
    if route.1 == "POST" {
        client.post(&route.2)
    } else {
        client.patch(&route.2)
    }
}

async fn a_body_that_is_not_json_is_malformed_on_every_route(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for route in routes(&target) {
        let good = route.3.to_string();
        let nested = format!("{}{}", good.trim_end_matches('}'), ", \"x\": ");
        for body in [
            Vec::new(),
            b" \n".to_vec(),
            b"{".to_vec(),
            b"nul".to_vec(),
            b"\0".to_vec(),
            b"{'a': 1}".to_vec(),
            b"{a: 1}".to_vec(),
            b"// {}".to_vec(),
            b"NaN".to_vec(),
            b"\xff\xfe{}".to_vec(),
            format!("\u{feff}{good}").into_bytes(),
            good[..good.len() - 1].into(),
            format!("{good}{good}").into_bytes(),
            format!("{good},").into_bytes(),
            b"{\"\\ud800\": 1}".to_vec(),
            [b"{\"\xc3\x28\": ", good.as_bytes(), b"}"].concat(),
        ] {
            let what = format!(
                "{} {}: {:?}",
                route.1,
                route.2,
                String::from_utf8_lossy(&body)
            );
            let reply = request(&target, &route)
                .body("application/json", body)
                .await?;
            target
                .is_problem(&what, &reply, 400, "malformed-request")
                .await?;
        }
        // Reading stops at a body that nests deeper than any valid one.
        for depth in [200, 50_000] {
            let reply = request(&target, &route)
                .body("application/json", format!("{nested}{}", "[".repeat(depth)))
                .await?;
            target
                .is_invalid(&format!("{nested}{depth}"), &reply, "x")
                .await?;
        }
    }
    target.is_unchanged().await
}

async fn a_body_that_is_not_an_object_is_invalid_on_every_route(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for route in routes(&target) {
        let in_order: Vec<_> = route
            .3
            .as_object()
            .map(|all| all.values().cloned().collect())
            .unwrap_or_default();
        for body in [
            json!([]),
            json!([route.3]),
            json!(in_order),
            json!(7),
            json!("{}"),
            json!(true),
            json!(null),
            json!(1.5),
        ] {
            let reply = request(&target, &route).json(&body).await?;
            let what = format!("{} {}: {body}", route.1, route.2);
            target.is_invalid(&what, &reply, "body").await?;
        }
        let nested = "[".repeat(50_000);
        let reply = request(&target, &route)
            .body("application/json", nested)
            .await?;
        target.is_invalid("a deep list", &reply, "body").await?;
    }
    target.is_unchanged().await
}

async fn missing_unknown_and_repeated_fields_are_named(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for route in routes(&target) {
        let fields: Vec<_> = route
            .3
            .as_object()
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default();
        for field in fields {
            let mut body = route.3.clone();
            let value = body
                .as_object_mut()
                .and_then(|all| all.remove(&field))
                .unwrap_or_default();
            // Where every field is optional, a request without a field changes nothing.
            if route.1 == "POST" || field == "title" {
                let reply = request(&target, &route).json(&body).await?;
                target
                    .is_invalid(&format!("{} without {field}", route.2), &reply, &field)
                    .await?;
            }
            let others = body.to_string();
            let others = others.trim_start_matches('{').trim_end_matches('}');
            let others = if others.is_empty() {
                String::new()
            } else {
                format!(", {others}")
            };
            let twice = format!("{{\"{field}\": {value}, \"{field}\": {value}{others}}}");
            let reply = request(&target, &route)
                .body("application/json", twice.clone())
                .await?;
            target.is_invalid(&twice, &reply, &field).await?;
            for unknown in ["more", "Amount", "__proto__", "\u{0}", "한글"] {
                let mut more = route.3.clone();
                more[unknown] = json!(1);
                let reply = request(&target, &route).json(&more).await?;
                target
                    .is_invalid(&more.to_string(), &reply, unknown)
                    .await?;
            }
        }
    }
    target.is_unchanged().await
}

async fn fields_of_another_type_are_named(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    let wrong = [
        json!(true),
        json!({}),
        json!({"$ne": 1}),
        json!(-1),
        json!(1.5),
        json!([[[]]]),
        json!("\u{0}"),
        json!(""),
    ];
    for route in routes(&target) {
        let fields: Vec<_> = route
            .3
            .as_object()
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default();
        for field in fields {
            for value in &wrong {
                let mut body = route.3.clone();
                body[&field] = value.clone();
                let reply = request(&target, &route).json(&body).await?;
                let what = format!("{} {}: {body}", route.1, route.2);
                target
                    .is_problem(&what, &reply, 422, "invalid-request")
                    .await?;
                let named = reply.text_at("/errors/0/field")?;
                assert!(named.starts_with(&field), "{what}: {named}");
            }
        }
    }
    target.is_unchanged().await
}

async fn a_body_of_another_type_is_not_read(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for route in routes(&target) {
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "json",
            "application/",
            "*/*",
            "",
        ] {
            let reply = request(&target, &route)
                .body(content_type, route.3.to_string())
                .await?;
            let what = format!("{} {}: {content_type}", route.1, route.2);
            target
                .is_problem(&what, &reply, 415, "json-required")
                .await?;
        }
        for (header, value) in [("content-encoding", "gzip"), ("accept", "text/html")] {
            let reply = request(&target, &route)
                .header(header, value)
                .body("application/json", "\u{1f}\u{8b}")
                .await?;
            target
                .is_problem(&route.2, &reply, 400, "malformed-request")
                .await?;
        }
    }
    target.is_unchanged().await
}

async fn a_body_over_the_limit_is_not_read(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    for route in routes(&target) {
        let padded = |len: usize| format!("{}{}", " ".repeat(len - 1), "{");
        let reply = request(&target, &route)
            .body("application/json", padded(LIMIT))
            .await?;
        target
            .is_problem("at the limit", &reply, 400, "malformed-request")
            .await?;
        for len in [LIMIT + 1, LIMIT * 4] {
            let reply = request(&target, &route)
                .body("application/json", padded(len))
                .await?;
            target
                .is_problem("over the limit", &reply, 413, "body-too-large")
                .await?;
        }
    }
    target.is_unchanged().await
}
