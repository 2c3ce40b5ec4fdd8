//! What a route's access means for the `OpenAPI` document: which headers it asks for, and how it says
//! no before its handler is reached.

use serde_json::{Map, Value, json};

use super::access::Access;

/// The ways in which a request says who asks.
pub(super) fn security_schemes() -> Value {
    json!({
        "identity": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The user, as the identity provider says.",
        },
        "x_user_id": {
            "type": "apiKey", "in": "header", "name": "X-User-Id",
            "description": "The user, by name alone: only where this server trusts it.",
        },
        "queue_token": {
            "type": "apiKey", "in": "header", "name": "Queue-Token",
            "description": "The user's place in a concert's queue.",
        },
        "admin_key": {
            "type": "http", "scheme": "bearer",
            "description": "An operator.",
        },
    })
}

/// Writes into an operation what its access asks for and answers.
pub(super) fn describe(operation: &mut Map<String, Value>, access: Access) {
    operation.insert("x-access".into(), access.name().into());
    operation.insert("security".into(), security(access));
    let has_body = operation.contains_key("requestBody");
    let asks_in = |place: &str| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        // No user is unknown: whoever has not been here yet has no points.
        let of_ours = |one: &Value| one["in"] == place && one["name"] != "user_id";
        parameters.is_some_and(|all| all.iter().any(of_ours))
    };
    let (in_path, in_query) = (asks_in("path"), asks_in("query"));
    let has_key = operation.get("parameters").is_some_and(takes_a_key);
    let of_the_service = operation.get("tags") == Some(&json!(["service"]));
    let responses = operation
        .entry("responses")
        .or_insert_with(|| json!({}))
        .as_object_mut();
    let Some(responses) = responses else { return };
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) {
            as_problem(response);
        }
    }
    if has_key {
        for (_, response) in responses
            .iter_mut()
            .filter(|(status, _)| status.starts_with('2'))
        {
            response["headers"] = replay_header();
        }
    }
    let mut may_answer = |status: &str, description: &str| {
        if !responses.contains_key(status) {
            responses.insert(status.to_owned(), problem(description));
        }
    };
    if access != Access::Public {
        may_answer("401", "It does not say, or not credibly, who asks");
    }
    if !of_the_service {
        may_answer(
            "503",
            "Not available for the moment. Retry-After says when to send the request again; it differs between \
             answers, so that not all come back at once",
        );
    }
    if let Access::Protected(_) = access {
        may_answer(
            "403",
            "The queue token is somebody else's, or another concert's",
        );
        may_answer("410", "The place in the queue has ended");
        may_answer("429", "The place still waits; see Retry-After");
    }
    if in_path {
        may_answer("404", "There is none with this id");
    }
    if in_query {
        may_answer("400", "The query cannot be read");
    }
    if has_key {
        may_answer("400", "It cannot be read, or a header is missing");
        may_answer("409", "A request with the same key is under way");
        may_answer("422", "The key was used for another request");
    }
    if has_body {
        may_answer("400", "It cannot be read, or a header is missing");
        may_answer("413", "The body is too large");
        may_answer("415", "The body is not JSON");
        may_answer("422", "Fields are wrong");
    }
    if access != Access::Public {
        may_answer("400", "A header cannot be read, or is there more than once");
    }
}

/// Whether `Idempotency-Key` is among the parameters of an operation.
fn takes_a_key(parameters: &Value) -> bool {
    let parameters = parameters.as_array();
    parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"))
}

/// The header of answers to repeated requests.
fn replay_header() -> Value {
    json!({
        "Idempotent-Replayed": {
            "description": "`true` if an earlier request with the same key had the effect; absent otherwise",
            "schema": {"type": "string", "enum": ["true"]},
        },
    })
}

/// What a request must show: one of these.
fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::QueueToken => json!([{"queue_token": []}]),
        Access::Identity => json!([{"identity": []}, {"x_user_id": []}]),
        Access::Protected(_) => json!([
            {"identity": [], "queue_token": []},
            {"x_user_id": [], "queue_token": []},
        ]),
        Access::Admin => json!([{"admin_key": []}]),
    }
}

const PROBLEM: &str = "application/problem+json";

fn problem(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/ProblemBody"});
    json!({
        "description": description,
        "content": {PROBLEM: {"schema": schema}},
    })
}

/// The handlers describe a problem by its shape alone.
fn as_problem(response: &mut Value) {
    let content = response.get_mut("content").and_then(Value::as_object_mut);
    if let Some(content) = content
        && let Some(body) = content.remove("application/json")
    {
        content.insert(PROBLEM.into(), body);
    }
}
