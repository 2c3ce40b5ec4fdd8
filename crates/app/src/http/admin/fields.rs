//! Reads the fields of admin requests so that one answer lists all fields that are not valid.

use frontrow_domain::model::Invalid;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::http::problem::Problem;

/// A field that is missing, or its new value. It distinguishes null from missing.
#[derive(Debug, Default)]
pub(super) enum Change<T> {
    /// The field is missing and stays unchanged.
    #[default]
    Keep,
    /// The field gets this value.
    To(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::To)
    }
}

impl<T> Change<T> {
    /// Returns the new value. None if the field is missing.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::To(value) => Some(value),
        }
    }
}

/// A field's value, or the reason why it is not valid. Reading continues with the other fields.
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
    /// Returns the value, checked and converted by `rule`.
    pub(super) fn read<U>(self, rule: impl FnOnce(T) -> Result<U, Invalid>) -> Result<U, Invalid> {
        self.0.and_then(rule)
    }

    /// Returns the value itself.
    pub(super) fn value(self) -> Result<T, Invalid> {
        self.0
    }
}

/// The fields of one request that are not valid.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    /// The maximum number of reported faults.
    const MAX: usize = 50;

    /// Returns the value of a field, or records its fault and returns None.
    pub(super) fn check<T>(&mut self, field: &str, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|why| self.add(field, &why)).ok()
    }

    /// Records a fault.
    pub(super) fn add(&mut self, field: &str, why: &Invalid) {
        if self.0.len() < Self::MAX {
            self.0.push((field.to_owned(), why.to_string()));
        }
    }

    /// True while no fault is recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the problem that lists all faults.
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
    fn a_missing_field_is_not_null_and_a_wrong_value_does_not_stop_reading() {
        assert_eq!(number("{}"), None);
        assert_eq!(number(r#"{"number": 7}"#), Some(Ok(7)));
        for wrong in ["null", "256", "-1", r#""7""#, "[]"] {
            let text = format!(r#"{{"number": {wrong}}}"#);
            assert!(matches!(number(&text), Some(Err(_))), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_reported_faults_is_bounded() {
        let mut faults = Faults::default();
        for _ in 0..1_000 {
            faults.add("field", &Invalid::new("wrong"));
        }
        assert_eq!(faults.0.len(), Faults::MAX);
    }
}
