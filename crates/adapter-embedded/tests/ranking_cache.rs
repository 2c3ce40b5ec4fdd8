//! The in-process ranking cache passes the contracts of a ranking cache.

use std::sync::Arc;

use async_trait::async_trait;
use frontrow_adapter_embedded::MemoryRankingCache;
use frontrow_domain::ports::RankingCache;
use frontrow_port_contracts::Fixture;
use jiff::SignedDuration;

/// The cache of one process. It has no clock.
struct OneProcess(Arc<MemoryRankingCache>);

impl OneProcess {
    fn start() -> Self {
        Self(Arc::default())
    }
}

#[async_trait]
impl Fixture for OneProcess {
    type Ports = Arc<dyn RankingCache>;

    fn ports(&self) -> Self::Ports {
        self.0.clone()
    }

    async fn shift_time(&mut self, _by: SignedDuration) {}

    async fn lose_data(&mut self) {
        self.0 = Arc::default();
    }

    /// A new process has an empty cache.
    async fn reopen(&mut self) {
        self.lose_data().await;
    }
}

frontrow_port_contracts::ranking_cache_contracts!(|| async { OneProcess::start() });
