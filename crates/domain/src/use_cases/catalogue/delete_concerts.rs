use std::sync::Arc;

use crate::{
    model::{ConcertId, PerformanceId},
    ports::{
        Clock, ConcertEditor, Concerts, DeleteConcertOutcome, DeletePerformanceOutcome, Operator,
        QueueControl, QueuePolicies, RemoveOutcome, StoreResult,
    },
};
use crate::{
    read_models::QueueStatuses,
    use_cases::{Browse, MarkSale},
};

/// Deletes concerts and performances that no user has a claim to.
pub struct DeleteConcerts {
    /// The catalogue.
    pub editor: Arc<dyn ConcertEditor>,
    /// The catalogue, to read.
    pub concerts: Arc<dyn Concerts>,
    /// The master copies of policies.
    pub policies: Arc<dyn QueuePolicies>,
    /// The queues' store.
    pub control: Arc<dyn QueueControl>,
    /// Records that a concert was deleted.
    pub statuses: Arc<QueueStatuses>,
    /// Holds the snapshots that a change makes outdated.
    pub browse: Arc<Browse>,
    /// Records in the queues what is left to buy.
    pub sale: Arc<MarkSale>,
    /// The instant of a change.
    pub clock: Arc<dyn Clock>,
}

/// The result of deleting a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletedConcert {
    /// The outcome in the database.
    Asked(DeleteConcertOutcome),
    /// A user has a place in its queue.
    QueueInUse,
}

