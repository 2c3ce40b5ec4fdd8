//! The served entries of the queues: one series for each concert.

use std::{sync::Arc, time::Duration};

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{
            Arrival, PolicyState, PolicyVersion, QueuePolicy, Served, ServedEntry, VersionedPolicy,
        },
    },
    ports::DeleteConcertOutcome,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{DatabaseFixture, TestSale, at_once, operator};

/// How long an active place lasts here, in seconds.
const LIFE_S: u64 = 100;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("an instant")
}

/// Returns an entry at this second, with an arrival that can be computed from the second.
fn entry(second: i64) -> ServedEntry {
    entry_of(second, 1_000 * second, LIFE_S)
}

fn entry_of(second: i64, arrival: i64, life_s: u64) -> ServedEntry {
    ServedEntry {
        at: at(second),
        served: Served {
            up_to: Arrival::from_micros(arrival),
            serving_since: at(-1_000_000),
        },
        life: Duration::from_secs(life_s),
    }
}

impl<F: DatabaseFixture> TestSale<F> {
    async fn record(&self, entry: ServedEntry) {
        let recorded = self.ports.served.record(self.concert, &entry).await;
        recorded.expect("record");
    }

    async fn record_all(&self, seconds: &[i64]) {
        for second in seconds {
            self.record(entry(*second)).await;
        }
    }

    async fn served(&self) -> Option<i64> {
        self.served_of(self.concert).await
    }

    async fn served_of(&self, concert: ConcertId) -> Option<i64> {
        let served = self.ports.served.served_before_loss(concert).await;
        served.expect("served").map(Arrival::micros)
    }
}

/// Without entries no user was served, and none in an unknown concert either.
pub async fn a_concert_without_entries_has_served_no_user<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    assert_eq!(sale.served().await, None);
    let unknown = ConcertId(Uuid::from_u128(99));
    let recorded = sale.ports.served.record(unknown, &entry(0)).await;
    recorded.expect("does nothing");
    let recorded = sale.ports.served.record(unknown, &entry(200)).await;
    recorded.expect("does nothing");
    assert_eq!(sale.served_of(unknown).await, None);
}

/// Users up to the last entry that is older than the longest lifetime of an active place, as of the
/// newest entry, were served. This also holds if the series ended long ago.
pub async fn users_up_to_an_entry_older_than_a_lifetime_were_served<F: DatabaseFixture>(
    fixture: F,
) {
    let mut sale = TestSale::open(fixture).await;
    sale.record_all(&[0, 11, 25, 99]).await;
    assert_eq!(sale.served().await, None);
    sale.record(entry(100)).await;
    assert_eq!(sale.served().await, Some(0));
    sale.record(entry(124)).await;
    assert_eq!(sale.served().await, Some(11_000));
    sale.pass(Duration::from_hours(3)).await;
    sale.reopen().await;
    assert_eq!(sale.served().await, Some(11_000));
}

/// The latest instant of one slot counts. The order in which its entries are recorded does not
/// matter.
pub async fn an_entry_recorded_late_counts_by_its_instant<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.record(entry_of(7, 70, LIFE_S)).await;
    sale.record(entry_of(3, 30, 2 * LIFE_S)).await;
    sale.record(entry_of(107, 99, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(70));
    sale.record(entry_of(108, 60, LIFE_S)).await;
    assert_eq!(
        sale.served().await,
        Some(60),
        "the later replaces the earlier"
    );
}

