use std::sync::Arc;

use super::{Browse, TopConcerts};
use crate::{
    model::{Concert, Period, Ranking},
    ports::StoreResult,
};

/// Computes rankings ahead of their readers: each finished period once it is over, and once more when
/// nothing of it can come late any more; realtime every few seconds.
///
/// Every instance does so, and looks into the cache first: where they share one, the first to come
/// claims the work, and the others find it done.
pub struct WarmRankings {
    /// Computes and caches them.
    pub top: Arc<TopConcerts>,
    /// Says what concerts are called now.
    pub browse: Arc<Browse>,
}

impl WarmRankings {
    /// Computes of `periods`, one after the other, what the cache does not have, has of an older period, or
    /// has under titles that have changed since, unless another instance does; gives how many that were. A
    /// server that was down at a turn so catches up at its start.
    ///
    /// # Errors
    /// When the database fails. What does not fail is computed all the same.
    pub async fn run(&self, periods: &[Period]) -> StoreResult<usize> {
        let catalogue = self.browse.catalogue().await;
        // Without it, rankings keep the titles that they have.
        let titles = catalogue.as_ref().ok();
        let mut computed = 0;
        let mut result = Ok(());
        for &period in periods {
            let latest = self.top.latest(period).await;
            let good = latest.as_ref().is_some_and(|latest| {
                !self.top.is_due(latest)
                    && titles
                        .is_none_or(|titles| has_their_titles(&latest.ranking, &titles.concerts))
            });
            if good {
                continue;
            }
            match self.top.compute_ahead(period, latest.as_deref()).await {
                Ok(done) => computed += usize::from(done),
                Err(error) => result = result.and(Err(error)),
            }
        }
        catalogue.and(result).map(|()| computed)
    }
}

/// True when the ranking calls its concerts as the catalogue does.
fn has_their_titles(ranking: &Ranking, catalogue: &[Concert]) -> bool {
    ranking.items.iter().all(|item| {
        let concert = catalogue.iter().find(|concert| concert.id == item.concert);
        concert.is_none_or(|concert| concert.title.as_str() == item.title)
    })
}

#[cfg(test)]
mod tests;
