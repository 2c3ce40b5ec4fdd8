use std::sync::Arc;

use super::{Browse, QueueBoard};
use crate::{
    model::{ConcertId, PerformanceId},
    ports::{
        Clock, ConcertEditor, Concerts, DeleteConcertOutcome, DeletePerformanceOutcome, Operator,
        QueueControl, RemoveOutcome, StoreResult,
    },
};

/// Deletes concerts and performances that nobody has a claim to.
pub struct DeleteConcerts {
    /// The catalogue.
    pub editor: Arc<dyn ConcertEditor>,
    /// The catalogue, as it is.
    pub concerts: Arc<dyn Concerts>,
    /// The queues' store.
    pub control: Arc<dyn QueueControl>,
    /// Is told that a concert is gone.
    pub board: Arc<QueueBoard>,
    /// Is told to look again.
    pub browse: Arc<Browse>,
    /// Says when a change was made.
    pub clock: Arc<dyn Clock>,
}

/// What came of deleting a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletedConcert {
    /// What came of it.
    Asked(DeleteConcertOutcome),
    /// Somebody has a place in its queue.
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
        let outcome = self.editor.delete_performance(concert, id, &by).await?;
        self.browse.forget(concert).await;
        self.browse.forget_seats(id).await;
        Ok(outcome)
    }

    /// Deletes a concert, its performances and its queue.
    ///
    /// The queue is removed first: a process that dies between the two leaves an empty queue that the
    /// next tick gives to the store again, never one that has lost its concert. What would refuse the
    /// second step is therefore looked for before the first.
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
        let outcome = self.editor.delete_concert(id, &self.by(operator)).await?;
        if outcome == DeleteConcertOutcome::Deleted {
            self.board.note_absent(id);
            self.browse.forget(id).await;
            for performance in performances {
                self.browse.forget_seats(performance.id).await;
            }
        } else if outcome != DeleteConcertOutcome::NotFound {
            self.board.want(id);
        }
        Ok(DeletedConcert::Asked(outcome))
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
        ports::{MockConcertEditor, MockConcerts, MockQueueControl},
        use_cases::{QueueMissing, testing::*},
    };

    fn deleting(
        seats_left: u64,
        removed: Option<RemoveOutcome>,
        deleted: Option<DeleteConcertOutcome>,
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
        let mut control = MockQueueControl::new();
        control
            .expect_remove()
            .times(usize::from(removed.is_some()))
            .returning(move |_| Ok(removed.unwrap_or(RemoveOutcome::Removed)));
        let mut editor = MockConcertEditor::new();
        editor
            .expect_delete_concert()
            .withf(|id, by| *id == CONCERT && *by == operator())
            .times(usize::from(deleted.is_some()))
            .returning(move |_, _| Ok(deleted.clone().unwrap_or(DeleteConcertOutcome::NotFound)));
        DeleteConcerts {
            editor: Arc::new(editor),
            concerts: Arc::new(concerts),
            control: Arc::new(control),
            board: board(),
            browse: Arc::new(Browse::new(Arc::new(MockConcerts::new()), clock(50))),
            clock: clock(50),
        }
    }

    #[tokio::test]
    async fn a_deleted_concert_is_known_to_be_gone_at_once() {
        let delete = deleting(
            2,
            Some(RemoveOutcome::Removed),
            Some(DeleteConcertOutcome::Deleted),
        );
        let answer = delete.concert(CONCERT, "ops").await;
        let deleted = DeletedConcert::Asked(DeleteConcertOutcome::Deleted);
        assert_eq!(answer, Ok(deleted));
        let gone = QueueMissing::NoSuchConcert;
        assert_eq!(delete.board.missing_for_token(CONCERT), gone);
        assert_eq!(delete.board.missing(CONCERT), gone);
        assert!(delete.board.take_wanted().is_empty());
    }

    #[tokio::test]
    async fn the_queue_stays_where_the_concert_does() {
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
        // A seat was held meanwhile: the store is given the queue again.
        let removed = Some(RemoveOutcome::Removed);
        let delete = deleting(2, removed, Some(InUse(PERFORMANCE)));
        assert_eq!(delete.concert(CONCERT, "ops").await, Ok(in_use()));
        assert!(delete.board.take_wanted().contains(&CONCERT));
    }
}
