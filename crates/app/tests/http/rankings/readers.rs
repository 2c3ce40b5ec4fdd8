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

/// How many ask for each period.
const EACH: usize = 3;

/// Between two questions of one of them.
const PACE: Duration = Duration::from_millis(10);

/// Some for each period. None of them is ever refused.
pub(super) struct Readers {
    over: Arc<AtomicBool>,
    asking: JoinSet<Result<u64>>,
}

impl Readers {
    /// They begin to ask.
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

    /// They stop; fails when one of them had no answer.
    pub(super) async fn go_home(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        for answers in self.asking.join_all().await {
            ensure!(answers? > 0, "somebody was never answered");
        }
        Ok(())
    }
}
