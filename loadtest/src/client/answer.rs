//! Parses a response, only as far as the measurements need it.

use anyhow::{Context, Result, bail};

/// More headers than any response of the program has.
const HEADERS_MAX: usize = 32;

/// One response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The value of `Retry-After`, in seconds. None without this header.
    pub(crate) retry_after_s: Option<u64>,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// The head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u64>,
    /// The offset of the body, in bytes.
    pub(crate) body_at: usize,
    /// The length of the body, in bytes.
    pub(crate) body_len: usize,
}

impl Head {
    /// Parses the head of a response. None while the head is incomplete. Errors if it states no
    /// length: no measured route sends such a response.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(body_at) = response.parse(bytes)? else {
            return Ok(None);
        };
        let status = response.code.context("a response has no status")?;
        let body_len = match length_in(response.headers)? {
            Some(length) => length,
            // These have no body (RFC 9110, sections 15.3.5 and 15.4.5).
            None if matches!(status, 204 | 304) => 0,
            None => bail!("a response with status {status} does not state its length"),
        };
        let retry_after = value_of(response.headers, "retry-after");
        Ok(Some(Self {
            status,
            retry_after_s: retry_after.and_then(|text| text.parse().ok()),
            body_at,
            body_len,
        }))
    }

    /// Returns the length of the whole response, in bytes.
    pub(crate) fn end(self) -> usize {
        self.body_at + self.body_len
    }
}

fn value_of<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let mut headers = headers.iter();
    let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
    // All headers that are read here have ASCII values.
    Some(std::str::from_utf8(header.value).unwrap_or_default())
}

fn length_in(headers: &[httparse::Header<'_>]) -> Result<Option<usize>> {
    let Some(text) = value_of(headers, "content-length") else {
        return Ok(None);
    };
    let bytes = text
        .parse()
        .with_context(|| format!("{text:?} is not a length"))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\nx: y\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_head_has_the_offset_and_the_length_of_the_body() {
        let head = Head::read(ANSWER).unwrap().unwrap();
        assert_eq!((head.status, head.body_len), (201, 5));
        assert_eq!(&ANSWER[head.body_at..head.end()], b"hello");
    }

    #[test]
    fn an_incomplete_head_is_none() {
        let head = ANSWER.len() - b"hello".len();
        for length in 0..head {
            assert_eq!(Head::read(&ANSWER[..length]).unwrap(), None, "{length}");
        }
        assert!(Head::read(&ANSWER[..head]).unwrap().is_some());
    }

    #[test]
    fn an_answer_without_body_ends_with_its_head() {
        let bytes = b"HTTP/1.1 204 No Content\r\n\r\n";
        let head = Head::read(bytes).unwrap().unwrap();
        assert_eq!((head.status, head.end()), (204, bytes.len()));
    }

    #[test]
    fn a_head_has_the_seconds_of_retry_after() {
        let read = |bytes: &[u8]| Head::read(bytes).unwrap().unwrap().retry_after_s;
        let unavailable = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n";
        assert_eq!((read(unavailable), read(ANSWER)), (Some(7), None));
    }

    #[test]
    fn a_response_without_a_length_or_of_another_protocol_is_an_error() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: much\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n",
        ] {
            assert!(Head::read(bytes).is_err());
        }
    }
}
