//! Spreads the `Retry-After` of 503 responses.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actix_web::{
    dev::ServiceResponse,
    http::header::{self, HeaderValue},
    middleware::ErrorHandlerResponse,
};
use frontrow_domain::model::spread;

/// Spreads the `Retry-After` of every 503.
///
/// An outage reaches every client within a second. If all clients retried after the same time,
/// waiting clients would send more than ten times as many requests as by polling, and all at the
/// same time. So each response has a different time, from the earliest useful one to the longest
/// pause between two polls.
#[derive(Debug)]
pub(crate) struct Retries {
    /// The longest pause between two polls, in whole seconds.
    longest_s: u64,
    answers: AtomicU64,
}

impl Retries {
    /// Spreads the times up to `longest_poll`, the longest pause between two polls.
    pub(crate) fn up_to(longest_poll: Duration) -> Self {
        Self {
            longest_s: longest_poll.as_secs() + u64::from(longest_poll.subsec_nanos() > 0),
            answers: AtomicU64::new(0),
        }
    }

    /// Returns the time of the next response, in seconds, at least `earliest_s`. The range always
    /// has at least two values.
    fn next(&self, earliest_s: u64) -> u64 {
        let latest_s = self.longest_s.max(earliest_s.saturating_add(1));
        let answer = self.answers.fetch_add(1, Ordering::Relaxed);
        earliest_s + spread(answer, latest_s - earliest_s + 1)
    }

    /// Spreads the `Retry-After` of a response. Its present value is the earliest time.
    pub(crate) fn put_off<B>(&self, mut answer: ServiceResponse<B>) -> ErrorHandlerResponse<B> {
        let headers = answer.response_mut().headers_mut();
        let earliest = headers.get(header::RETRY_AFTER);
        let earliest = earliest.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let after = self.next(earliest.unwrap_or(1).max(1));
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after));
        ErrorHandlerResponse::Response(answer.map_into_left_body())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use actix_web::{HttpResponse, test::TestRequest};
    use frontrow_domain::ports::StoreError;

    use super::*;
    use crate::http::problem::Problem;

    /// Returns the `Retry-After` of a response, in seconds.
    fn retry_after_s(retries: &Retries, answer: HttpResponse) -> u64 {
        let request = TestRequest::default().to_http_request();
        let answer = ServiceResponse::new(request, answer);
        let ErrorHandlerResponse::Response(answer) = retries.put_off(answer) else {
            panic!("the response is ready at once");
        };
        let after = answer.headers().get(header::RETRY_AFTER).unwrap();
        after.to_str().unwrap().parse().unwrap()
    }

    fn failed() -> HttpResponse {
        HttpResponse::from_error(Problem::from(StoreError::not_applied("it is down")))
    }

    #[test]
    fn failures_are_spread_evenly_over_the_longest_poll() {
        for (longest_ms, latest) in [(15_000, 15), (14_001, 15), (2_000, 2), (250, 2)] {
            let retries = Retries::up_to(Duration::from_millis(longest_ms));
            let mut counts = BTreeMap::new();
            for _ in 0..1_000 {
                *counts
                    .entry(retry_after_s(&retries, failed()))
                    .or_insert(0_u64) += 1;
            }
            assert!(counts.keys().copied().eq(1..=latest), "{counts:?}");
            let mean = 1_000 / latest;
            let even = counts.values().all(|count| count.abs_diff(mean) <= 5);
            assert!(even, "{counts:?}");
        }
    }

    #[test]
    fn no_retry_is_earlier_than_the_store_error_allows() {
        for (longest_s, latest) in [(15, 15), (5, 6), (1, 6)] {
            let retries = Retries::up_to(Duration::from_secs(longest_s));
            let full = || HttpResponse::from_error(Problem::from(StoreError::disk_full("full")));
            let times: Vec<_> = (0..1_000)
                .map(|_| retry_after_s(&retries, full()))
                .collect();
            let ends = (times.iter().min(), times.iter().max());
            assert_eq!(ends, (Some(&5), Some(&latest)));
        }
    }

    #[test]
    fn a_response_without_retry_after_gets_one() {
        let retries = Retries::up_to(Duration::from_secs(15));
        let bare = HttpResponse::ServiceUnavailable().finish();
        assert!((1..=15).contains(&retry_after_s(&retries, bare)));
    }
}
