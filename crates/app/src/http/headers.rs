//! The headers that say who asks, for which place, and under which key.

use actix_web::http::header::{self, HeaderMap};
use frontrow_domain::model::IdempotencyKey;

use super::{problem::Problem, problem_kinds::ProblemKind};

/// The `Queue-Token` header, if there is one.
pub(crate) fn queue_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    text(headers, "queue-token")
}

/// The `Idempotency-Key` header, which must be there.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let Some(key) = text(headers, "idempotency-key")? else {
        return Err(Problem::new(
            ProblemKind::NO_IDEMPOTENCY_KEY,
            "The request has no Idempotency-Key header.",
        ));
    };
    IdempotencyKey::try_from(key).map_err(|why| Problem::invalid("Idempotency-Key", &why))
}

/// What follows `Authorization: Bearer`, if there is such a header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let value = text(headers, header::AUTHORIZATION.as_str())?;
    Ok(value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }))
}

/// A header's text, if there is such a header.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    headers
        .get(name)
        .map(|value| {
            value.to_str().map_err(|_| {
                Problem::new(
                    ProblemKind::MALFORMED,
                    format!("The header {name} has characters other than printable ASCII."),
                )
            })
        })
        .transpose()
}
