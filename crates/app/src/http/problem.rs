//! Problem documents (RFC 9457): the body of every refusal and failure of the API.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use frontrow_domain::{
    model::Invalid,
    ports::StoreError,
    read_models::{PlaceReport, QueueMissing},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{problem_kinds::ProblemKind, shapes::PlaceBody, store_failures};

/// A refusal or a failure, as the API answers it.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ProblemKind,
    detail: String,
    retry_after: Option<Duration>,
    headers: Vec<(header::HeaderName, String)>,
    members: Map<String, Value>,
}

/// The document itself, its members in the order of RFC 9457.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// Returns a problem of this kind. `detail` is about this occurrence.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: detail.into(),
            retry_after: None,
            headers: Vec::new(),
            members: Map::new(),
        }))
    }

    /// Adds a member.
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Adds a header.
    pub(crate) fn with_header(
        mut self,
        name: header::HeaderName,
        value: impl Into<String>,
    ) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// Adds `Retry-After`. For a 503 it is the earliest time, and
    /// [`Retries`](super::retries::Retries) spreads the answers from there on.
    pub(crate) fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Reports that nothing exists at this address.
    pub(crate) fn not_found() -> Self {
        Self::new(ProblemKind::NOT_FOUND, "Nothing exists at this address.")
    }

    /// Reports that a field of the request is not valid.
    pub(crate) fn invalid(field: &str, why: &Invalid) -> Self {
        Self::invalid_fields([(field, why.to_string())])
    }

    /// Reports that several fields of the request are not valid.
    pub(crate) fn invalid_fields<'a>(faults: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let errors: Vec<_> = faults
            .into_iter()
            .map(|(field, detail)| json!({"field": field, "detail": detail}))
            .collect();
        let detail = errors
            .iter()
            .map(|error| {
                let text = |member: &str| error.get(member).and_then(Value::as_str).unwrap_or("");
                format!("{}: {}", text("field"), text("detail"))
            })
            .collect::<Vec<_>>()
            .join("; ");
        Self::new(ProblemKind::INVALID, detail).with("errors", errors)
    }

    /// Returns the document, in JSON.
    pub(crate) fn document(&self) -> String {
        let Inner {
            kind,
            detail,
            members,
            ..
        } = &*self.0;
        let document = Document {
            kind: format!("/problems/{}", kind.slug),
            title: kind.title,
            status: kind.status.as_u16(),
            detail,
            members,
        };
        // Serializing strings and numbers does not fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Reports that the place is not active yet.
    pub(crate) fn still_waiting(report: &PlaceReport) -> Self {
        let place = PlaceBody::from(report);
        let mut problem = Self::new(
            ProblemKind::STILL_WAITING,
            format!(
                "You are number {} in line.",
                place.position.unwrap_or_default()
            ),
        )
        .with("position", place.position)
        .with("estimated_wait_s", place.estimated_wait_s)
        .with("place", json!(place));
        problem.0.retry_after = report.poll_after;
        problem
    }

    /// Reports that the place has ended.
    pub(crate) fn place_gone() -> Self {
        Self::new(
            ProblemKind::PLACE_GONE,
            "This place has ended. Join the queue again.",
        )
    }

    /// Reports that the queue token was not signed by this service.
    pub(crate) fn forged_token() -> Self {
        Self::new(
            ProblemKind::BAD_QUEUE_TOKEN,
            "The queue token was not signed by this service.",
        )
    }

    /// Reports that the queue token is for another concert.
    pub(crate) fn other_concert() -> Self {
        Self::new(
            ProblemKind::OTHER_CONCERTS_TOKEN,
            "The queue token was issued for another concert.",
        )
    }

    /// Reports that the key was used for another request.
    pub(crate) fn key_reused() -> Self {
        Self::new(
            ProblemKind::KEY_REUSED,
            "This Idempotency-Key was used for another request.",
        )
    }

    /// Reports that another request with the same key is being processed.
    pub(crate) fn in_progress() -> Self {
        Self::new(
            ProblemKind::IN_PROGRESS,
            "Another request with this Idempotency-Key is being processed.",
        )
        .retry_after(Duration::from_secs(1))
    }

    /// Reports that other operators changed the policy at each attempt.
    pub(crate) fn policy_conflict() -> Self {
        Self::new(
            ProblemKind::POLICY_CONFLICT,
            "Other operators changed this policy at each attempt. Nothing was changed.",
        )
        .retry_after(Duration::from_secs(1))
    }

    /// Reports that the queue store has no queue of a concert. The id of the concert is from the
    /// client, so the concert may not exist.
    pub(crate) fn queue_missing(missing: QueueMissing) -> Self {
        match missing {
            QueueMissing::NoSuchConcert => {
                Self::new(ProblemKind::NOT_FOUND, "The concert does not exist.")
            }
            QueueMissing::NotReady => Self::queue_not_ready(),
        }
    }

    /// Reports that the queue store does not have the queue yet, or has lost it.
    pub(crate) fn queue_not_ready() -> Self {
        Self::new(
            ProblemKind::UNAVAILABLE,
            "The queue is not ready yet. Try again later.",
        )
        .retry_after(Duration::from_secs(1))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        store_failures::log(&error);
        let after = error.retry_after().unwrap_or(Duration::from_secs(1));
        let detail = match error {
            StoreError::NotApplied { .. } => "Nothing was changed. Try again later.",
            StoreError::OutcomeUnknown { .. } => {
                "It is not known whether the request took effect. Send it again later, with the same \
                 Idempotency-Key if it had one."
            }
        };
        Self::new(ProblemKind::UNAVAILABLE, detail).retry_after(after)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.title, self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.kind.status
    }

    fn error_response(&self) -> HttpResponse {
        let Inner {
            kind,
            retry_after,
            headers,
            ..
        } = &*self.0;
        let mut response = HttpResponse::build(kind.status);
        response.content_type("application/problem+json");
        if let Some(after) = retry_after {
            response.insert_header((header::RETRY_AFTER, whole_seconds(*after).to_string()));
        }
        if kind.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        for (name, value) in headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.body(self.document())
    }
}

