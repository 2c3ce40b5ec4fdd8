//! The extractors of the handlers.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, dev::Payload, error::PayloadError, web::Bytes,
};
use frontrow_domain::model::{UserId, queue::ActivePlace};
use futures_util::{
    FutureExt,
    future::{Ready, ready},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{json::read_json, problem::Problem, problem_kinds::ProblemKind};

/// The user of a request. Stored by the access check of the route.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) UserId);

/// The active place of the user of a request. Stored by the access check of the route, which is the
/// only way to get one.
#[derive(Debug, Clone)]
pub(crate) struct Admitted(pub(crate) ActivePlace);

/// The holder of the admin key. Stored by the access check of the route.
#[derive(Debug, Clone)]
pub(crate) struct AdminName(pub(crate) String);

macro_rules! left_behind {
    ($type:ty, $refusal:expr) => {
        impl FromRequest for $type {
            type Error = Problem;
            type Future = Ready<Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                // A route that was registered without the check refuses every request.
                ready(
                    request
                        .extensions()
                        .get::<Self>()
                        .cloned()
                        .ok_or_else($refusal),
                )
            }
        }
    };
}

left_behind!(Caller, || Problem::new(
    ProblemKind::NO_IDENTITY,
    "The request has no identity."
));
left_behind!(Admitted, || Problem::new(
    ProblemKind::NO_QUEUE_TOKEN,
    "The request did not pass the gate."
));
left_behind!(AdminName, || Problem::new(
    ProblemKind::NO_ADMIN_KEY,
    "The request has no admin key of this server."
));

/// The time limit for a body. A slower client would occupy a connection for too long.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// The JSON body of a request.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let bytes = Bytes::from_request(request, payload);
        async move {
            if !is_json {
                return Err(Problem::new(
                    ProblemKind::NOT_JSON,
                    "The Content-Type is not application/json.",
                ));
            }
            let bytes = timeout(BODY_LIMIT, bytes)
                .await
                .map_err(|_| {
                    Problem::new(ProblemKind::TOO_SLOW, "The body did not arrive in time.")
                })?
                .map_err(|error| unread(&error))?;
            read_json(&bytes).map(Self)
        }
        .boxed_local()
    }
}

fn is_json(request: &HttpRequest) -> bool {
    match request.mime_type() {
        Ok(None) => true,
        Ok(Some(mime)) => {
            mime.subtype() == "json" || mime.suffix().is_some_and(|suffix| suffix == "json")
        }
        Err(_) => false,
    }
}

fn unread(error: &actix_web::Error) -> Problem {
    if let Some(PayloadError::Overflow) = error.as_error() {
        return Problem::new(ProblemKind::TOO_LARGE, "The body is too large.");
    }
    Problem::new(ProblemKind::MALFORMED, "The body could not be read.")
}
