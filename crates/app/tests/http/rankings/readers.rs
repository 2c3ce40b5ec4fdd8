//! Users who request rankings all the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use frontrow_test_harness::App;
use tokio::task::JoinSet;

use super::PERIODS;

/// The number of readers of each period.
const EACH: usize = 3;

/// The pause between two requests of one reader.
const PACE: Duration = Duration::from_millis(10);

/// Readers of each period. No request of them may be refused.
pub(super) struct Readers {
    over: Arc<AtomicBool>,
    asking: JoinSet<Result<u64>>,
}

impl Readers {
    /// Starts the readers.
    pub(super) fn of(app: &App) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut asking = JoinSet::new();
        for period in PERIODS.into_iter().cycle().take(EACH * PERIODS.len()) {
            let (client, over) = (app.client(), Arc::clone(&over));
            let path = format!("/v1/rankings/concerts?period={period}");
            asking.spawn(async move {
                let mut answers = 0;
                while !over.load(Ordering::Relaxed) {
                    let answer = client.get(&path).await?;
                    ensure!(answer.status == 200, "{period}: {answer:?}");
                    answers += 1;
                    tokio::time::sleep(PACE).await;
                }
                Ok(answers)
            });
        }
        Self { over, asking }
    }

    /// Stops the readers. Errors if one of them got no answer.
    pub(super) async fn stop(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        for answers in self.asking.join_all().await {
            ensure!(answers? > 0, "a reader was never answered");
        }
        Ok(())
    }
}
