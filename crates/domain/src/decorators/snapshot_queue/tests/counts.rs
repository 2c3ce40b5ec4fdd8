//! The counts of look-ups.

use super::{heartbeats::with_heartbeats, *};
use crate::decorators::LookUpCounts;

#[tokio::test]
async fn each_look_up_counts_by_how_it_was_answered() {
    let fixture = TestSnapshots::new(1, 2);
    for millis in [0, 300, 700] {
        fixture.advance(millis);
        fixture.position().await;
    }
    let counts = LookUpCounts {
        from_snapshot: 2,
        from_store: 1,
        heartbeats: 0,
    };
    assert_eq!(fixture.shared.counts(), counts);
}

#[tokio::test]
async fn a_heartbeat_counts_once_it_is_written() {
    let (fixture, _) = with_heartbeats(1, 1);
    fixture.position().await;
    fixture.advance(20_000);
    fixture.position().await;
    let counts = |heartbeats| LookUpCounts {
        from_snapshot: 1,
        from_store: 1,
        heartbeats,
    };
    fixture.advance(30_000);
    assert!(fixture.shared.flush_heartbeats().await.is_err());
    assert_eq!(fixture.shared.counts(), counts(0));
    assert_eq!(fixture.shared.flush_heartbeats().await, Ok(1));
    assert_eq!(fixture.shared.counts(), counts(1));
}
