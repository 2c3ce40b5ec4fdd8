//! The fixtures for the contracts: a store with keys of its own.

use std::sync::Arc;

use async_trait::async_trait;
use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::{model::ConcertId, ports::RankingCache};
use frontrow_port_contracts::{Fixture, QueuePorts};
use frontrow_test_harness::RedisKeyspace;
use jiff::SignedDuration;

use crate::queue_copy::QueueCopy;

/// A fresh store, whose keys are removed on drop.
pub(crate) struct StoreFixture {
    pub(crate) keyspace: RedisKeyspace,
    pub(crate) offset: TimeOffset,
    pub(crate) store: RedisStore,
}

/// Returns the settings for keys of this test.
pub(crate) fn settings(keyspace: &RedisKeyspace) -> RedisSettings {
    RedisSettings {
        key_prefix: keyspace.prefix().to_owned(),
        ..RedisSettings::new(keyspace.url())
    }
}

impl StoreFixture {
    pub(crate) async fn open() -> Self {
        let keyspace = RedisKeyspace::create().await.unwrap();
        let offset = TimeOffset::default();
        let store = RedisStore::open(&settings(&keyspace), offset.clone())
            .await
            .unwrap();
        Self {
            keyspace,
            offset,
            store,
        }
    }

    async fn reopen(&mut self) {
        self.store = RedisStore::open(&settings(&self.keyspace), self.offset.clone())
            .await
            .unwrap();
    }
}

/// The queues of a [`StoreFixture`].
pub(crate) struct QueueFixture {
    fixture: StoreFixture,
    copy: Option<QueueCopy>,
}

impl QueueFixture {
    pub(crate) async fn open() -> Self {
        Self {
            fixture: StoreFixture::open().await,
            copy: None,
        }
    }
}

#[async_trait]
impl Fixture for QueueFixture {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        let store = Arc::new(self.fixture.store.clone());
        QueuePorts {
            queue: store.clone(),
            ticks: store.clone(),
            control: store.clone(),
            line: store,
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.fixture.offset.shift(by);
    }

    async fn lose_data(&mut self) {
        self.fixture.keyspace.clear().await.unwrap();
    }

    async fn reopen(&mut self) {
        self.fixture.reopen().await;
    }

    async fn copy_queue(&mut self, concert: ConcertId) -> bool {
        self.copy = Some(QueueCopy::of(&self.fixture.keyspace, concert).await);
        true
    }

    async fn fail_over(&mut self, concert: ConcertId) {
        let copy = self.copy.as_ref().unwrap();
        copy.restore(&self.fixture.keyspace, concert).await;
    }
}

/// The ranking cache of a [`StoreFixture`].
pub(crate) struct RankingCacheFixture(StoreFixture);

impl RankingCacheFixture {
    pub(crate) async fn open() -> Self {
        Self(StoreFixture::open().await)
    }
}

#[async_trait]
impl Fixture for RankingCacheFixture {
    type Ports = Arc<dyn RankingCache>;

    fn ports(&self) -> Self::Ports {
        Arc::new(self.0.store.clone())
    }

    async fn shift_time(&mut self, _by: SignedDuration) {}

    async fn lose_data(&mut self) {
        self.0.keyspace.clear().await.unwrap();
    }

    async fn reopen(&mut self) {
        self.0.reopen().await;
    }
}
