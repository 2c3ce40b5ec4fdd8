//! Deleting performances and concerts that no user has a claim to.

use frontrow_domain::{
    model::{
        Applied, ConcertId, HoldRefusal, PerformanceId, PerformanceUse,
        queue::{PolicyState, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{
        CreatePerformanceOutcome, DeleteConcertOutcome, DeletePerformanceOutcome, HoldOutcome,
        PutOutcome,
    },
};
use uuid::Uuid;

use super::{
    DatabaseFixture, HOLD, TestSale, at_once,
    test_sale::{long_ago, operator},
    user,
};

impl<F: DatabaseFixture> TestSale<F> {
    async fn delete(&self, concert: ConcertId, id: PerformanceId) -> DeletePerformanceOutcome {
        let editor = &self.ports.editor;
        let deleted = editor.delete_performance(concert, id, &operator()).await;
        deleted.expect("delete performance")
    }

    async fn delete_concert(&self, id: ConcertId) -> DeleteConcertOutcome {
        let deleted = self.ports.editor.delete_concert(id, &operator()).await;
        deleted.expect("delete concert")
    }

    async fn close_queue(&self) {
        let closed = VersionedPolicy {
            policy: QueuePolicy {
                state: PolicyState::Closed,
                ..QueuePolicy::default()
            },
            version: PolicyVersion(2),
        };
        let policies = &self.ports.policies;
        let put = policies
            .put(self.concert, PolicyVersion(1), &closed, &operator())
            .await;
        assert_eq!(put.expect("put"), PutOutcome::Put);
    }

    async fn is_there(&self, performance: PerformanceId) -> bool {
        let map = self.ports.concerts.seat_map(performance).await;
        map.expect("seat map").is_some()
    }
}

/// A performance without a live hold or a sale is deleted, with its released and expired
/// reservations.
pub async fn an_unused_performance_is_deleted<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let released = sale.held("ann", &["A-1"]).await;
    sale.release("ann", released.id).await;
    let over = sale.held("ben", &["A-1", "B-1"]).await;
    sale.pass(HOLD).await;
    let other = sale.add_performance(sale.concert).await;
    let deleted = sale.delete(sale.concert, sale.performance).await;
    assert_eq!(deleted, DeletePerformanceOutcome::Deleted);
    assert!(!sale.is_there(sale.performance).await);
    assert!(sale.is_there(other).await);
    for (name, id) in [("ann", released.id), ("ben", over.id)] {
        let found = sale.ports.reservations.find(id, &user(name)).await;
        assert_eq!(found.expect("find"), None);
    }
    let refused = sale.refusal("cat", &["A-1"]).await;
    assert_eq!(refused, HoldRefusal::NoSuchPerformance);
    let again = sale.delete(sale.concert, sale.performance).await;
    assert_eq!(again, DeletePerformanceOutcome::NotFound);
}

/// A performance with a live hold or a sale stays as it is.
pub async fn a_performance_in_use_is_not_deleted<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let in_use = |held, sold| DeletePerformanceOutcome::InUse(PerformanceUse { held, sold });
    sale.held("ann", &["A-1", "A-2"]).await;
    let deleted = sale.delete(sale.concert, sale.performance).await;
    assert_eq!(deleted, in_use(2, 0));
    let bought = sale.bought("ben", &["A-3"]).await;
    let deleted = sale.delete(sale.concert, sale.performance).await;
    assert_eq!(deleted, in_use(2, 1));
    sale.pass(HOLD).await;
    let deleted = sale.delete(sale.concert, sale.performance).await;
    assert_eq!(deleted, in_use(0, 1));
    assert_eq!(sale.found(&bought).await, bought);
    sale.held("cat", &["A-1", "A-2"]).await;
}

/// A performance is deleted only under its own concert.
pub async fn only_a_concerts_own_performance_is_deleted<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let second = sale.add_concert("Second").await;
    for (concert, id) in [
        (second, sale.performance),
        (sale.concert, PerformanceId(Uuid::nil())),
    ] {
        let deleted = sale.delete(concert, id).await;
        assert_eq!(deleted, DeletePerformanceOutcome::NotFound);
    }
    assert!(sale.is_there(sale.performance).await);
}

/// After the deletion of a performance, its slot is free again.
pub async fn a_deleted_performance_frees_its_slot<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let planned = sale.planned();
    sale.create(&planned, Some("key")).await;
    sale.delete(sale.concert, planned.id).await;
    // The key still stands for what it created.
    let repeated = sale.create(&planned, Some("key")).await;
    let replayed = CreatePerformanceOutcome::Created(Applied::replayed(planned.id));
    assert_eq!(repeated, replayed);
    let again = sale.planned();
    let created = sale.create(&again, None).await;
    let first = CreatePerformanceOutcome::Created(Applied::first(again.id));
    assert_eq!(created, first);
}

/// A concert whose queue is closed is deleted with its performances, if none of them is in use.
pub async fn a_closed_concert_is_deleted_with_its_performances<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let second = sale.add_performance(sale.concert).await;
    let other = sale.add_concert("Other").await;
    let deleted = sale.delete_concert(sale.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::NotClosed);
    sale.close_queue().await;
    sale.held("ann", &["A-1"]).await;
    let deleted = sale.delete_concert(sale.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::InUse(sale.performance));
    assert!(sale.is_there(second).await, "a refusal deletes nothing");
    sale.pass(HOLD).await;
    let deleted = sale.delete_concert(sale.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::Deleted);
    assert!(!sale.is_there(sale.performance).await);
    assert!(!sale.is_there(second).await);
    let policy = sale.ports.policies.find(sale.concert).await;
    assert_eq!(policy.expect("find"), None);
    let deleted = sale.delete_concert(sale.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::NotFound);
    let policies = sale.ports.policies.all(long_ago()).await.expect("all");
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].0, other);
}

/// If a hold and a deletion run at once, one of them succeeds, never both.
pub async fn a_concurrent_hold_and_deletion_are_consistent<F: DatabaseFixture>(fixture: F) {
    enum Outcome {
        Held(HoldOutcome),
        Deleted(DeletePerformanceOutcome),
    }
    let mut sale = TestSale::open(fixture).await;
    for round in 0..10 {
        sale.performance = sale.add_performance(sale.concert).await;
        let name = format!("user-{round}");
        let request = sale.request(&name, &["A-1"]);
        let (concert, id) = (sale.concert, sale.performance);
        let calls = (0..2).map(|call| {
            let ports = sale.ports.clone();
            let request = request.clone();
            async move {
                if call == 0 {
                    Outcome::Held(ports.reservations.hold(&request).await.expect("hold"))
                } else {
                    let by = operator();
                    let deleted = ports.editor.delete_performance(concert, id, &by);
                    Outcome::Deleted(deleted.await.expect("delete performance"))
                }
            }
        });
        let (mut held, mut deleted) = (false, false);
        for outcome in at_once(calls).await {
            match outcome {
                Outcome::Held(HoldOutcome::Held(_)) => held = true,
                Outcome::Held(HoldOutcome::Refused(HoldRefusal::NoSuchPerformance))
                | Outcome::Deleted(DeletePerformanceOutcome::InUse(_)) => {}
                Outcome::Deleted(DeletePerformanceOutcome::Deleted) => deleted = true,
                Outcome::Held(other) => panic!("{other:?}"),
                Outcome::Deleted(other) => panic!("{other:?}"),
            }
        }
        assert!(held != deleted, "round {round}: {held} {deleted}");
        assert_eq!(sale.is_there(id).await, held);
    }
}
