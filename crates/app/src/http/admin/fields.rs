//! Fields of what operators send, read so that everything that is wrong is told at once.

use frontrow_domain::model::Invalid;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::http::problem::Problem;

/// A field that is missing, or what it is to be; so null can be told from missing.
#[derive(Debug, Default)]
pub(super) enum Change<T> {
    /// It is missing.
    #[default]
    Keep,
    /// It is to be this.
    To(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::To)
    }
}

impl<T> Change<T> {
    /// The new value, if there is one.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::To(value) => Some(value),
        }
    }
}

/// A field's value, or why it has none: reading the other fields goes on.
#[derive(Debug)]
pub(super) struct Checked<T>(Result<T, Invalid>);

impl<'de, T: for<'any> Deserialize<'any>> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer).map_err(D::Error::custom)?;
        Ok(Self(
            T::deserialize(value).map_err(|why| Invalid::new(why.to_string())),
        ))
    }
}

impl<T> Checked<T> {
    /// The value as `rule` has it.
    pub(super) fn read<U>(self, rule: impl FnOnce(T) -> Result<U, Invalid>) -> Result<U, Invalid> {
        self.0.and_then(rule)
    }

    /// The value itself.
    pub(super) fn value(self) -> Result<T, Invalid> {
        self.0
    }
}

/// What is wrong with the fields of one request.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    /// How many are told at most.
    const MAX: usize = 50;

    /// The value of a field; its fault is noted.
    pub(super) fn check<T>(&mut self, field: &str, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|why| self.add(field, &why)).ok()
    }

    /// Notes a fault.
    pub(super) fn add(&mut self, field: &str, why: &Invalid) {
        if self.0.len() < Self::MAX {
            self.0.push((field.to_owned(), why.to_string()));
        }
    }

    /// True while nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, as the client is told.
    pub(super) fn problem(self) -> Problem {
        let faults = self.0.iter();
        Problem::invalid_fields(faults.map(|(field, why)| (field.as_str(), why.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Shape {
        #[serde(default)]
        number: Change<Checked<u8>>,
    }

    fn number(text: &str) -> Option<Result<u8, Invalid>> {
        let shape: Shape = serde_json::from_str(text).unwrap();
        shape.number.given().map(Checked::value)
    }

    #[test]
    fn missing_is_not_null_and_a_wrong_value_stops_nothing() {
        assert_eq!(number("{}"), None);
        assert_eq!(number(r#"{"number": 7}"#), Some(Ok(7)));
        for wrong in ["null", "256", "-1", r#""7""#, "[]"] {
            let text = format!(r#"{{"number": {wrong}}}"#);
            assert!(matches!(number(&text), Some(Err(_))), "{wrong}");
        }
    }

    #[test]
    fn not_more_faults_are_told_than_one_can_read() {
        let mut faults = Faults::default();
        for _ in 0..1_000 {
            faults.add("field", &Invalid::new("wrong"));
        }
        assert_eq!(faults.0.len(), Faults::MAX);
    }
}
