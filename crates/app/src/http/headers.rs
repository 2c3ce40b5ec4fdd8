//! The headers for the identity, the queue token and the idempotency key.

use actix_web::{
    HttpResponseBuilder,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};
use frontrow_domain::model::IdempotencyKey;

use super::{problem::Problem, problem_kinds::ProblemKind};

static QUEUE_TOKEN: HeaderName = HeaderName::from_static("queue-token");
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
static USER_ID: HeaderName = HeaderName::from_static("x-user-id");

/// The `X-Content-Type-Options` of every response.
pub(super) const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");

/// Returns the `Queue-Token` header. None if it is missing.
pub(crate) fn queue_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    text(headers, &QUEUE_TOKEN)
}

/// Returns the `X-User-Id` header. None if it is missing.
pub(crate) fn user_id(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    text(headers, &USER_ID)
}

/// Returns the `Idempotency-Key` header. Errors if it is missing.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let Some(key) = text(headers, &IDEMPOTENCY_KEY)? else {
        return Err(Problem::new(
            ProblemKind::NO_IDEMPOTENCY_KEY,
            "The request has no Idempotency-Key header.",
        ));
    };
    IdempotencyKey::try_from(key).map_err(|why| Problem::invalid("Idempotency-Key", &why))
}

/// Returns the `Idempotency-Key` header of a request for which it is optional.
pub(crate) fn optional_idempotency_key(
    headers: &HeaderMap,
) -> Result<Option<IdempotencyKey>, Problem> {
    let key = text(headers, &IDEMPOTENCY_KEY)?.map(IdempotencyKey::try_from);
    key.transpose()
        .map_err(|why| Problem::invalid("Idempotency-Key", &why))
}

/// Marks the response if an earlier request had the effect.
pub(crate) fn mark_replay(response: &mut HttpResponseBuilder, replayed: bool) {
    if replayed {
        response.insert_header((IDEMPOTENT_REPLAYED.clone(), "true"));
    }
}

/// Returns the credentials of `Authorization: Bearer`, if there is such a header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let value = text(headers, &header::AUTHORIZATION)?;
    Ok(value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }))
}

/// Returns the text of a header, if there is such a header. Errors if there is more than one: this
/// server and a proxy in front of it may choose different ones.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    if headers.get_all(name).nth(1).is_some() {
        return Err(Problem::new(
            ProblemKind::MALFORMED,
            format!("The header {name} occurs more than once."),
        ));
    }
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

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_duplicate_header_is_refused() {
        let mut headers = HeaderMap::new();
        headers.append(IDEMPOTENCY_KEY.clone(), HeaderValue::from_static("first"));
        assert_eq!(idempotency_key(&headers).unwrap().as_str(), "first");
        headers.append(IDEMPOTENCY_KEY.clone(), HeaderValue::from_static("second"));
        for refused in [
            idempotency_key(&headers).map(drop),
            optional_idempotency_key(&headers).map(drop),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("more than once"), "{refused}");
        }
    }
}
