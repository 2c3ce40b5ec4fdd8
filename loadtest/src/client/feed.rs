//! Decides which request is sent next.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Requests;

/// Requests that are shared by all connections.
#[derive(Debug)]
pub(crate) struct Feed {
    requests: Requests,
    next: AtomicUsize,
    again: bool,
}

impl Feed {
    /// Sends each request once.
    pub(crate) fn once(requests: Requests) -> Self {
        Self {
            requests,
            next: AtomicUsize::new(0),
            again: false,
        }
    }

    /// Sends all requests in turn, again and again. A new slice continues where the last one
    /// stopped.
    pub(crate) fn around(requests: Requests) -> Self {
        Self {
            again: true,
            ..Self::once(requests)
        }
    }

    /// Returns the next request and its number. None when all were sent.
    pub(crate) fn next(&self) -> Option<(usize, &[u8])> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let number = if self.again {
            turn.checked_rem(self.requests.len())?
        } else {
            turn
        };
        Some((number, self.requests.get(number)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Request;

    fn two() -> Requests {
        [Request::get("/0"), Request::get("/1")]
            .into_iter()
            .collect()
    }

    fn numbers(feed: &Feed) -> Vec<Option<usize>> {
        (0..4)
            .map(|_| feed.next().map(|(number, _)| number))
            .collect()
    }

    #[test]
    fn a_feed_ends_or_goes_around() {
        assert_eq!(numbers(&Feed::once(two())), [Some(0), Some(1), None, None]);
        assert_eq!(
            numbers(&Feed::around(two())),
            [Some(0), Some(1), Some(0), Some(1)]
        );
        assert_eq!(numbers(&Feed::around(Requests::default())), [None; 4]);
    }
}
