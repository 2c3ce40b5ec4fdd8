//! A cache, a database and a clock for tests of the rankings.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::oneshot;

use super::{CONCERT, down};
use crate::{
    model::{Period, RankedConcert, Ranking, Span},
    ports::{Clock, RankingCache, RankingSource, StoreResult, Timer},
    read_models::TopConcerts,
};

/// How a store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Well,
    Failing,
    /// The store never answers.
    Hanging,
}

/// The cache, the source, the clock and the timer of rankings, shared by several instances.
pub(crate) struct RankingFixture {
    now: AtomicI64,
    cache_behaviour: Mutex<Behaviour>,
    source_behaviour: Mutex<Behaviour>,
    cached: Mutex<HashMap<Period, (Ranking, Timestamp)>>,
    claims: Mutex<HashMap<(Period, Option<Timestamp>), Timestamp>>,
    pub(crate) cache_calls: AtomicU32,
    queries: Mutex<Vec<Span>>,
    /// The number of sold seats of one concert, in each answer of the source.
    pub(crate) seats_sold: AtomicI64,
    /// The barriers for which the next queries wait, the last one first.
    barriers: Mutex<Vec<oneshot::Receiver<()>>>,
}

impl RankingFixture {
    pub(crate) fn new(now: &str) -> Arc<Self> {
        let fixture = Self {
            now: AtomicI64::new(0),
            cache_behaviour: Mutex::new(Behaviour::Well),
            source_behaviour: Mutex::new(Behaviour::Well),
            cached: Mutex::default(),
            claims: Mutex::default(),
            cache_calls: AtomicU32::new(0),
            queries: Mutex::default(),
            seats_sold: AtomicI64::new(3),
            barriers: Mutex::default(),
        };
        fixture.set_time(now);
        Arc::new(fixture)
    }

    /// Returns an instance of the service on these stores.
    pub(crate) fn instance(self: &Arc<Self>, zone: &str) -> Arc<TopConcerts> {
        Arc::new(TopConcerts::new(
            Arc::clone(self) as _,
            Arc::clone(self) as _,
            Arc::clone(self) as _,
            Arc::clone(self) as _,
            TimeZone::get(zone).unwrap(),
        ))
    }

    pub(crate) fn set_time(&self, now: &str) {
        let now: Timestamp = now.parse().unwrap();
        self.now.store(now.as_microsecond(), Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, span: Duration) {
        let us = i64::try_from(span.as_micros()).unwrap();
        self.now.fetch_add(us, Ordering::SeqCst);
    }

    pub(crate) fn cache_is(&self, behaviour: Behaviour) {
        *lock(&self.cache_behaviour) = behaviour;
    }

    pub(crate) fn source_is(&self, behaviour: Behaviour) {
        *lock(&self.source_behaviour) = behaviour;
    }

    pub(crate) fn clear_cache(&self) {
        lock(&self.cached).clear();
    }

    pub(crate) fn cached(&self, period: Period) -> Option<(Ranking, Timestamp)> {
        lock(&self.cached).get(&period).cloned()
    }

    /// Returns the spans of the source's queries since the last call, in their order.
    pub(crate) fn queries(&self) -> Vec<Span> {
        std::mem::take(&mut lock(&self.queries))
    }

    /// Makes the next query wait until the returned sender is used or dropped.
    pub(crate) fn block_next_query(&self) -> oneshot::Sender<()> {
        let (unblock, barrier) = oneshot::channel();
        lock(&self.barriers).push(barrier);
        unblock
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn behave(behaviour: Behaviour) -> StoreResult<()> {
    match behaviour {
        Behaviour::Well => Ok(()),
        Behaviour::Failing => Err(down()),
        Behaviour::Hanging => std::future::pending().await,
    }
}

impl Clock for RankingFixture {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::SeqCst)).unwrap()
    }
}

/// Advances the clock instead of waiting.
#[async_trait]
impl Timer for RankingFixture {
    async fn sleep(&self, span: Duration) {
        // The call that this sleep limits was polled first.
        self.advance(span);
    }
}

#[async_trait]
impl RankingCache for RankingFixture {
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_behaviour);
        behave(behaviour).await?;
        let cached = self.cached(period).filter(|(_, until)| now < *until);
        Ok(cached.map(|(ranking, _)| ranking))
    }

    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_behaviour);
        behave(behaviour).await?;
        let cached = (ranking.clone(), until);
        lock(&self.cached).insert(ranking.period, cached);
        Ok(())
    }

    async fn claim(
        &self,
        period: Period,
        after: Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<bool> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_behaviour);
        behave(behaviour).await?;
        let mut claims = lock(&self.claims);
        claims.retain(|_, until| now < *until);
        let is_free = !claims.contains_key(&(period, after));
        claims.entry((period, after)).or_insert(until);
        Ok(is_free)
    }

    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_behaviour);
        behave(behaviour).await?;
        lock(&self.claims).remove(&(period, after));
        Ok(())
    }
}

#[async_trait]
impl RankingSource for RankingFixture {
    async fn top(&self, span: Span, _: u8) -> StoreResult<Vec<RankedConcert>> {
        lock(&self.queries).push(span);
        let barrier = lock(&self.barriers).pop();
        if let Some(barrier) = barrier {
            let _ = barrier.await;
        }
        let behaviour = *lock(&self.source_behaviour);
        behave(behaviour).await?;
        let seats_sold = self.seats_sold.load(Ordering::SeqCst);
        let ranked = |seats_sold| RankedConcert {
            concert: CONCERT,
            title: "A concert".into(),
            seats_sold,
        };
        let sold = u64::try_from(seats_sold).unwrap();
        Ok((sold > 0).then(|| ranked(sold)).into_iter().collect())
    }
}
