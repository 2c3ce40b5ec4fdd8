//! The `OpenAPI` document of the API, made from the handlers themselves.

use actix_web::{HttpResponse, http::Method};
use serde_json::Value;
use utoipa::OpenApi;

use super::{admin, concerts, health, points, queue, rankings, reservations, routes};

/// Everything that the API does.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Frontrow",
        description = "Concert reservations behind a virtual waiting room. Users are told apart by \
            `Authorization: Bearer` (a JWT of their identity provider), places in a queue by \
            `Queue-Token`. Problems are RFC 9457 documents.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        queue::join,
        queue::look_up,
        queue::leave,
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
        admin::performances::list,
        admin::performances::create,
        admin::performances::edit,
        admin::queue_policy::show,
        admin::queue_policy::change,
        admin::sales::list,
        admin::sales::charge,
        health::live,
        health::ready,
        health::explain,
        document,
    )
)]
struct Api;

/// This document
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "The API, as OpenAPI describes it", body = Object)),
)]
pub(crate) async fn document() -> HttpResponse {
    HttpResponse::Ok().json(described())
}

/// The document, each operation with the access that its route asks for.
fn described() -> Value {
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    for (method, path, access) in routes::all().list() {
        let operation = document
            .get_mut("paths")
            .and_then(|paths| paths.get_mut(path))
            .and_then(|operations| operations.get_mut(name(&method)))
            .and_then(Value::as_object_mut);
        if let Some(operation) = operation {
            operation.insert("x-access".into(), access.name().into());
        }
    }
    document
}

fn name(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let served: BTreeSet<_> = routes::all()
            .list()
            .iter()
            .map(|(method, path, _)| (name(method), (*path).to_owned()))
            .collect();
        let document = described();
        let mut written = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["x-access"].is_string(), "{method} {path}");
                written.insert((method.clone(), path.clone()));
            }
        }
        assert_eq!(written, served);
    }
}
