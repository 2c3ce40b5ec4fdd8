//! Random requests to every route in the program's OpenAPI document.

use anyhow::Result;
use frontrow_test_harness::Request;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};

use super::{Target, methods::described};
use crate::{on_every_store, stores::Stores};

/// The number of requests for each operation.
const TRIES: usize = 25;

on_every_store!(no_random_request_is_answered_with_a_failure);

async fn no_random_request_is_answered_with_a_failure(stores: Stores) -> Result<()> {
    let mut target = Target::open(stores).await?;
    // The seed is fixed, so that a failure can be repeated.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut asked = 0;
    for (path, methods) in described(&target).await? {
        // A stream of events has no end to wait for.
        if path.ends_with("/events") {
            continue;
        }
        for method in methods {
            for _ in 0..TRIES {
                let Random {
                    part,
                    query,
                    headers,
                    body,
                    as_operator,
                } = pick(&mut runner)?;
                // At most one part of the path is random, so that most requests reach a route.
                let path =
                    part.map_or_else(|| path.clone(), |(at, text)| with_part(&path, at, &text));
                let client = if as_operator {
                    target.admin()
                } else {
                    target.client()
                };
                let mut request = client.request(method.parse()?, &format!("{path}{query}"));
                for (name, value) in headers {
                    request = request.header(name, &value);
                }
                let reply = with_body(request, &body).await?;
                let what = format!("{method} {path}{query} {body:?}");
                target.is_valid_answer(&what, &reply).await?;
                asked += 1;
            }
        }
    }
    assert!(asked >= 500, "{asked}");
    assert_eq!(stores.totals(&target.test_app.app).await?.wrong_balances, 0);
    Ok(())
}

#[derive(Debug)]
struct Random {
    part: Option<(usize, String)>,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    as_operator: bool,
}

fn pick(runner: &mut TestRunner) -> Result<Random> {
    let header = prop::sample::select(vec![
        "x-user-id",
        "queue-token",
        "idempotency-key",
        "accept",
        "if-none-match",
        "content-type",
        "range",
        "expect-odd",
        "accept-encoding",
    ]);
    let query =
        "(\\?(limit|cursor|period|x)=[ -~&&[^#]]{0,20}(&(limit|cursor)=[0-9A-Za-z%_-]{0,24})?)?";
    let strategy = (
        prop::option::weighted(0.3, (0_usize..6, "[!-~&&[^#?]]{1,40}")),
        query,
        prop::collection::vec((header, "[!-~]{0,60}"), 0..2),
        prop_oneof![
            4 => json().prop_map(|value| value.to_string().into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..200),
        ],
        any::<bool>(),
    )
        .prop_map(|(part, query, headers, body, as_operator)| Random {
            part,
            query: query.replace(' ', "+"),
            headers,
            body,
            as_operator,
        });
    let tree = strategy.new_tree(runner).map_err(anyhow::Error::msg)?;
    Ok(tree.current())
}

/// JSON with fields that requests have, and with other fields.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            json!("R1-1"),
            json!(1),
            json!("paused"),
            json!("2099-01-01T00:00:00Z"),
            json!(super::UNKNOWN_ID)
        ]),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![
            8 => prop::sample::select(vec![
                "concert_id", "performance_id", "seats", "amount", "title", "queue", "starts_at", "venue", "sections", "name", "price", "rows",
                "state", "opens_at", "throughput", "admit", "interval_s", "capacity", "max_active", "waiting_ttl_s", "claim_ttl_s", "active_ttl_s", "max_waiting", "absent_after_s",
            ]).prop_map(str::to_owned),
            1 => "\\PC{0,10}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn with_part(path: &str, at: usize, text: &str) -> String {
    let mut parts: Vec<_> = path.split('/').skip(1).map(str::to_owned).collect();
    let at = at % parts.len();
    parts[at] = text.into();
    format!("/{}", parts.join("/"))
}

fn with_body(request: Request, body: &[u8]) -> Request {
    request.body("application/json", body)
}
