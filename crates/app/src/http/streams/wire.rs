//! Serializes server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::fmt::{Display, Write as _};

use actix_web::web::Bytes;
use frontrow_domain::{model::queue::EventId, read_models::PlaceReport};

use crate::http::{problem::Problem, shapes::PlaceBody};

/// The approximate length of an event with a place, in bytes.
const EVENT_BYTES: usize = 1_280;

/// A part of a stream, as text.
#[derive(Debug, Default)]
pub(super) struct Frame(String);

impl Frame {
    /// Adds a comment, which only shows that the connection is open.
    pub(super) fn comment(mut self) -> Self {
        self.0.push_str(":\n\n");
        self
    }

    /// Adds the delay before the client reconnects, in milliseconds.
    pub(super) fn retry(mut self, after_ms: u64) -> Self {
        // Writing to a string does not fail.
        let _ = write!(self.0, "retry: {after_ms}\n\n");
        self
    }

    /// Adds an event with a place. Its data is the answer of a look-up.
    pub(super) fn place(self, id: &EventId, body: &PlaceBody) -> Self {
        let name = id.state.news.name();
        // Serializing strings and numbers does not fail.
        let data = serde_json::to_string(body).unwrap_or_default();
        self.event(name, Some(id), &data)
    }

    /// Adds the last event of a stream. Its data is a problem document.
    pub(super) fn problem(self, name: &str, id: Option<&str>, problem: &Problem) -> Self {
        self.event(name, id, &problem.document())
    }

    /// Adds an event. `data` is one line, like all JSON here.
    fn event(mut self, name: &str, id: Option<impl Display>, data: &str) -> Self {
        self.0.reserve(EVENT_BYTES);
        let _ = writeln!(self.0, "event: {name}");
        if let Some(id) = id {
            let _ = writeln!(self.0, "id: {id}");
        }
        let _ = write!(self.0, "data: {data}\n\n");
        self
    }

    pub(super) fn into_bytes(mut self) -> Bytes {
        self.0.shrink_to_fit();
        Bytes::from(self.0)
    }
}

/// Returns the shape of a place, and the id of its event.
pub(super) fn event_of(report: &PlaceReport) -> (EventId, PlaceBody) {
    let body = PlaceBody::from(report);
    let id = EventId {
        state: super::state_of(report),
        wait_s: body.estimated_wait_s,
    };
    (id, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_the_standard() {
        let text = |frame: Frame| String::from_utf8(frame.into_bytes().to_vec()).unwrap();
        let frame = Frame::default().retry(1_200).comment();
        assert_eq!(text(frame), "retry: 1200\n\n:\n\n");
        let gone = Frame::default().problem("gone", Some("gone"), &Problem::place_gone());
        let gone = text(gone);
        let (head, data) = gone.split_once("data: ").unwrap();
        assert_eq!(head, "event: gone\nid: gone\n");
        let document: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(document["status"], 410);
        assert!(
            gone.ends_with("}\n\n") && gone.matches('\n').count() == 4,
            "{gone}"
        );
    }
}
