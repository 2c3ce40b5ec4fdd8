//! Looks up the places of users at the end of a measurement.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, bail};
use tokio::time::sleep;

use super::{queues::LOOK_UP, test_bed::TestBed};
use crate::{
    client::{Answer, Pace, Request, Workload},
    users::{Place, User},
};

/// The number of attempts for look-ups that the service refuses.
const ATTEMPTS: u32 = 20;

/// The pause before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// The places of some users.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The admissions of users who are active, in µs since 1970 by the store's clock, sorted.
    pub(crate) admitted_us: Vec<i64>,
    /// The number of users who wait.
    pub(crate) waiting: u64,
    /// The number of users whose place is gone.
    pub(crate) gone: u64,
}

impl Places {
    /// Looks up the places of these users. Errors if the service refuses look-ups in all attempts.
    pub(crate) async fn of(test_bed: &TestBed, users: &[&User]) -> Result<Self> {
        let mut places = Self::default();
        let mut left = users.to_vec();
        for _ in 0..ATTEMPTS {
            let answers = Arc::new(Mutex::new(vec![None; left.len()]));
            let recorded = Arc::clone(&answers);
            let check = move |number: usize, answer: Answer<'_>| {
                let mut answers = recorded.lock().unwrap_or_else(PoisonError::into_inner);
                let found = found(answer);
                let is_found = found.is_some();
                if let Some(place) = answers.get_mut(number) {
                    *place = found;
                }
                is_found
            };
            let requests = left.iter();
            let requests = requests.map(|user| Request::get(LOOK_UP).queue_token(&user.token));
            let load = test_bed.load(Workload::once(requests.collect()), Arc::new(check))?;
            let tally = load.run(Pace::Full, None).await?;
            let answers = answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            left = places.add(&left, &answers);
            if left.is_empty() {
                places.admitted_us.sort_unstable();
                return Ok(places);
            }
            if let Some(first) = tally.first_unintended {
                eprintln!("loadtest: {} look-ups were refused: {first}", left.len());
            }
            sleep(PAUSE).await;
        }
        bail!("{} users cannot be looked up", left.len())
    }

    /// Counts the found places. Returns the users whose look-up must be repeated.
    fn add<'a>(&mut self, users: &[&'a User], found: &[Option<Found>]) -> Vec<&'a User> {
        let mut left = Vec::new();
        for (user, found) in users.iter().zip(found) {
            match found {
                Some(Found::AdmittedAt(micros)) => self.admitted_us.push(*micros),
                Some(Found::Waiting) => self.waiting += 1,
                Some(Found::Gone) => self.gone += 1,
                None => left.push(*user),
            }
        }
        left
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    AdmittedAt(i64),
    Waiting,
    Gone,
}

/// Parses an answer. None if it neither has a place nor reports that the place is gone.
fn found(answer: Answer<'_>) -> Option<Found> {
    match answer.status {
        200 => {
            let place: Place = serde_json::from_slice(answer.body).ok()?;
            let admitted_at = place.admitted_at.map(jiff::Timestamp::as_microsecond);
            Some(admitted_at.map_or(Found::Waiting, Found::AdmittedAt))
        }
        410 => Some(Found::Gone),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_of_an_answer_decide_what_is_found() {
        let found = |status, body: &str| {
            found(Answer {
                status,
                retry_after_s: None,
                body: body.as_bytes(),
            })
        };
        let active = r#"{"queue_token":"t","state":"active","position":null,
            "admitted_at":"1970-01-01T00:00:02.5Z"}"#;
        let waiting = r#"{"queue_token":"t","state":"waiting","position":7,"admitted_at":null}"#;
        assert_eq!(found(200, active), Some(Found::AdmittedAt(2_500_000)));
        assert_eq!(found(200, waiting), Some(Found::Waiting));
        assert_eq!(found(410, "{}"), Some(Found::Gone));
        assert_eq!(found(503, "{}"), None);
        assert_eq!(found(200, "{}"), None);
    }
}
