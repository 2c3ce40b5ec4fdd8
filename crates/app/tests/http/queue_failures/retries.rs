//! After a failure of the store, `Retry-After` differs between clients, so that they do not all
//! repeat their requests at once.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Fault, eventually};
use serde_json::json;

use super::{FaultyQueue, faulty_queue::SOON};

/// The longest pause between two polls, in seconds.
const LONGEST_POLL: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_an_outage_name_different_times() -> Result<()> {
    let fixture = FaultyQueue::open(json!({}), |config| {
        config.env("FRONTROW_QUEUE__LONGEST_POLL_MS", "4000")
    })
    .await?;
    let visitor = fixture.test_app.join("visitor").await?;
    fixture.network.set(Fault::Refuse).await?;
    let path = fixture.test_app.performances_path();
    eventually("the gate answers 503", SOON, async || {
        let gate = visitor.client.get(&path).await?;
        Ok((gate.status == 503).then_some(()))
    })
    .await?;
    let mut seconds = Vec::new();
    for _ in 0..20 {
        let gate = visitor.client.get(&path).await?.expect_status(503)?;
        let after: u64 = gate.header("retry-after").context("Retry-After")?.parse()?;
        seconds.push(after);
    }
    let all: BTreeSet<_> = seconds.iter().copied().collect();
    ensure!(all.into_iter().eq(1..=LONGEST_POLL), "{seconds:?}");
    ensure!(
        seconds.windows(2).all(|two| two[0] != two[1]),
        "{seconds:?}"
    );
    Ok(())
}
