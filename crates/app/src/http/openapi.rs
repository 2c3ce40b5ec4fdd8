//! The `OpenAPI` document of the API, generated from the handlers.

use std::sync::Arc;

use actix_web::{http::Method, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::OpenApi;

use super::{
    access::Access,
    admin, concerts, health, line, metrics,
    openapi_access::{describe, security_schemes},
    points, queue, queue_events, rankings, reservations,
};

/// All operations of the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Frontrow",
        description = "Concert reservations behind a virtual waiting room. `Authorization: Bearer` \
            (a JWT of the identity provider) identifies the user, `Queue-Token` the place in a \
            queue. Problems are RFC 9457 documents.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        queue::join,
        queue::look_up,
        queue::heartbeat,
        queue_events::follow,
        queue::leave,
        line::show,
        concerts::list,
        concerts::show,
        concerts::performances,
        concerts::seats,
        reservations::hold,
        reservations::list,
        reservations::show,
        reservations::release,
        reservations::pay,
        points::balance,
        points::charge,
        rankings::concerts,
        admin::concerts::create,
        admin::concerts::edit,
        admin::concerts::delete,
        admin::performances::list,
        admin::performances::create,
        admin::performances::edit,
        admin::performances::delete,
        admin::queue_policy::show,
        admin::queue_policy::change,
        admin::sales::list,
        admin::sales::charge,
        health::live,
        health::ready,
        health::explain,
        metrics::show,
        document,
    )
)]
struct Api;

/// Show this document
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "The OpenAPI document", body = Object)),
)]
pub(crate) async fn document(document: web::Data<Document>) -> web::Json<Document> {
    web::Json(Document::clone(&document))
}

/// The document, generated once.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Document(Arc<Value>);

impl Document {
    /// Generates the document for these routes. Each operation gets the access of its route.
    pub(crate) fn of(routes: &[(Method, &'static str, Access)]) -> Self {
        let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
        for (method, path, access) in routes {
            let operation = document
                .get_mut("paths")
                .and_then(|paths| paths.get_mut(path))
                .and_then(|operations| operations.get_mut(name(method)))
                .and_then(Value::as_object_mut);
            if let Some(operation) = operation {
                describe(operation, *access);
            }
        }
        if let Some(components) = document
            .get_mut("components")
            .and_then(Value::as_object_mut)
        {
            components.insert("securitySchemes".into(), security_schemes());
        }
        Self(Arc::new(document))
    }
}

fn name(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::routes;

    #[test]
    fn the_document_describes_exactly_the_routes() {
        let served: BTreeSet<_> = routes::all()
            .list()
            .iter()
            .map(|(method, path, _)| (name(method), (*path).to_owned()))
            .collect();
        let Document(document) = Document::of(&routes::all().list());
        let mut written = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["x-access"].is_string(), "{method} {path}");
                for demand in operation["security"].as_array().unwrap() {
                    for scheme in demand.as_object().unwrap().keys() {
                        let known = &document["components"]["securitySchemes"][scheme];
                        assert!(known.is_object(), "{scheme}: {method} {path}");
                    }
                }
                written.insert((method.clone(), path.clone()));
            }
        }
        assert_eq!(written, served);
    }

    /// Two shapes with the same name would be merged in the document.
    #[test]
    fn the_sale_state_is_a_string() {
        let Document(document) = Document::of(&routes::all().list());
        let schemas = &document["components"]["schemas"];
        let sale = &schemas["QueueBody"]["properties"]["sale"];
        let reference = sale["$ref"].as_str().unwrap();
        let name = reference.rsplit('/').next().unwrap();
        assert_eq!(schemas[name]["type"], "string", "{name}");
    }

    #[test]
    fn problems_are_described_as_they_are_sent() {
        let Document(document) = Document::of(&routes::all().list());
        let paths = document["paths"].as_object().unwrap();
        for (path, operations) in paths.iter().filter(|(path, _)| path.starts_with("/v1/")) {
            for (method, operation) in operations.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                for (status, response) in responses {
                    let content = response["content"].as_object();
                    let problem = content.is_some_and(|content| {
                        content.keys().eq(["application/problem+json"].iter())
                    });
                    let bad = status.starts_with(['4', '5']);
                    assert_eq!(problem, bad, "{status}: {method} {path}");
                }
                if path.contains('{') && !path.contains("{user_id}") {
                    assert!(responses.contains_key("404"), "{method} {path}");
                }
                assert!(responses.contains_key("503"), "{method} {path}");
            }
        }
    }
}
