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
    BoxOffice, DatabaseFixture, HOLD, at_once,
    box_office::{long_ago, operator},
    user,
};

impl<F: DatabaseFixture> BoxOffice<F> {
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
    let mut office = BoxOffice::open(fixture).await;
    let released = office.held("ann", &["A-1"]).await;
    office.release("ann", released.id).await;
    let over = office.held("ben", &["A-1", "B-1"]).await;
    office.pass(HOLD).await;
    let other = office.add_performance(office.concert).await;
    let deleted = office.delete(office.concert, office.performance).await;
    assert_eq!(deleted, DeletePerformanceOutcome::Deleted);
    assert!(!office.is_there(office.performance).await);
    assert!(office.is_there(other).await);
    for (who, id) in [("ann", released.id), ("ben", over.id)] {
        let found = office.ports.reservations.find(id, &user(who)).await;
        assert_eq!(found.expect("find"), None);
    }
    let refused = office.refusal("cat", &["A-1"]).await;
    assert_eq!(refused, HoldRefusal::NoSuchPerformance);
    let again = office.delete(office.concert, office.performance).await;
    assert_eq!(again, DeletePerformanceOutcome::NotFound);
}

/// A performance with a live hold or a sale stays as it is.
pub async fn a_performance_in_use_stays<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let in_use = |held, sold| DeletePerformanceOutcome::InUse(PerformanceUse { held, sold });
    office.held("ann", &["A-1", "A-2"]).await;
    let deleted = office.delete(office.concert, office.performance).await;
    assert_eq!(deleted, in_use(2, 0));
    let bought = office.bought("ben", &["A-3"]).await;
    let deleted = office.delete(office.concert, office.performance).await;
    assert_eq!(deleted, in_use(2, 1));
    office.pass(HOLD).await;
    let deleted = office.delete(office.concert, office.performance).await;
    assert_eq!(deleted, in_use(0, 1));
    assert_eq!(office.found(&bought).await, bought);
    office.held("cat", &["A-1", "A-2"]).await;
}

/// A performance is deleted only under its own concert.
pub async fn only_a_concerts_own_performance_is_deleted<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let second = office.add_concert("Second").await;
    for (concert, id) in [
        (second, office.performance),
        (office.concert, PerformanceId(Uuid::nil())),
    ] {
        let deleted = office.delete(concert, id).await;
        assert_eq!(deleted, DeletePerformanceOutcome::NotFound);
    }
    assert!(office.is_there(office.performance).await);
}

/// The slot of a deleted performance is free again.
pub async fn a_deleted_performance_leaves_its_slot<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let planned = office.planned();
    office.create(&planned, Some("key")).await;
    office.delete(office.concert, planned.id).await;
    // The key still stands for what it created.
    let repeated = office.create(&planned, Some("key")).await;
    let replayed = CreatePerformanceOutcome::Created(Applied::replayed(planned.id));
    assert_eq!(repeated, replayed);
    let again = office.planned();
    let created = office.create(&again, None).await;
    let first = CreatePerformanceOutcome::Created(Applied::first(again.id));
    assert_eq!(created, first);
}

/// A concert whose queue is closed is deleted with its performances, if none of them is in use.
pub async fn a_closed_concert_is_deleted_with_its_performances<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let second = office.add_performance(office.concert).await;
    let other = office.add_concert("Other").await;
    let deleted = office.delete_concert(office.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::NotClosed);
    office.close_queue().await;
    office.held("ann", &["A-1"]).await;
    let deleted = office.delete_concert(office.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::InUse(office.performance));
    assert!(office.is_there(second).await, "a refusal deletes nothing");
    office.pass(HOLD).await;
    let deleted = office.delete_concert(office.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::Deleted);
    assert!(!office.is_there(office.performance).await);
    assert!(!office.is_there(second).await);
    let policy = office.ports.policies.find(office.concert).await;
    assert_eq!(policy.expect("find"), None);
    let deleted = office.delete_concert(office.concert).await;
    assert_eq!(deleted, DeleteConcertOutcome::NotFound);
    let policies = office.ports.policies.all(long_ago()).await.expect("all");
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].0, other);
}

/// If a hold and a deletion run at once, one of them succeeds, never both.
pub async fn a_hold_and_a_deletion_agree<F: DatabaseFixture>(fixture: F) {
    enum Outcome {
        Held(HoldOutcome),
        Deleted(DeletePerformanceOutcome),
    }
    let mut office = BoxOffice::open(fixture).await;
    for round in 0..10 {
        office.performance = office.add_performance(office.concert).await;
        let who = format!("user-{round}");
        let request = office.request(&who, &["A-1"]);
        let (concert, id) = (office.concert, office.performance);
        let calls = (0..2).map(|call| {
            let ports = office.ports.clone();
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
        assert_eq!(office.is_there(id).await, held);
    }
}