impl DeleteConcerts {
    /// Deletes a performance of `concert`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        operator: &str,
    ) -> StoreResult<DeletePerformanceOutcome> {
        let by = self.by(operator);
        let outcome = self.editor.delete_performance(concert, id, &by).await;
        if outcome.is_ok() {
            self.sale.performances_changed(concert).await;
        } else {
            // The performance may have been deleted all the same.
            self.browse.forget(concert).await;
        }
        self.browse.forget_seats(id).await;
        outcome
    }

    /// Deletes a concert, its performances and its queue.
    ///
    /// The queue is removed first: a process that dies between the two steps leaves an empty queue
    /// that provisioning gives to the store again, never a queue without its concert. Whatever
    /// would refuse the second step is therefore checked before the first. Provisioning may also
    /// give the store the queue again before the second step, so the queue is removed once more
    /// after it.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn concert(&self, id: ConcertId, operator: &str) -> StoreResult<DeletedConcert> {
        let performances = self.concerts.performances(id).await?;
        let in_use = performances
            .iter()
            .find(|performance| performance.seats_left < performance.seats_total);
        if let Some(performance) = in_use {
            let refusal = DeleteConcertOutcome::InUse(performance.id);
            return Ok(DeletedConcert::Asked(refusal));
        }
        match self.control.remove(id).await? {
            RemoveOutcome::Removed => {}
            RemoveOutcome::NotClosed => {
                return Ok(DeletedConcert::Asked(DeleteConcertOutcome::NotClosed));
            }
            RemoveOutcome::NotEmpty => return Ok(DeletedConcert::QueueInUse),
        }
        let deleted = self.delete_without_queue(id, operator).await;
        self.browse.forget(id).await;
        for performance in performances {
            self.browse.forget_seats(performance.id).await;
        }
        match deleted {
            Ok(DeleteConcertOutcome::Deleted | DeleteConcertOutcome::NotFound) => {
                self.statuses.note_missing(id);
                // The concert is deleted even if this fails. Then provisioning removes the queue.
                if let Err(error) = self.control.remove(id).await {
                    tracing::warn!(%error, concert = %id,
                        "failed to remove the queue of a deleted concert; provisioning retries");
                    self.statuses.want(id);
                }
            }
            Ok(_) | Err(_) => self.statuses.want(id),
        }
        deleted.map(DeletedConcert::Asked)
    }

    /// Deletes a concert whose queue was removed.
    async fn delete_without_queue(
        &self,
        id: ConcertId,
        operator: &str,
    ) -> StoreResult<DeleteConcertOutcome> {
        // If the store is given the queue again, no user has lost a place in it.
        self.policies.forget_seeded(id).await?;
        self.editor.delete_concert(id, &self.by(operator)).await
    }

    fn by(&self, operator: &str) -> Operator {
        Operator {
            name: operator.to_owned(),
            at: self.clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Performance, Venue},
        ports::{MockConcertEditor, MockConcerts, MockQueueControl, MockQueuePolicies},
        read_models::QueueMissing,
        test_support::*,
    };

    fn deleting(
        seats_left: u64,
        removed: Option<RemoveOutcome>,
        deleted: Option<StoreResult<DeleteConcertOutcome>>,
    ) -> DeleteConcerts {
        let is_deleted = deleted == Some(Ok(DeleteConcertOutcome::Deleted));
        let mut control = MockQueueControl::new();
        control
            .expect_remove()
            .times(usize::from(removed.is_some()) + usize::from(is_deleted))
            .returning(move |_| Ok(removed.unwrap_or(RemoveOutcome::Removed)));
        deleting_from(control, seats_left, deleted)
    }

    fn deleting_from(
        control: MockQueueControl,
        seats_left: u64,
        deleted: Option<StoreResult<DeleteConcertOutcome>>,
    ) -> DeleteConcerts {
        let mut concerts = MockConcerts::new();
        concerts.expect_performances().returning(move |_| {
            Ok(vec![Performance {
                id: PERFORMANCE,
                concert: CONCERT,
                starts_at: at(1_000),
                venue: Venue::try_from("A hall").unwrap(),
                seats_total: 2,
                seats_left,
            }])
        });
        let calls = usize::from(deleted.is_some());
        let mut policies = MockQueuePolicies::new();
        policies
            .expect_forget_seeded()
            .times(calls)
            .returning(|_| Ok(()));
        let mut editor = MockConcertEditor::new();
        editor
            .expect_delete_concert()
            .withf(|id, by| *id == CONCERT && *by == operator())
            .times(calls)
            .returning(move |_, _| deleted.clone().unwrap_or_else(|| Err(down())));
        DeleteConcerts {
            policies: Arc::new(policies),
            editor: Arc::new(editor),
            concerts: Arc::new(concerts),
            control: Arc::new(control),
            statuses: statuses(),
            browse: Arc::new(Browse::new(Arc::new(MockConcerts::new()), clock(50))),
            sale: mark_sale(&[CONCERT]),
            clock: clock(50),
        }
    }

    #[tokio::test]
    async fn a_deleted_concert_is_missing_at_once() {
        let delete = deleting(
            2,
            Some(RemoveOutcome::Removed),
            Some(Ok(DeleteConcertOutcome::Deleted)),
        );
        let answer = delete.concert(CONCERT, "ops").await;
        let deleted = DeletedConcert::Asked(DeleteConcertOutcome::Deleted);
        assert_eq!(answer, Ok(deleted));
        let gone = QueueMissing::NoSuchConcert;
        assert_eq!(delete.statuses.missing_for_token(CONCERT), gone);
        assert_eq!(delete.statuses.missing(CONCERT), gone);
        assert!(delete.statuses.take_wanted().is_empty());
    }

    #[tokio::test]
    async fn a_concert_that_stays_keeps_its_queue() {
        use DeleteConcertOutcome::{InUse, NotClosed};
        let in_use = || DeletedConcert::Asked(InUse(PERFORMANCE));
        for (seats_left, removed, expected) in [
            (1, None, in_use()),
            (
                2,
                Some(RemoveOutcome::NotClosed),
                DeletedConcert::Asked(NotClosed),
            ),
            (2, Some(RemoveOutcome::NotEmpty), DeletedConcert::QueueInUse),
        ] {
            let delete = deleting(seats_left, removed, None);
            assert_eq!(delete.concert(CONCERT, "ops").await, Ok(expected));
        }
        // A seat was held meanwhile, or the outcome is unknown: the store is given the queue again.
        let removed = Some(RemoveOutcome::Removed);
        for (deleted, expected) in [
            (Ok(InUse(PERFORMANCE)), Ok(in_use())),
            (Err(down()), Err(down())),
        ] {
            let delete = deleting(2, removed, Some(deleted));
            assert_eq!(delete.concert(CONCERT, "ops").await, expected);
            assert!(delete.statuses.take_wanted().contains(&CONCERT));
        }
    }

    #[tokio::test]
    async fn a_deletion_succeeds_even_if_the_queue_cannot_be_removed_again() {
        let deleted = DeleteConcertOutcome::Deleted;
        let mut control = MockQueueControl::new();
        let mut answers = vec![Err(down()), Ok(RemoveOutcome::Removed)];
        control
            .expect_remove()
            .times(2)
            .returning(move |_| answers.pop().unwrap_or_else(|| Err(down())));
        let delete = deleting_from(control, 2, Some(Ok(deleted.clone())));
        let answer = delete.concert(CONCERT, "ops").await;
        assert_eq!(answer, Ok(DeletedConcert::Asked(deleted)));
        assert!(delete.statuses.take_wanted().contains(&CONCERT));
    }
}