/// After a loss, users who had been admitted wait again: an earlier arrival counts from then on.
pub async fn users_who_waited_again_were_not_served<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.record_all(&[0, 50]).await;
    sale.record(entry_of(60, 20_000, LIFE_S)).await;
    sale.record(entry_of(155, 90_000, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(20_000));
    sale.record(entry_of(170, 91_000, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(20_000));
    sale.record(entry_of(255, 92_000, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(90_000));
}

/// Places that were claimed under a longer lifetime may outlast those of the next policy.
pub async fn a_longer_lifetime_counts_until_it_is_over<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.record(entry_of(0, 1, LIFE_S)).await;
    sale.record(entry_of(50, 2, 5 * LIFE_S)).await;
    for second in (60..500).step_by(10) {
        sale.record(entry_of(second, second, LIFE_S)).await;
        assert_eq!(sale.served().await, None, "{second}");
    }
    sale.record(entry_of(500, 500, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(1));
    for second in (510..700).step_by(10) {
        sale.record(entry_of(second, second, LIFE_S)).await;
    }
    assert_eq!(
        sale.served().await,
        Some(590),
        "the longer lifetime is over"
    );
}

/// Time without service does not count. The entries that count before it are kept during that time.
pub async fn time_without_service_does_not_count<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for second in (0..=300).step_by(10) {
        sale.record(entry(second)).await;
    }
    assert_eq!(sale.served().await, Some(200_000));
    // The break ends at second 400.
    for (second, served) in [
        (400, 200_000),
        (410, 210_000),
        (499, 290_000),
        (500, 400_000),
    ] {
        let mut entry = entry(second);
        entry.served.serving_since = at(400);
        sale.record(entry).await;
        // The entries of the last slots before the break are 10 s apart.
        let found = sale.served().await.expect("some were served");
        assert!(
            (served - 10_000..=served).contains(&found),
            "{second}: {found}"
        );
    }
}

/// Entries that no longer count are removed, and no others. The removal never changes which users
/// were served.
pub async fn a_series_keeps_the_entries_that_count<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for second in (0..600).step_by(7) {
        sale.record(entry(second)).await;
        // The last of its slot.
        let settled = (0..=second - 100)
            .filter(|earlier| earlier % 7 == 0 && (earlier / 10 < (earlier + 7) / 10));
        let expected = settled.max().map(|earlier| 1_000 * earlier);
        assert_eq!(sale.served().await, expected, "{second}");
    }
}

/// Entries from before a step back of the clock do not make the ones after it look old.
pub async fn a_clock_that_steps_back_marks_no_user_as_served<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.record_all(&[3_000, 3_600]).await;
    assert_eq!(sale.served().await, Some(3_000_000));
    sale.record(entry_of(0, 3_700_000, LIFE_S)).await;
    assert_eq!(sale.served().await, None);
    sale.record(entry_of(50, 3_800_000, LIFE_S)).await;
    assert_eq!(sale.served().await, None);
    sale.record(entry_of(100, 3_900_000, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(3_700_000));
}

/// Each concert has its own series of entries.
pub async fn each_concert_has_its_own_series<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let other = sale.add_concert("Second").await;
    sale.record_all(&[0, 100]).await;
    let recorded = sale.ports.served.record(other, &entry(500)).await;
    recorded.expect("record");
    assert_eq!(sale.served().await, Some(0));
    assert_eq!(sale.served_of(other).await, None);
}

/// Deleting a concert deletes its series.
pub async fn a_deleted_concert_has_no_series<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.record_all(&[0, 100]).await;
    let closed = VersionedPolicy {
        policy: QueuePolicy {
            state: PolicyState::Closed,
            ..QueuePolicy::default()
        },
        version: PolicyVersion(2),
    };
    let (policies, by) = (&sale.ports.policies, operator());
    let put = policies.put(sale.concert, PolicyVersion(1), &closed, &by);
    put.await.expect("put");
    let deleted = sale.ports.editor.delete_concert(sale.concert, &by).await;
    assert_eq!(deleted.expect("delete"), DeleteConcertOutcome::Deleted);
    assert_eq!(sale.served().await, None);
    sale.record_all(&[0, 100]).await;
    assert_eq!(sale.served().await, None);
}

/// If instances record one slot at once, the one with the latest instant wins.
pub async fn concurrent_entries_of_one_slot_keep_the_latest<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let entries = (0..10).map(|second| entry_of(second, 100 - second, LIFE_S));
    let recording = entries.map(|entry| {
        let (served, concert) = (Arc::clone(&sale.ports.served), sale.concert);
        async move { served.record(concert, &entry).await }
    });
    for recorded in at_once(recording).await {
        recorded.expect("record");
    }
    sale.record(entry_of(109, 200, LIFE_S)).await;
    assert_eq!(sale.served().await, Some(91));
}
