//! Parses JSON bodies into the shapes of requests.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{problem::Problem, problem_kinds::ProblemKind};

/// A shape that is accepted only as an object. The derived reader alone would also accept a list,
/// as the fields in their order.
#[derive(Debug, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// Parses an object. Text that is not JSON is malformed. JSON of another shape is invalid, and the
/// problem names the field.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner();
        if why.is_data() {
            let why = without_position(&why.to_string());
            Problem::invalid_fields([(field(&path, &why).as_str(), why)])
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
        format!("The body is not JSON: {error}."),
    )
}

/// Removes the position in the text, which the reader appends. The field is more useful.
fn without_position(text: &str) -> String {
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or(text).to_owned()
}

/// Returns the field that is not valid. The reader names a missing or duplicate member only in its
/// text. The path leads to the object that it belongs to.
fn field(path: &str, why: &str) -> String {
    let within = if path == "." { "" } else { path };
    let member = ["missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| why.strip_prefix(start)?.strip_suffix('`'));
    match (within, member) {
        ("", None) => "body".to_owned(),
        ("", Some(member)) => member.to_owned(),
        (within, Some(member)) if within != member => format!("{within}.{member}"),
        (within, _) => within.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::http::{
        admin::{
            concerts::{ConcertChange, NewConcertBody},
            performances::{NewPerformanceBody, PerformanceChange},
            policy_shape::PolicyChange,
        },
        points::ChargeBody,
        queue::JoinBody,
        reservations::HoldBody,
    };

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[expect(dead_code, reason = "only reading it is of interest")]
        seats: Vec<u8>,
        #[serde(default)]
        #[expect(dead_code, reason = "only reading it is of interest")]
        rows: Vec<Object<Row>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        #[expect(dead_code, reason = "only reading it is of interest")]
        name: String,
    }

    fn refusal(text: &str) -> (u16, String) {
        let problem = read_json::<Shape>(text.as_bytes()).unwrap_err();
        (problem.status_code().as_u16(), problem.to_string())
    }

    #[test]
    fn a_body_that_is_not_json_is_malformed() {
        for text in ["", "{", "{\"seats\": [1]} x", "{'seats': []}", "\u{0}"] {
            assert_eq!(refusal(text).0, 400, "{text:?}");
        }
        assert_eq!(
            read_json::<Shape>(b"\xff\xfe").unwrap_err().status_code(),
            400
        );
    }

    #[test]
    fn json_of_another_shape_is_refused_with_the_field() {
        for (text, field) in [
            (r#"{"seats": [1, 300]}"#, "seats[1]"),
            (r#"{"seats": [1.5]}"#, "seats[0]"),
            (r#"{"seats": "A"}"#, "seats"),
            (r#"{"seats": [], "more": 1}"#, "more"),
            (r#"{"seats": [], "seats": []}"#, "seats"),
            (
                r#"{"seats": [], "rows": [{"name": "A"}, {}]}"#,
                "rows[1].name",
            ),
            (r#"{"seats": [], "rows": [["A"]]}"#, "rows[0]"),
            ("{}", "seats"),
            ("[[]]", "body"),
            ("[[], []]", "body"),
            ("null", "body"),
            ("7", "body"),
        ] {
            let (status, answer) = refusal(text);
            assert_eq!(status, 422, "{answer}");
            let named = answer.split(": ").nth(1).unwrap();
            assert_eq!(named, field, "{text}: {answer}");
        }
    }

    /// Returns the status with which each request shape refuses `bytes`. None if it accepts them.
    fn statuses(bytes: &[u8]) -> Vec<Option<u16>> {
        fn status<T: DeserializeOwned>(bytes: &[u8]) -> Option<u16> {
            let problem = read_json::<T>(bytes).err()?;
            Some(problem.status_code().as_u16())
        }
        vec![
            status::<JoinBody>(bytes),
            status::<HoldBody>(bytes),
            status::<ChargeBody>(bytes),
            status::<NewConcertBody>(bytes),
            status::<ConcertChange>(bytes),
            status::<NewPerformanceBody>(bytes),
            status::<PerformanceChange>(bytes),
            status::<PolicyChange>(bytes),
        ]
    }

    /// Generates JSON with fields of requests and with other fields.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
            prop::sample::select(vec!["R1-1", "open", "2099-01-01T00:00:00Z"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let name = prop_oneof![
                9 => prop::sample::select(vec![
                    "concert_id", "performance_id", "seats", "amount", "title", "queue", "venue",
                    "starts_at", "sections", "name", "price", "rows", "state", "opens_at",
                    "throughput", "admit", "interval_s", "capacity", "max_active",
                    "waiting_ttl_s", "claim_ttl_s", "active_ttl_s", "max_waiting",
                    "absent_after_s",
                ])
                .prop_map(str::to_owned),
                1 => "\\PC{0,10}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_accepted_malformed_or_invalid(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            for status in statuses(&bytes) {
                prop_assert!(matches!(status, None | Some(400 | 422)), "{:?}", status);
            }
        }

        #[test]
        fn any_text_is_accepted_malformed_or_invalid(text in "\\PC{0,200}") {
            for status in statuses(text.as_bytes()) {
                prop_assert!(matches!(status, None | Some(400 | 422)), "{:?}", status);
            }
        }

        #[test]
        fn valid_json_is_never_malformed(value in json()) {
            for status in statuses(value.to_string().as_bytes()) {
                prop_assert!(matches!(status, None | Some(422)), "{:?}", status);
            }
        }
    }
}
