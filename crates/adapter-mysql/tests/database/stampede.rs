//! Many requests that find nothing in the cache: without single flight each of them queries the
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

const CROWD: usize = 2_000;
const PERIOD: Period = Period::Monthly;

/// The database, and how often it was asked for a ranking.
struct Counted {
    database: MySqlDatabase,
    queries: AtomicUsize,
}

impl Counted {
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
impl RankingSource for Counted {
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        self.database.top(span, limit).await
    }
}

/// Room for one ranking.
#[derive(Default)]
struct Shelf(Mutex<Option<Ranking>>);

#[async_trait]
impl RankingCache for Shelf {
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

/// Time as it is.
struct Real;

impl Clock for Real {
    #[expect(clippy::disallowed_methods, reason = "as the program's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[async_trait]
impl Timer for Real {
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

/// Look-aside as it is usually written, where all have looked before anybody has an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unguarded_crowd_asks_for_each_of_its_members() {
    let program = program().await;
    let (source, shelf) = (Counted::on(&program), Arc::new(Shelf::default()));
    let all_have_looked = Arc::new(Barrier::new(CROWD));
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (source, shelf) = (Arc::clone(&source), Arc::clone(&shelf));
        let all_have_looked = Arc::clone(&all_have_looked);
        crowd.spawn(async move {
            let now = Real.now();
            let found = shelf.get(PERIOD, now).await.unwrap();
            all_have_looked.wait().await;
            if found.is_none() {
                let span = PERIOD.span(now, &TimeZone::UTC);
                let items = source.top(span, Ranking::MAX_ITEMS).await.unwrap();
                let ranking = Ranking {
                    period: PERIOD,
                    span,
                    as_of: now,
                    items,
                };
                shelf.put(&ranking, Timestamp::MAX).await.unwrap();
            }
        });
    }
    crowd.join_all().await;
    assert_eq!(source.queries(), CROWD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guarded_crowd_asks_once() {
    let program = program().await;
    let source = Counted::on(&program);
    let top = Arc::new(TopConcerts::new(
        Arc::new(Shelf::default()),
        Arc::clone(&source) as _,
        Arc::new(Real),
        Arc::new(Real),
        TimeZone::UTC,
    ));
    let all_are_there = Arc::new(Barrier::new(CROWD));
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (top, all_are_there) = (Arc::clone(&top), Arc::clone(&all_are_there));
        crowd.spawn(async move {
            all_are_there.wait().await;
            assert!(!top.top(PERIOD).await.unwrap().stale);
        });
    }
    crowd.join_all().await;
    assert_eq!(source.queries(), 1);
}
