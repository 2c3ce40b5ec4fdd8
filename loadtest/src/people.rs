//! Test users: identities as an identity provider would sign them, and the places that these users
//! joined for.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::{
    client::{Answer, Feed, Load, Pace, Request, Requests},
    program::Program,
    watch,
};

/// Lifetime of an identity, in seconds: longer than any measurement.
const GOOD_FOR_S: u64 = 12 * 3_600;

/// Number of users that are made and join at a time, so that not all requests are in memory at
/// once.
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
    /// Signs with this secret.
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            header: Header::new(Algorithm::HS256),
            signed_at: watch::unix_seconds(),
        }
    }

    /// The identity of a user.
    pub(crate) fn identity(&self, user: &str) -> Result<String> {
        let claims = Claims {
            iss: "https://identity.example.com",
            sub: user,
            iat: self.signed_at,
            exp: self.signed_at + GOOD_FOR_S,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).context("cannot sign an identity")
    }
}

/// The user ids of one series. They differ from those of every other series, and have 36
/// characters, as UUIDs do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series(pub(crate) u32);

impl Series {
    /// The id of one of them.
    pub(crate) fn user(self, number: u64) -> String {
        format!("{:08x}-10ad-4e57-8000-{number:012x}", self.0)
    }
}

/// A user with a place.
#[derive(Debug, Clone)]
pub(crate) struct Person {
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

/// The users who join, and which of them are returned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) series: Series,
    /// The number of the first user.
    pub(crate) first: u64,
    /// The number of users.
    pub(crate) count: u64,
    /// Each user whose number is a multiple of this is returned. With 0, no user is.
    pub(crate) keep_every: u64,
    /// The state that each place must have in the answer to the join.
    pub(crate) state: &'static str,
}

/// Lets a crowd join the queue of `concert` over HTTP, as fast as it can. Returns the users that
/// are kept, in the order of their numbers.
pub(crate) async fn join(
    program: &Program,
    threads: usize,
    connections: usize,
    concert: &str,
    crowd: Crowd,
) -> Result<Vec<Person>> {
    let mut kept = Vec::new();
    let mut done = 0;
    while done < crowd.count {
        let chunk = Crowd {
            first: crowd.first + done,
            count: CHUNK.min(crowd.count - done),
            ..crowd
        };
        let identities = identities(&program.provider, chunk)?;
        let load = Load {
            address: program.address()?,
            connections,
            threads,
            feed: Arc::new(Feed::once(joins(concert, &identities))),
            judge: Arc::new(|_, _| true),
        };
        kept.extend(join_chunk(load, chunk, identities).await?);
        done += chunk.count;
    }
    Ok(kept)
}

async fn join_chunk(
    mut load: Load,
    crowd: Crowd,
    mut identities: Vec<String>,
) -> Result<Vec<Person>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&kept);
    load.judge = Arc::new(move |number, answer: Answer<'_>| {
        if answer.status != 201 {
            return false;
        }
        let Ok(place) = serde_json::from_slice::<Place>(answer.body) else {
            return false;
        };
        let in_series = crowd.first + number as u64;
        if in_series.checked_rem(crowd.keep_every) == Some(0) {
            let mut kept = keeping.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push((number, place.queue_token));
        }
        place.state == crowd.state
    });
    let tally = load.run(Pace::Full, None).await?;
    ensure!(
        tally.unintended == 0 && tally.intended == crowd.count,
        "{} of {} users joined as intended; the first other answer: {}",
        tally.intended,
        crowd.count,
        tally.first_unintended.as_deref().unwrap_or("none"),
    );
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.sort_unstable_by_key(|(number, _)| *number);
    let people = kept.drain(..).filter_map(|(number, token)| {
        let identity = std::mem::take(identities.get_mut(number)?);
        Some(Person { identity, token })
    });
    Ok(people.collect())
}

/// The identities of a crowd.
pub(crate) fn identities(provider: &IdentityProvider, crowd: Crowd) -> Result<Vec<String>> {
    let numbers = crowd.first..crowd.first + crowd.count;
    numbers
        .map(|number| provider.identity(&crowd.series.user(number)))
        .collect()
}

/// The requests with which the users of these identities join.
pub(crate) fn joins(concert: &str, identities: &[String]) -> Requests {
    let body = format!("{{\"concert_id\":\"{concert}\"}}");
    let identities = identities.iter();
    identities
        .map(|identity| join_of(&body, identity))
        .collect()
}

/// The request with which one user joins. `body` names the concert.
pub(crate) fn join_of<'a>(body: &'a str, identity: &'a str) -> Request<'a> {
    Request::post("/v1/queue/tokens", body).identity(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_36_characters_and_no_namesakes() {
        let users = [
            Series(1).user(0),
            Series(1).user(1),
            Series(2).user(0),
            Series(u32::MAX).user(1_000_000),
        ];
        assert!(users.iter().all(|user| user.len() == 36), "{users:?}");
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
