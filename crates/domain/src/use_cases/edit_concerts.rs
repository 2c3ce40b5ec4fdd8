use std::sync::Arc;

use jiff::Timestamp;

use super::{Browse, SeedQueues};
use crate::{
    model::{
        ConcertId, ConcertTitle, Invalid, NewPerformance, PerformanceEdit, PerformanceId, SeatPlan,
        Venue,
        queue::{PolicyRules, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{Clock, ConcertEditor, EditOutcome, Ids, Operator, StoreResult},
};

/// Writes the catalogue: concerts, their performances, and their seats.
pub struct EditConcerts {
    /// The catalogue.
    pub editor: Arc<dyn ConcertEditor>,
    /// Gives a new concert's queue to its store.
    pub seeding: Arc<SeedQueues>,
    /// Is told to look again.
    pub browse: Arc<Browse>,
    /// Names what is new.
    pub ids: Arc<dyn Ids>,
    /// Says when a change was made.
    pub clock: Arc<dyn Clock>,
    /// What every policy must obey.
    pub rules: PolicyRules,
}

/// What came of making a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatedConcert {
    /// It is there, under this name.
    Created(ConcertId),
    /// These fields of its queue's policy are wrong.
    InvalidPolicy(Vec<(&'static str, Invalid)>),
}

impl EditConcerts {
    /// Makes a concert and its queue. A queue's store that cannot be reached now is given the queue
    /// by the next tick.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_concert(
        &self,
        title: &ConcertTitle,
        policy: QueuePolicy,
        operator: &str,
    ) -> StoreResult<CreatedConcert> {
        let faults = self.policy_faults(&policy);
        if !faults.is_empty() {
            return Ok(CreatedConcert::InvalidPolicy(faults));
        }
        let id = self.ids.concert();
        let by = self.by(operator);
        let policy = VersionedPolicy {
            policy,
            version: PolicyVersion::first(by.at),
        };
        self.editor.create_concert(id, title, &policy, &by).await?;
        self.seeding.board().note_policy(id, &policy);
        if let Err(error) = self.seeding.one(id).await {
            tracing::warn!(%error, concert = %id, "a queue's store has not yet taken a new queue");
            self.seeding.board().want(id);
        }
        self.browse.forget(id).await;
        Ok(CreatedConcert::Created(id))
    }

    /// What is wrong with a new queue's policy.
    #[must_use]
    pub fn policy_faults(&self, policy: &QueuePolicy) -> Vec<(&'static str, Invalid)> {
        policy.faults(&self.rules)
    }

    /// Gives a concert another title.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        operator: &str,
    ) -> StoreResult<EditOutcome> {
        let by = self.by(operator);
        let outcome = self.editor.retitle_concert(id, title, &by).await?;
        self.browse.forget(id).await;
        Ok(outcome)
    }

    /// Plans a performance; gives its name, or none where there is no such concert.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_performance(
        &self,
        concert: ConcertId,
        starts_at: Timestamp,
        venue: Venue,
        seats: SeatPlan,
        operator: &str,
    ) -> StoreResult<Option<PerformanceId>> {
        let performance = NewPerformance {
            id: self.ids.performance(),
            concert,
            starts_at,
            venue,
            seats,
        };
        let by = self.by(operator);
        let outcome = self.editor.create_performance(&performance, &by).await?;
        self.browse.forget(concert).await;
        Ok((outcome == EditOutcome::Done).then_some(performance.id))
    }

    /// Edits a performance: its instant, its venue, its seats.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        edit: &PerformanceEdit,
        operator: &str,
    ) -> StoreResult<EditOutcome> {
        let by = self.by(operator);
        let outcome = self.editor.edit_performance(concert, id, edit, &by).await?;
        self.browse.forget(concert).await;
        self.browse.forget_seats(id).await;
        Ok(outcome)
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
    use std::time::Duration;

    use super::*;
    use crate::{
        model::{Amount, Row, Section},
        ports::{
            MasterPolicy, MockConcertEditor, MockConcerts, MockQueueControl, MockQueuePolicies,
            SeedOutcome,
        },
        use_cases::testing::*,
    };

    fn edit(editor: MockConcertEditor, store_is_down: bool) -> EditConcerts {
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().returning(|_| {
            Ok(Some(MasterPolicy {
                policy: policy(1),
                seeded: false,
            }))
        });
        policies.expect_mark_seeded().returning(|_| Ok(false));
        let mut control = MockQueueControl::new();
        control.expect_seed().returning(move |_| {
            if store_is_down {
                Err(down())
            } else {
                Ok(stamped(SeedOutcome::Taken { recovering: false }))
            }
        });
        EditConcerts {
            editor: Arc::new(editor),
            seeding: Arc::new(SeedQueues::new(
                Arc::new(policies),
                Arc::new(control),
                ids(),
                board(),
                RECOVERY,
            )),
            browse: Arc::new(Browse::new(Arc::new(MockConcerts::new()), clock(50))),
            ids: ids(),
            clock: clock(50),
            rules: PolicyRules {
                longest_poll: Duration::from_secs(15),
            },
        }
    }

    fn title() -> ConcertTitle {
        ConcertTitle::try_from("A concert").unwrap()
    }

    fn seats() -> SeatPlan {
        SeatPlan::new(&[Section {
            name: "Stalls".into(),
            price: Amount::ZERO,
            rows: vec![Row {
                name: "A".into(),
                seats: 2,
            }],
        }])
        .unwrap()
    }

    #[tokio::test]
    async fn a_new_concert_has_a_queue_even_while_its_store_is_down() {
        for store_is_down in [false, true] {
            let mut editor = MockConcertEditor::new();
            editor
                .expect_create_concert()
                .withf(|id, _, policy, by| {
                    *id == CONCERT
                        && policy.version == PolicyVersion(50_000_000)
                        && *by == operator()
                })
                .once()
                .return_once(|_, _, _, _| Ok(()));
            let edit = edit(editor, store_is_down);
            let created = edit
                .create_concert(&title(), QueuePolicy::default(), "ops")
                .await;
            assert_eq!(created, Ok(CreatedConcert::Created(CONCERT)));
            let wanted = edit.seeding.board().take_wanted().contains(&CONCERT);
            assert_eq!(wanted, store_is_down);
        }
    }

    #[tokio::test]
    async fn a_concert_with_a_wrong_policy_is_not_made() {
        let wrong = QueuePolicy {
            throughput: None,
            ..QueuePolicy::default()
        };
        let answer = edit(MockConcertEditor::new(), false)
            .create_concert(&title(), wrong, "ops")
            .await;
        assert!(matches!(answer, Ok(CreatedConcert::InvalidPolicy(_))));
    }

    #[tokio::test]
    async fn a_performance_needs_its_concert() {
        for (outcome, expected) in [
            (EditOutcome::Done, Some(PERFORMANCE)),
            (EditOutcome::NotFound, None),
        ] {
            let mut editor = MockConcertEditor::new();
            editor
                .expect_create_performance()
                .return_once(move |_, _| Ok(outcome));
            let created = edit(editor, false)
                .create_performance(
                    CONCERT,
                    at(1_000),
                    Venue::try_from("A hall").unwrap(),
                    seats(),
                    "ops",
                )
                .await;
            assert_eq!(created, Ok(expected));
        }
    }

    #[tokio::test]
    async fn edits_carry_who_made_them() {
        let change = PerformanceEdit {
            starts_at: Some(at(1_000)),
            seats: Some(seats()),
            ..PerformanceEdit::default()
        };
        let expected = change.clone();
        let mut editor = MockConcertEditor::new();
        editor
            .expect_retitle_concert()
            .withf(|_, _, by| *by == operator())
            .return_once(|_, _, _| Ok(EditOutcome::Done));
        editor
            .expect_edit_performance()
            .withf(move |_, _, edit, by| *edit == expected && *by == operator())
            .return_once(|_, _, _, _| Ok(EditOutcome::NotFound));
        let edit = edit(editor, false);
        assert_eq!(
            edit.retitle_concert(CONCERT, &title(), "ops").await,
            Ok(EditOutcome::Done)
        );
        assert_eq!(
            edit.edit_performance(CONCERT, PERFORMANCE, &change, "ops")
                .await,
            Ok(EditOutcome::NotFound)
        );
    }
}
