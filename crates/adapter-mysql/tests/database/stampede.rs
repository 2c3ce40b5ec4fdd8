//! Many requests that find no ranking in the cache: without single flight each of them queries the
//! database.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings};
use frontrow_domain::{
    model::{Period, RankedConcert, Ranking, Span},
    ports::{Clock, RankingCache, RankingSource, StoreResult, Timer},
    read_models::TopConcerts,
};
use jiff::{Timestamp, tz::TimeZone};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{one_database::settings, program::Program};

const REQUESTS: usize = 2_000;
const PERIOD: Period = Period::Monthly;

/// A database that counts its queries of a ranking.
struct CountingSource {
    database: MySqlDatabase,
    queries: AtomicUsize,
}

impl CountingSource {
    fn on(program: &Program) -> Arc<Self> {
        Arc::new(Self {
            database: program.database.clone(),
            queries: AtomicUsize::new(0),
        })
    }

    fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl RankingSource for CountingSource {
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        self.database.top(span, limit).await
    }
}

/// A cache of one ranking.
#[derive(Default)]
struct OneRankingCache(Mutex<Option<Ranking>>);

#[async_trait]
impl RankingCache for OneRankingCache {
    async fn get(&self, _: Period, _: Timestamp) -> StoreResult<Option<Ranking>> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    async fn put(&self, ranking: &Ranking, _: Timestamp) -> StoreResult<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ranking.clone());
        Ok(())
    }

    async fn claim(
        &self,
        _: Period,
        _: Option<Timestamp>,
        _: Timestamp,
        _: Timestamp,
    ) -> StoreResult<bool> {
        Ok(true)
    }

    async fn release(&self, _: Period, _: Option<Timestamp>) -> StoreResult<()> {
        Ok(())
    }
}

/// The system clock.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "as the program's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[async_trait]
impl Timer for SystemClock {
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

async fn program() -> Program {
    let patient = MySqlSettings {
        acquire_timeout: Duration::from_mins(5),
        ..settings()
    };
    Program::start_with(patient).await
}

/// A plain look-aside cache: here every request reads the cache before the first one fills it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_single_flight_each_request_queries_the_database() {
    let program = program().await;
    let (source, cache) = (
        CountingSource::on(&program),
        Arc::new(OneRankingCache::default()),
    );
    let all_have_read = Arc::new(Barrier::new(REQUESTS));
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let (source, cache) = (Arc::clone(&source), Arc::clone(&cache));
        let all_have_read = Arc::clone(&all_have_read);
        requests.spawn(async move {
            let now = SystemClock.now();
            let found = cache.get(PERIOD, now).await.unwrap();
            all_have_read.wait().await;
            if found.is_none() {
                let span = PERIOD.span(now, &TimeZone::UTC);
                let items = source.top(span, Ranking::MAX_ITEMS).await.unwrap();
                let ranking = Ranking {
                    period: PERIOD,
                    span,
                    as_of: now,
                    items,
                };
                cache.put(&ranking, Timestamp::MAX).await.unwrap();
            }
        });
    }
    requests.join_all().await;
    assert_eq!(source.queries(), REQUESTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_single_flight_one_of_many_requests_queries_the_database() {
    let program = program().await;
    let source = CountingSource::on(&program);
    let top = Arc::new(TopConcerts::new(
        Arc::new(OneRankingCache::default()),
        Arc::clone(&source) as _,
        Arc::new(SystemClock),
        Arc::new(SystemClock),
        TimeZone::UTC,
    ));
    let all_have_started = Arc::new(Barrier::new(REQUESTS));
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let (top, all_have_started) = (Arc::clone(&top), Arc::clone(&all_have_started));
        requests.spawn(async move {
            all_have_started.wait().await;
            assert!(!top.top(PERIOD).await.unwrap().stale);
        });
    }
    requests.join_all().await;
    assert_eq!(source.queries(), 1);
}
