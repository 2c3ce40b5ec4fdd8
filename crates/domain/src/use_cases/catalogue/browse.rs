use std::{hash::Hash, sync::Arc, time::Duration};

use futures_util::lock::Mutex;
use moka::future::Cache;

use crate::read_models::SeatMapView;
use crate::{
    model::{Concert, ConcertId, Page, PageRequest, Performance, PerformanceId},
    ports::{Catalogue, Clock, Concerts, StoreError, StoreResult},
};

/// Shows concerts, performances and seats from snapshots that this instance keeps for at most
/// [`Browse::MAX_AGE`] after the query that made them. However many callers there are, the database
/// gets at most one query at a time for the same snapshot.
///
/// Snapshots are for display. Holds ask the database.
pub struct Browse {
    concerts: Arc<dyn Concerts>,
    clock: Arc<dyn Clock>,
    catalogue: Cache<(), Arc<Catalogue>>,
    performances: Cache<ConcertId, Arc<Vec<Performance>>>,
    seat_maps: Cache<PerformanceId, Option<Arc<SeatMapView>>>,
    /// Concerts that the catalogue lacked, as the database had them a moment ago. None for a
    /// concert that it lacked too.
    unlisted: Cache<ConcertId, Option<Concert>>,
    unlisted_turn: Mutex<()>,
}

impl Browse {
    /// The maximum age of a snapshot.
    pub const MAX_AGE: Duration = Duration::from_secs(1);
    /// The maximum number of concerts and performances that are kept. The least used are dropped.
    const KEPT: u64 = 1_000;

    /// Makes a `Browse` without snapshots. It reads from `concerts`.
    #[must_use]
    pub fn new(concerts: Arc<dyn Concerts>, clock: Arc<dyn Clock>) -> Self {
        Self {
            concerts,
            clock,
            catalogue: snapshots(1),
            performances: snapshots(Self::KEPT),
            seat_maps: snapshots(Self::KEPT),
            unlisted: snapshots(Self::KEPT),
            unlisted_turn: Mutex::default(),
        }
    }

    /// Returns all concerts, and when their seats were counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn catalogue(&self) -> StoreResult<Arc<Catalogue>> {
        let load = async {
            let now = self.clock.now();
            self.concerts.catalogue(now).await.map(Arc::new)
        };
        self.catalogue.try_get_with((), load).await.map_err(unshare)
    }

    /// Queries the catalogue now, replaces the snapshot and returns it. A query that is under way
    /// would not do, because it may have begun before the caller's change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_again(&self) -> StoreResult<Arc<Catalogue>> {
        let catalogue = self.concerts.catalogue(self.clock.now()).await?;
        let catalogue = Arc::new(catalogue);
        self.catalogue.insert((), Arc::clone(&catalogue)).await;
        Ok(catalogue)
    }

    /// Returns a page of the concerts, in the order of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn concerts(
        &self,
        page: PageRequest<ConcertId>,
    ) -> StoreResult<Page<Concert, ConcertId>> {
        let catalogue = self.catalogue().await?;
        Ok(Page::of_list(&catalogue.concerts, page, |concert| {
            concert.id
        }))
    }

    /// Returns a concert. None if there is no such concert.
    ///
    /// Another instance may have created a concert that the snapshot lacks, so the database is
    /// asked for it. Only one such concert is asked for at a time, so that ids of no concert take
    /// no more than one of its connections.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn concert(&self, id: ConcertId) -> StoreResult<Option<Concert>> {
        let catalogue = self.catalogue().await?;
        if let Some(concert) = catalogue.concerts.iter().find(|concert| concert.id == id) {
            return Ok(Some(concert.clone()));
        }
        let load = async {
            let _turn = self.unlisted_turn.lock().await;
            self.concerts.concert(id, self.clock.now()).await
        };
        self.unlisted.try_get_with(id, load).await.map_err(unshare)
    }

    /// Returns a page of a concert's performances, earliest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn performances(
        &self,
        concert: ConcertId,
        page: PageRequest<PerformanceId>,
    ) -> StoreResult<Page<Performance, PerformanceId>> {
        let load = async { self.concerts.performances(concert).await.map(Arc::new) };
        let performances = self
            .performances
            .try_get_with(concert, load)
            .await
            .map_err(unshare)?;
        Ok(Page::of_list(&performances, page, |performance| {
            performance.id
        }))
    }

    /// Returns the seats of a performance of `concert`. None if the concert has no such
    /// performance.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seats(
        &self,
        concert: ConcertId,
        performance: PerformanceId,
    ) -> StoreResult<Option<Arc<SeatMapView>>> {
        let load = async {
            let map = self.concerts.seat_map(performance).await?;
            Ok(map.map(|map| Arc::new(SeatMapView::new(map))))
        };
        let view = self
            .seat_maps
            .try_get_with(performance, load)
            .await
            .map_err(unshare)?;
        Ok(view.filter(|view| view.map.concert == concert))
    }

    /// Drops the snapshots of a concert, after an operator has changed it through this instance.
    pub async fn forget(&self, concert: ConcertId) {
        self.catalogue.invalidate(&()).await;
        self.unlisted.invalidate(&concert).await;
        self.performances.invalidate(&concert).await;
    }

    /// Drops the snapshot of a performance's seats, after an operator has planned them again
    /// through this instance.
    pub async fn forget_seats(&self, performance: PerformanceId) {
        self.seat_maps.invalidate(&performance).await;
    }
}

