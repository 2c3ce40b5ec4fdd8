//! What handlers take out of a request.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, dev::Payload, error::PayloadError, web::Bytes,
};
use frontrow_domain::model::{UserId, queue::ActivePlace};
use futures_util::{
    FutureExt,
    future::{Ready, ready},
};
use serde::de::DeserializeOwned;

use super::{problem::Problem, problem_kinds::ProblemKind};

/// The user who asks. Left behind by the route's access check.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) UserId);

/// The active place of the user who asks. Left behind by the route's access check, which is the only
/// way to one.
#[derive(Debug, Clone)]
pub(crate) struct Admitted(pub(crate) ActivePlace);

/// The holder of the admin key. Left behind by the route's access check.
#[derive(Debug, Clone)]
pub(crate) struct AdminName(pub(crate) String);

macro_rules! left_behind {
    ($type:ty, $refusal:expr) => {
        impl FromRequest for $type {
            type Error = Problem;
            type Future = Ready<Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                // A route that was registered without the check lets nobody in.
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
    "The request does not say who asks."
));
left_behind!(Admitted, || Problem::new(
    ProblemKind::NO_QUEUE_TOKEN,
    "The request did not pass the gate."
));
left_behind!(AdminName, || Problem::new(
    ProblemKind::NO_ADMIN_KEY,
    "The request has no admin key of this server."
));

/// The body, read as JSON into a shape.
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
            let bytes = bytes.await.map_err(|error| unread(&error))?;
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

/// Reads JSON. What is no JSON is malformed; JSON of another shape is invalid, and says where.
fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A list would be read as the fields in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid_fields([(
            "body",
            "must be an object".into(),
        )]));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let why = error.into_inner();
        if why.is_data() {
            let field = if field == "." { "body" } else { &field };
            Problem::invalid_fields([(field, without_position(&why.to_string()))])
        } else {
            not_json(&why)
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(
        ProblemKind::MALFORMED,
        format!("The body is no JSON: {error}."),
    )
}

/// The reader adds where in the text it stopped; the field says that better.
fn without_position(text: &str) -> String {
    text.split(" at line ").next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[expect(dead_code, reason = "only reading it is of interest")]
        seats: Vec<u8>,
    }

    fn refusal(text: &str) -> (u16, String) {
        let problem = read_json::<Shape>(text.as_bytes()).unwrap_err();
        (problem.status_code().as_u16(), problem.to_string())
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in ["", "{", "{\"seats\": [1]} x", "{'seats': []}", "\u{0}"] {
            assert_eq!(refusal(text).0, 400, "{text:?}");
        }
        assert_eq!(
            read_json::<Shape>(b"\xff\xfe").unwrap_err().status_code(),
            400
        );
    }

    #[test]
    fn json_of_another_shape_says_which_field() {
        for (text, field) in [
            (r#"{"seats": [1, 300]}"#, "seats[1]"),
            (r#"{"seats": [1.5]}"#, "seats[0]"),
            (r#"{"seats": "A"}"#, "seats"),
            (r#"{"seats": [], "more": 1}"#, "more"),
            ("{}", "seats"),
            ("[[]]", "body"),
            ("7", "body"),
        ] {
            let (status, text) = refusal(text);
            assert_eq!(status, 422, "{text}");
            assert!(text.contains(field), "{field}: {text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_at_all_is_worse_than_that(text in "\\PC{0,200}") {
            if let Err(problem) = read_json::<Shape>(text.as_bytes()) {
                prop_assert!([400, 422].contains(&problem.status_code().as_u16()));
            }
        }
    }
}
