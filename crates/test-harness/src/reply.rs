use anyhow::{Context, Result, ensure};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, if it is JSON. Otherwise null.
    pub json: Value,
    /// The body as text.
    pub text: String,
    /// The request, for messages.
    asked: String,
}

impl Reply {
    pub(crate) fn new(asked: String, status: u16, headers: HeaderMap, text: String) -> Self {
        Self {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            asked,
        }
    }

    /// Returns the answer if it has this status. Otherwise errors with the whole answer.
    pub fn expect_status(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "{} answered {} instead of {status}: {}",
            self.asked,
            self.status,
            self.text,
        );
        Ok(self)
    }

    /// Returns a header's value. None if it is missing or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the value at a JSON pointer (RFC 6901), such as `/queue/state`.
    pub fn at(&self, pointer: &str) -> Result<&Value> {
        self.json
            .pointer(pointer)
            .with_context(|| format!("{} has no {pointer}: {}", self.asked, self.text))
    }

    /// Returns the text at a JSON pointer.
    pub fn text_at(&self, pointer: &str) -> Result<&str> {
        self.at(pointer)?
            .as_str()
            .with_context(|| format!("{}: {pointer} is no text: {}", self.asked, self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        let asked = "GET /thing".to_owned();
        Reply::new(asked, 200, HeaderMap::new(), text.to_owned())
    }

    #[test]
    fn a_body_that_is_not_json_is_null() {
        assert_eq!(reply("hello").json, Value::Null);
        assert_eq!(reply("").json, Value::Null);
        assert_eq!(reply("[1]").json, serde_json::json!([1]));
    }

    #[test]
    fn another_status_shows_the_answer() {
        let error = reply("the body").expect_status(404).unwrap_err();
        let message = "GET /thing answered 200 instead of 404: the body";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn values_are_found_by_pointer() {
        let reply = reply(r#"{"queue":{"state":"open","length":3}}"#);
        assert_eq!(reply.text_at("/queue/state").unwrap(), "open");
        assert_eq!(reply.at("/queue/length").unwrap(), 3);
        assert!(reply.text_at("/queue/length").is_err());
        assert!(reply.at("/nowhere").is_err());
    }
}