/// Snapshots by key. `moka` makes callers that miss the same key wait for one load.
fn snapshots<K, V>(kept: u64) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(kept)
        .time_to_live(Browse::MAX_AGE)
        .build()
}

fn unshare(error: Arc<StoreError>) -> StoreError {
    Arc::unwrap_or_clone(error)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::{
        model::{ConcertTitle, Seat, SeatState},
        ports::{MockConcerts, SeatMap},
        test_support::*,
    };

    fn concert(id: ConcertId) -> Concert {
        Concert {
            id,
            title: ConcertTitle::try_from("A concert").unwrap(),
            seats_total: 2,
            seats_left: 1,
            seats_sold: 1,
            next_performance_at: None,
            is_planned: false,
            policy: policy(1),
        }
    }

    fn map() -> SeatMap {
        SeatMap {
            concert: CONCERT,
            seats: vec![Seat {
                label: "A-1".parse().unwrap(),
                section: "Stalls".into(),
                price: amount(100),
                state: SeatState::Available,
            }],
        }
    }

    fn first(limit: u16) -> PageRequest<ConcertId> {
        PageRequest { after: None, limit }
    }

    #[tokio::test]
    async fn concurrent_requests_make_one_query() {
        let mut concerts = MockConcerts::new();
        concerts
            .expect_seat_map()
            .once()
            .returning(|_| Ok(Some(map())));
        let browse = Browse::new(Arc::new(concerts), clock(100));
        let answers = join_all((0..100).map(|_| browse.seats(CONCERT, PERFORMANCE))).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(_)))));
    }

    #[tokio::test]
    async fn changed_seats_are_queried_again_at_once() {
        let mut concerts = MockConcerts::new();
        concerts
            .expect_seat_map()
            .times(2)
            .returning(|_| Ok(Some(map())));
        let browse = Browse::new(Arc::new(concerts), clock(100));
        browse.seats(CONCERT, PERFORMANCE).await.unwrap();
        browse.forget_seats(PERFORMANCE).await;
        for _ in 0..2 {
            browse.seats(CONCERT, PERFORMANCE).await.unwrap();
        }
    }

    #[tokio::test]
    async fn seats_are_shown_for_their_own_concert_only() {
        let mut concerts = MockConcerts::new();
        concerts.expect_seat_map().returning(|_| Ok(Some(map())));
        let browse = Browse::new(Arc::new(concerts), clock(100));
        assert_eq!(browse.seats(OTHER_CONCERT, PERFORMANCE).await, Ok(None));
    }

    #[tokio::test]
    async fn concerts_are_listed_page_by_page() {
        let mut concerts = MockConcerts::new();
        concerts
            .expect_catalogue()
            .returning(|_| Ok(catalogue([concert(CONCERT), concert(OTHER_CONCERT)])));
        let browse = Browse::new(Arc::new(concerts), clock(100));
        let page = browse.concerts(first(1)).await.unwrap();
        assert_eq!((page.items.len(), page.next), (1, Some(CONCERT)));
        let after = PageRequest {
            after: page.next,
            limit: 1,
        };
        let page = browse.concerts(after).await.unwrap();
        assert_eq!((page.items.len(), page.next), (1, None));
        assert!(browse.concert(CONCERT).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let mut concerts = MockConcerts::new();
        let mut calls = 0;
        concerts.expect_catalogue().times(2).returning(move |_| {
            calls += 1;
            if calls == 1 {
                Err(down())
            } else {
                Ok(catalogue([]))
            }
        });
        let browse = Browse::new(Arc::new(concerts), clock(100));
        assert_eq!(browse.catalogue().await, Err(down()));
        assert_eq!(browse.catalogue().await, Ok(Arc::new(catalogue([]))));
    }
}
