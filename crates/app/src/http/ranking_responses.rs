//! The serialized rankings, shared by all requests.

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use frontrow_domain::{
    model::{PerPeriod, Ranking},
    read_models::RankingAnswer,
};
use sha2::{Digest, Sha256};

use super::{conditional::Tagged, shapes::RankingBody};

/// The serialized last answer of each period, for each requested limit.
#[derive(Default)]
pub(crate) struct RankingResponses(PerPeriod<RwLock<Option<SerializedCache>>>);

struct SerializedCache {
    /// Kept alive, so that no other answer can have the same address.
    answer: Arc<RankingAnswer>,
    by_limit: Vec<Option<Arc<Tagged>>>,
}

impl RankingResponses {
    /// Returns the first `limit` concerts of `answer` as JSON. Serializes them if necessary.
    pub(crate) fn page(&self, answer: &Arc<RankingAnswer>, limit: u8) -> Arc<Tagged> {
        let written = self.0.of(answer.ranking.period);
        let found = written
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .and_then(|written| written.page(answer, limit));
        if let Some(page) = found {
            return page;
        }
        let page = Arc::new(write(answer, limit));
        let mut written = written.write().unwrap_or_else(PoisonError::into_inner);
        let same = written
            .take()
            .filter(|written| Arc::ptr_eq(&written.answer, answer));
        let mut now = same.unwrap_or_else(|| SerializedCache {
            answer: Arc::clone(answer),
            by_limit: vec![None; usize::from(Ranking::MAX_ITEMS) + 1],
        });
        if let Some(place) = now.by_limit.get_mut(usize::from(limit)) {
            *place = Some(Arc::clone(&page));
        }
        *written = Some(now);
        page
    }
}

impl SerializedCache {
    fn page(&self, answer: &Arc<RankingAnswer>, limit: u8) -> Option<Arc<Tagged>> {
        let place = self.by_limit.get(usize::from(limit))?;
        place.clone().filter(|_| Arc::ptr_eq(&self.answer, answer))
    }
}

/// Serializes the first `limit` concerts of an answer. The ETag is a digest, so all instances use
/// the same one for the same content.
fn write(answer: &RankingAnswer, limit: u8) -> Tagged {
    // Serializing strings and numbers does not fail.
    let body = serde_json::to_vec(&RankingBody::new(answer, limit)).unwrap_or_default();
    let digest = Sha256::digest(&body);
    let half = digest.get(..16).unwrap_or(&digest);
    Tagged::new(BASE64.encode(half), body)
}

#[cfg(test)]
mod tests {
    use frontrow_domain::model::{ConcertId, Period, RankedConcert, Span};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn answer(seats_sold: &[u64]) -> Arc<RankingAnswer> {
        let ranked = |&seats_sold: &u64| RankedConcert {
            concert: ConcertId(Uuid::nil()),
            title: "A concert".into(),
            seats_sold,
        };
        let (from, to) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        Arc::new(RankingAnswer {
            ranking: Ranking {
                period: Period::Daily,
                span: Span { from, to },
                as_of: to,
                items: seats_sold.iter().map(ranked).collect(),
            },
            stale: false,
            replaced_at: to,
        })
    }

    #[test]
    fn an_answer_is_serialized_once_for_each_limit() {
        let pages = RankingResponses::default();
        let answer = answer(&[3, 2, 1]);
        let (one, two) = (pages.page(&answer, 1), pages.page(&answer, 2));
        assert!(Arc::ptr_eq(&one, &pages.page(&answer, 1)));
        assert!(Arc::ptr_eq(&two, &pages.page(&answer, 2)));
        assert_ne!((&one.tag, &one.body), (&two.tag, &two.body));
    }

    #[test]
    fn another_answer_is_serialized_again() {
        let pages = RankingResponses::default();
        let before = pages.page(&answer(&[3]), 20);
        let after = pages.page(&answer(&[4]), 20);
        assert_ne!((&before.tag, &before.body), (&after.tag, &after.body));
        let again = pages.page(&answer(&[3]), 20);
        assert_eq!((&before.tag, &before.body), (&again.tag, &again.body));
    }
}
