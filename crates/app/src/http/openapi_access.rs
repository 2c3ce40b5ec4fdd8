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
    let responses = operation
        .entry("responses")
        .or_insert_with(|| json!({}))
        .as_object_mut();
    let Some(responses) = responses else { return };
    let mut may_answer = |status: &str, description: &str| {
        if !responses.contains_key(status) {
            responses.insert(status.to_owned(), problem(description));
        }
    };
    if access != Access::Public {
        may_answer("401", "It does not say, or not credibly, who asks");
        may_answer("503", "Not available for the moment; see Retry-After");
    }
    if let Access::Protected(_) = access {
        may_answer(
            "403",
            "The queue token is somebody else's, or another concert's",
        );
        may_answer("410", "The place in the queue has ended");
        may_answer("429", "The place still waits; see Retry-After");
    }
    if has_body {
        may_answer("400", "It cannot be read, or a header is missing");
        may_answer("413", "The body is too large");
        may_answer("415", "The body is not JSON");
        may_answer("422", "Fields are wrong");
    }
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

fn problem(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/ProblemBody"});
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    })
}
