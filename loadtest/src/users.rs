//! Test users: their identities, as an identity provider would sign them, and their joins.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::{
    client::{Answer, Load, Pace, Request, Requests, Workload},
    program::Program,
    watch,
};

/// Lifetime of an identity, in seconds: longer than any measurement.
const IDENTITY_TTL_S: u64 = 12 * 3_600;

/// The number of users who join at a time, so that not all requests are in memory at once.
const CHUNK: u64 = 50_000;

/// Stands in for the users' identity provider.
pub(crate) struct IdentityProvider {
    key: EncodingKey,
    header: Header,
    signed_at: u64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
}

impl IdentityProvider {
    /// Creates a provider that signs with this secret.
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            header: Header::new(Algorithm::HS256),
            signed_at: watch::unix_seconds(),
        }
    }

    /// Returns a signed identity of a user.
    pub(crate) fn identity(&self, user_id: &str) -> Result<String> {
        let claims = Claims {
            iss: "https://identity.example.com",
            sub: user_id,
            iat: self.signed_at,
            exp: self.signed_at + IDENTITY_TTL_S,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).context("cannot sign an identity")
    }
}

/// The user ids of one series. They differ from those of every other series, and have 36
/// characters, as UUIDs do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series(pub(crate) u32);

impl Series {
    /// Returns the id of the user with this number.
    pub(crate) fn user_id(self, number: u64) -> String {
        format!("{:08x}-10ad-4e57-8000-{number:012x}", self.0)
    }
}

/// A user with a place.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) identity: String,
    pub(crate) token: String,
}

/// The fields of a place that are used here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Place {
    pub(crate) queue_token: String,
    pub(crate) state: String,
    /// In the line, from 1. None for an active place.
    pub(crate) position: Option<u64>,
    pub(crate) admitted_at: Option<jiff::Timestamp>,
}

/// Users of one series who join together, and which of them [`join`] returns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cohort {
    pub(crate) series: Series,
    /// The number of the first user.
    pub(crate) first: u64,
    /// The number of users.
    pub(crate) count: u64,
    /// [`join`] returns each user whose number is a multiple of this. With 0, it returns none.
    pub(crate) keep_every: u64,
    /// The state that each answer to a join must have.
    pub(crate) state: &'static str,
}

/// Lets a cohort join the queue of `concert` over HTTP, as fast as possible. Returns the users that
/// `keep_every` selects, in the order of their numbers.
pub(crate) async fn join(
    program: &Program,
    threads: usize,
    connections: usize,
    concert: &str,
    cohort: Cohort,
) -> Result<Vec<User>> {
    let mut kept = Vec::new();
    let mut done = 0;
    while done < cohort.count {
        let chunk = Cohort {
            first: cohort.first + done,
            count: CHUNK.min(cohort.count - done),
            ..cohort
        };
        let identities = identities(&program.provider, chunk)?;
        let load = Load {
            address: program.address()?,
            connections,
            threads,
            workload: Arc::new(Workload::once(join_requests(concert, &identities))),
            check: Arc::new(|_, _| true),
        };
        kept.extend(join_chunk(load, chunk, identities).await?);
        done += chunk.count;
    }
    Ok(kept)
}

async fn join_chunk(
    mut load: Load,
    cohort: Cohort,
    mut identities: Vec<String>,
) -> Result<Vec<User>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&kept);
    load.check = Arc::new(move |number, answer: Answer<'_>| {
        if answer.status != 201 {
            return false;
        }
        let Ok(place) = serde_json::from_slice::<Place>(answer.body) else {
            return false;
        };
        let in_series = cohort.first + number as u64;
        if in_series.checked_rem(cohort.keep_every) == Some(0) {
            let mut kept = keeping.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push((number, place.queue_token));
        }
        place.state == cohort.state
    });
    let tally = load.run(Pace::Full, None).await?;
    ensure!(
        tally.unintended == 0 && tally.intended == cohort.count,
        "{} of {} users joined as intended; the first other answer: {}",
        tally.intended,
        cohort.count,
        tally.first_unintended.as_deref().unwrap_or("none"),
    );
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.sort_unstable_by_key(|(number, _)| *number);
    let users = kept.drain(..).filter_map(|(number, token)| {
        let identity = std::mem::take(identities.get_mut(number)?);
        Some(User { identity, token })
    });
    Ok(users.collect())
}

/// Returns the identities of a cohort.
pub(crate) fn identities(provider: &IdentityProvider, cohort: Cohort) -> Result<Vec<String>> {
    let numbers = cohort.first..cohort.first + cohort.count;
    numbers
        .map(|number| provider.identity(&cohort.series.user_id(number)))
        .collect()
}

/// Returns the requests with which the users of these identities join.
pub(crate) fn join_requests(concert: &str, identities: &[String]) -> Requests {
    let body = format!("{{\"concert_id\":\"{concert}\"}}");
    let identities = identities.iter();
    identities
        .map(|identity| join_request(&body, identity))
        .collect()
}

/// Returns the request with which one user joins. `body` names the concert.
pub(crate) fn join_request<'a>(body: &'a str, identity: &'a str) -> Request<'a> {
    Request::post("/v1/queue/tokens", body).identity(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_have_36_characters_and_are_unique() {
        let users = [
            Series(1).user_id(0),
            Series(1).user_id(1),
            Series(2).user_id(0),
            Series(u32::MAX).user_id(1_000_000),
        ];
        assert!(users.iter().all(|user_id| user_id.len() == 36), "{users:?}");
        let different: std::collections::HashSet<_> = users.iter().collect();
        assert_eq!(different.len(), users.len());
    }

    #[test]
    fn a_place_is_read_from_an_answer() {
        let place: Place = serde_json::from_str(
            r#"{"queue_token":"t","concert_id":"c","state":"active","position":null,
                "admitted_at":"2026-11-22T11:15:39.690361Z"}"#,
        )
        .unwrap();
        assert_eq!(
            (place.queue_token.as_str(), place.state.as_str()),
            ("t", "active")
        );
        assert!(place.admitted_at.is_some());
    }
}
