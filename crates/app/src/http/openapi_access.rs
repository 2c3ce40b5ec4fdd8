//! Adds the consequences of a route's access to the `OpenAPI` document: the headers that it needs,
//! and the problems that it answers before its handler runs.

use serde_json::{Map, Value, json};

use super::access::Access;

/// Returns the ways in which a request proves its sender.
pub(super) fn security_schemes() -> Value {
    json!({
        "identity": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The user, signed by the identity provider.",
        },
        "x_user_id": {
            "type": "apiKey", "in": "header", "name": "X-User-Id",
            "description": "The user by name alone. Only if this server trusts it.",
        },
        "queue_token": {
            "type": "apiKey", "in": "header", "name": "Queue-Token",
            "description": "The place of the user in the queue of a concert.",
        },
        "admin_key": {
            "type": "http", "scheme": "bearer",
            "description": "An operator.",
        },
    })
}

/// Adds the headers that its access requires, and the problems that it answers, to an operation.
pub(super) fn describe(operation: &mut Map<String, Value>, access: Access) {
    operation.insert("x-access".into(), access.name().into());
    operation.insert("security".into(), security(access));
    let has_body = operation.contains_key("requestBody");
    let asks_in = |place: &str| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        // Every user id is valid: a user without an account has no points.
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
        may_answer(
            "401",
            "The identity, the queue token or the admin key is missing or not valid",
        );
    }
    if !of_the_service {
        may_answer(
            "503",
            "Temporarily unavailable. Retry-After says when to send the request again. It differs between \
             answers so that not all clients retry at the same time",
        );
    }
    if let Access::Protected(_) = access {
        may_answer(
            "403",
            "The queue token belongs to another user or another concert",
        );
        may_answer("410", "The place in the queue has ended");
        may_answer("429", "The place still waits. See Retry-After");
    }
    if in_path {
        may_answer("404", "Nothing exists with this id");
    }
    if in_query {
        may_answer("400", "The query cannot be read");
    }
    if has_key {
        may_answer("400", "The request cannot be read, or a header is missing");
        may_answer("409", "A request with the same key is being processed");
        may_answer("422", "The key was used for another request");
    }
    if has_body {
        may_answer("400", "The request cannot be read, or a header is missing");
        may_answer("413", "The body is too large");
        may_answer("415", "The body is not JSON");
        may_answer("422", "Fields are not valid");
    }
    if access != Access::Public {
        may_answer("400", "A header cannot be read, or occurs more than once");
    }
}

/// True if `Idempotency-Key` is among the parameters of an operation.
fn takes_a_key(parameters: &Value) -> bool {
    let parameters = parameters.as_array();
    parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"))
}

/// Returns the header of answers to repeated requests.
fn replay_header() -> Value {
    json!({
        "Idempotent-Replayed": {
            "description": "`true` if an earlier request with the same key had the effect; absent otherwise",
            "schema": {"type": "string", "enum": ["true"]},
        },
    })
}

/// Returns the credentials that a request must have: one entry of the list.
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

/// Sets the content type of a problem, which the handlers describe by its shape alone.
fn as_problem(response: &mut Value) {
    let content = response.get_mut("content").and_then(Value::as_object_mut);
    if let Some(content) = content
        && let Some(body) = content.remove("application/json")
    {
        content.insert(PROBLEM.into(), body);
    }
}
