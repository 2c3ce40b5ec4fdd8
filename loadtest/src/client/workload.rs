//! The requests of a load, and which of them is sent next.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Requests;

/// Requests that are shared by all connections.
#[derive(Debug)]
pub(crate) struct Workload {
    requests: Requests,
    next: AtomicUsize,
    repeats: bool,
}

impl Workload {
    /// Creates a workload that sends each request once.
    pub(crate) fn once(requests: Requests) -> Self {
        Self {
            requests,
            next: AtomicUsize::new(0),
            repeats: false,
        }
    }

    /// Creates a workload that sends all requests in turn, without end. A new slice continues where
    /// the last one stopped.
    pub(crate) fn repeating(requests: Requests) -> Self {
        Self {
            repeats: true,
            ..Self::once(requests)
        }
    }

    /// Returns the next request and its number. None after the last request.
    pub(crate) fn next(&self) -> Option<(usize, &[u8])> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let number = if self.repeats {
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

    fn two_requests() -> Requests {
        [Request::get("/0"), Request::get("/1")]
            .into_iter()
            .collect()
    }

    fn numbers(workload: &Workload) -> Vec<Option<usize>> {
        (0..4)
            .map(|_| workload.next().map(|(number, _)| number))
            .collect()
    }

    #[test]
    fn a_workload_ends_or_repeats() {
        assert_eq!(
            numbers(&Workload::once(two_requests())),
            [Some(0), Some(1), None, None]
        );
        assert_eq!(
            numbers(&Workload::repeating(two_requests())),
            [Some(0), Some(1), Some(0), Some(1)]
        );
        assert_eq!(
            numbers(&Workload::repeating(Requests::default())),
            [None; 4]
        );
    }
}
