//! The counts of look-ups.

use super::{heartbeats::telling, *};
use crate::decorators::LookUpCounts;

#[tokio::test]
async fn each_look_up_counts_by_how_it_was_answered() {
    let stage = TestSnapshots::new(1, 2);
    for millis in [0, 300, 700] {
        stage.pass(millis);
        stage.position().await;
    }
    let counts = LookUpCounts {
        from_snapshot: 2,
        from_store: 1,
        heartbeats: 0,
    };
    assert_eq!(stage.shared.counts(), counts);
}

#[tokio::test]
async fn a_heartbeat_counts_once_it_is_written() {
    let (stage, _) = telling(1, 1);
    stage.position().await;
    stage.pass(20_000);
    stage.position().await;
    let counts = |heartbeats| LookUpCounts {
        from_snapshot: 1,
        from_store: 1,
        heartbeats,
    };
    stage.pass(30_000);
    assert!(stage.shared.flush_heartbeats().await.is_err());
    assert_eq!(stage.shared.counts(), counts(0));
    assert_eq!(stage.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(stage.shared.counts(), counts(1));
}