/// Returns the value of `Retry-After`, which counts whole seconds (RFC 9110, section 10.2.3).
/// It is rounded up and never 0.
fn whole_seconds(duration: Duration) -> u64 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    seconds.max(1)
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    #[test]
    fn a_problem_document_has_its_members_and_headers() {
        let problem = Problem::new(ProblemKind::SEATS_TAKEN, "A-1 is taken.")
            .with("seats", vec!["A-1"])
            .retry_after(Duration::from_millis(1_200));
        let response = problem.error_response();
        assert_eq!(response.status(), 409);
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header("retry-after"), "2");
        assert_eq!(header("content-type"), "application/problem+json");
        let body = response.into_body().try_into_bytes().unwrap();
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            document,
            json!({
                "type": "/problems/seats-taken",
                "title": "Seats are taken",
                "status": 409,
                "detail": "A-1 is taken.",
                "seats": ["A-1"],
            })
        );
    }

    #[test]
    fn a_store_failure_shows_no_details_to_clients() {
        let problem = Problem::from(StoreError::not_applied("password of root is wrong"));
        assert!(!problem.to_string().contains("root"));
        assert_eq!(problem.status_code(), 503);
    }

    #[test]
    fn a_full_disk_is_answered_as_a_failure_that_changed_nothing() {
        let problem = Problem::from(StoreError::disk_full(
            "the disk of /data/frontrow.db is full",
        ));
        assert_eq!(problem.status_code(), 503);
        let text = problem.to_string();
        assert!(text.contains("Nothing was changed"), "{text}");
        assert!(!text.contains("/data"), "{text}");
        let response = problem.error_response();
        assert_eq!(response.headers().get("retry-after").unwrap(), "5");
    }
}
