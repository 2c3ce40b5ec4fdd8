//! A cache, a database and a clock that the tests of the rankings control.

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
    /// It never answers.
    Hanging,
}

/// Everything that a ranking comes from. Clones of it in several instances share its contents.
pub(crate) struct RankingFixture {
    now: AtomicI64,
    cache_mood: Mutex<Behaviour>,
    source_mood: Mutex<Behaviour>,
    cached: Mutex<HashMap<Period, (Ranking, Timestamp)>>,
    claims: Mutex<HashMap<(Period, Option<Timestamp>), Timestamp>>,
    pub(crate) cache_calls: AtomicU32,
    queries: Mutex<Vec<Span>>,
    /// The answer of the source: this many seats of one concert.
    pub(crate) seats_sold: AtomicI64,
    /// Queries wait for these, the last one first.
    barriers: Mutex<Vec<oneshot::Receiver<()>>>,
}

impl RankingFixture {
    pub(crate) fn new(now: &str) -> Arc<Self> {
        let fixture = Self {
            now: AtomicI64::new(0),
            cache_mood: Mutex::new(Behaviour::Well),
            source_mood: Mutex::new(Behaviour::Well),
            cached: Mutex::default(),
            claims: Mutex::default(),
            cache_calls: AtomicU32::new(0),
            queries: Mutex::default(),
            seats_sold: AtomicI64::new(3),
            barriers: Mutex::default(),
        };
        fixture.set(now);
        Arc::new(fixture)
    }

    /// An instance of the service on these stores.
    pub(crate) fn instance(self: &Arc<Self>, zone: &str) -> Arc<TopConcerts> {
        Arc::new(TopConcerts::new(
            Arc::clone(self) as _,
            Arc::clone(self) as _,
            Arc::clone(self) as _,
            Arc::clone(self) as _,
            TimeZone::get(zone).unwrap(),
        ))
    }

    pub(crate) fn set(&self, now: &str) {
        let now: Timestamp = now.parse().unwrap();
        self.now.store(now.as_microsecond(), Ordering::SeqCst);
    }

    pub(crate) fn pass(&self, span: Duration) {
        let us = i64::try_from(span.as_micros()).unwrap();
        self.now.fetch_add(us, Ordering::SeqCst);
    }

    pub(crate) fn cache_is(&self, behaviour: Behaviour) {
        *lock(&self.cache_mood) = behaviour;
    }

    pub(crate) fn source_is(&self, behaviour: Behaviour) {
        *lock(&self.source_mood) = behaviour;
    }

    pub(crate) fn forget_cached(&self) {
        lock(&self.cached).clear();
    }

    pub(crate) fn cached(&self, period: Period) -> Option<(Ranking, Timestamp)> {
        lock(&self.cached).get(&period).cloned()
    }

    /// The spans of the source's queries since the last call, in their order.
    pub(crate) fn queries(&self) -> Vec<Span> {
        std::mem::take(&mut lock(&self.queries))
    }

    /// Makes the next query wait until the returned sender is used or dropped.
    pub(crate) fn hold_up_a_query(&self) -> oneshot::Sender<()> {
        let (go, barrier) = oneshot::channel();
        lock(&self.barriers).push(barrier);
        go
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn as_it_feels(behaviour: Behaviour) -> StoreResult<()> {
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

/// Moves the clock of the test instead of waiting.
#[async_trait]
impl Timer for RankingFixture {
    async fn sleep(&self, span: Duration) {
        // The call beside this sleep has been polled before it.
        self.pass(span);
    }
}

#[async_trait]
impl RankingCache for RankingFixture {
    async fn get(&self, period: Period, now: Timestamp) -> StoreResult<Option<Ranking>> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_mood);
        as_it_feels(behaviour).await?;
        let cached = self.cached(period).filter(|(_, until)| now < *until);
        Ok(cached.map(|(ranking, _)| ranking))
    }

    async fn put(&self, ranking: &Ranking, until: Timestamp) -> StoreResult<()> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_mood);
        as_it_feels(behaviour).await?;
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
        let behaviour = *lock(&self.cache_mood);
        as_it_feels(behaviour).await?;
        let mut claims = lock(&self.claims);
        claims.retain(|_, until| now < *until);
        let free = !claims.contains_key(&(period, after));
        claims.entry((period, after)).or_insert(until);
        Ok(free)
    }

    async fn release(&self, period: Period, after: Option<Timestamp>) -> StoreResult<()> {
        self.cache_calls.fetch_add(1, Ordering::SeqCst);
        let behaviour = *lock(&self.cache_mood);
        as_it_feels(behaviour).await?;
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
        let behaviour = *lock(&self.source_mood);
        as_it_feels(behaviour).await?;
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
