use std::sync::Arc;

use crate::{
    model::{Concert, Period, Ranking},
    ports::StoreResult,
};
use crate::{read_models::TopConcerts, use_cases::Browse};

/// Computes rankings ahead of their readers: each finished period once it is over, and once more
/// when no late sale can change it any more. Realtime every few seconds.
///
/// Every instance does so, and looks into the cache first. If they share one, the first instance
/// takes the lease, and the others find the ranking there.
pub struct WarmRankings {
    /// Computes and caches the rankings.
    pub top: Arc<TopConcerts>,
    /// Knows the present titles of concerts.
    pub browse: Arc<Browse>,
}

impl WarmRankings {
    /// Computes the rankings of `periods`, one after the other, unless the cache has a current one
    /// with the present titles or another instance computes it. So a server that was down at a turn
    /// catches up at its start. Returns how many rankings it computed.
    ///
    /// # Errors
    /// When the database fails. The other rankings are still computed.
    pub async fn run(&self, periods: &[Period]) -> StoreResult<usize> {
        let catalogue = self.browse.catalogue().await;
        // Without the catalogue, rankings keep the titles that they have.
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

/// True if the ranking has the titles of the catalogue.
fn has_their_titles(ranking: &Ranking, catalogue: &[Concert]) -> bool {
    ranking.items.iter().all(|item| {
        let concert = catalogue.iter().find(|concert| concert.id == item.concert);
        concert.is_none_or(|concert| concert.title.as_str() == item.title)
    })
}

#[cfg(test)]
mod tests;
