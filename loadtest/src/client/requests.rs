//! Requests that are serialized before a measurement.

use std::io::Write;

/// One request, to be serialized.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// Begins with a slash.
    pub(crate) path: &'a str,
    /// A JWT of the identity provider.
    pub(crate) identity: Option<&'a str>,
    pub(crate) queue_token: Option<&'a str>,
    /// The body, as JSON.
    pub(crate) body: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Creates the request `GET path`, without an identity.
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            identity: None,
            queue_token: None,
            body: None,
        }
    }

    /// Creates the request `POST path` with this JSON, without an identity.
    pub(crate) fn post(path: &'a str, body: &'a str) -> Self {
        Self {
            method: "POST",
            body: Some(body),
            ..Self::get(path)
        }
    }

    /// Returns the same request with an identity.
    pub(crate) fn identity(self, identity: &'a str) -> Self {
        Self {
            identity: Some(identity),
            ..self
        }
    }

    /// Returns the same request with a queue token.
    pub(crate) fn queue_token(self, token: &'a str) -> Self {
        Self {
            queue_token: Some(token),
            ..self
        }
    }

    /// Returns a request to the bare route with the same headers.
    pub(crate) fn bare(self) -> Self {
        Self {
            method: "GET",
            path: crate::bare::PATH,
            body: None,
            ..self
        }
    }
}

/// Any number of serialized requests, in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    /// The end of each request in the buffer.
    ends: Vec<usize>,
}

impl Requests {
    /// Adds a request.
    pub(crate) fn push(&mut self, request: Request<'_>) {
        let bytes = &mut self.bytes;
        let mut line = |parts: &[&str]| {
            for part in parts {
                bytes.extend_from_slice(part.as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
        };
        line(&[request.method, " ", request.path, " HTTP/1.1"]);
        line(&["Host: tickets.example.com"]);
        line(&["Accept: application/json"]);
        if let Some(identity) = request.identity {
            line(&["Authorization: Bearer ", identity]);
        }
        if let Some(token) = request.queue_token {
            line(&["Queue-Token: ", token]);
        }
        if let Some(body) = request.body {
            line(&["Content-Type: application/json"]);
            // Writing to a vector does not fail.
            let _ = write!(self.bytes, "Content-Length: {}\r\n", body.len());
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes
            .extend_from_slice(request.body.unwrap_or_default().as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// Returns the number of requests.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the bytes of a request, by its number from 0. None beyond the last one.
    pub(crate) fn get(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends.get(number)?;
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(start..end)
    }
}

impl<'a> FromIterator<Request<'a>> for Requests {
    fn from_iter<I: IntoIterator<Item = Request<'a>>>(all: I) -> Self {
        let mut requests = Self::default();
        for request in all {
            requests.push(request);
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_serialized_as_http() {
        let requests: Requests = [
            Request::get("/a").queue_token("q"),
            Request::post("/b", "{}").identity("i"),
        ]
        .into_iter()
        .collect();
        assert_eq!(requests.len(), 2);
        let text = |number| std::str::from_utf8(requests.get(number).unwrap()).unwrap();
        assert_eq!(
            text(0),
            "GET /a HTTP/1.1\r\nHost: tickets.example.com\r\nAccept: application/json\r\n\
             Queue-Token: q\r\n\r\n"
        );
        assert_eq!(
            text(1),
            "POST /b HTTP/1.1\r\nHost: tickets.example.com\r\nAccept: application/json\r\n\
             Authorization: Bearer i\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        );
        assert_eq!(requests.get(2), None);
    }

    #[test]
    fn a_bare_request_has_the_same_headers() {
        let request = Request::post("/b", "{}").identity("i").queue_token("q");
        let requests: Requests = [request.bare()].into_iter().collect();
        let text = String::from_utf8(requests.get(0).unwrap().to_vec()).unwrap();
        assert!(text.starts_with("GET /constant "), "{text}");
        assert!(
            text.ends_with("Bearer i\r\nQueue-Token: q\r\n\r\n"),
            "{text}"
        );
    }
}
