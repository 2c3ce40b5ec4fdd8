use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    model::ConcertId,
    ports::{Clock, MasterPolicy, QueuePolicies, QueueTicks, StoreResult},
};
use crate::{read_models::QueueStatuses, use_cases::SeedQueues};

/// Compares the database with what this instance knows of the queues: finds the queues that their
/// store may lack or have an older policy of, and drops concerts that are over.
pub struct SurveyQueues {
    /// The master copies.
    pub policies: Arc<dyn QueuePolicies>,
    /// Say which queues are in use.
    pub ticks: Arc<dyn QueueTicks>,
    /// Gives queues to their store, and takes away those of deleted concerts.
    pub seeding: Arc<SeedQueues>,
    /// Says which performances have started.
    pub clock: Arc<dyn Clock>,
}

impl SurveyQueues {
    /// How long after the start of its last performance a concert is over. Until then held seats
    /// may still be paid, and users who wait are answered that it has ended.
    const OVER_AFTER: Duration = Duration::from_hours(24);

    /// Returns the earliest start of a last performance whose concert is not over at `now`.
    #[must_use]
    pub fn since(now: Timestamp) -> Timestamp {
        now.checked_sub(Self::OVER_AFTER).unwrap_or(Timestamp::MIN)
    }

    /// Puts the policies of all concerts that are not over into the statuses, and drops from them
    /// the concerts that were deleted, or are over and not in use. Returns the queues whose store
    /// is not known to have their policy in force.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self) -> StoreResult<Vec<(ConcertId, MasterPolicy)>> {
        let statuses = self.seeding.statuses();
        // Read first: a concert that is created meanwhile is in the statuses and not among the
        // masters.
        let known = statuses.concerts();
        let mut masters = self.policies.all(Self::since(self.clock.now())).await?;
        for (concert, master) in &masters {
            if statuses.is_missing(*concert) {
                // The concert was deleted since it was read here, or is back from a backup:
                // provisioning checks again.
                statuses.want(*concert);
            } else {
                statuses.note_policy(*concert, &master.policy);
            }
        }
        let not_over: HashSet<_> = masters.iter().map(|(concert, _)| *concert).collect();
        let missing: Vec<_> = known
            .into_iter()
            .filter(|concert| !not_over.contains(concert))
            .collect();
        if !missing.is_empty() {
            self.drop_missing(statuses, missing).await;
        }
        masters.retain(|(concert, master)| {
            !statuses.is_missing(*concert) && !statuses.is_in_store(*concert, master.policy.version)
        });
        Ok(masters)
    }

    /// Drops concerts that are over. A concert stays while its queue is in use or recovers, or
    /// while the store or the database does not answer. One that another instance has deleted is
    /// left to provisioning, which removes its queue.
    async fn drop_missing(&self, statuses: &QueueStatuses, concerts: Vec<ConcertId>) {
        let busy = self.ticks.busy().await;
        let mut forgotten = 0_usize;
        for concert in concerts {
            match self.policies.find(concert).await {
                Ok(None) => statuses.want(concert),
                Ok(Some(_)) => {
                    let recovers = statuses.view(concert).is_some_and(|view| view.recovering);
                    let in_use = busy.as_ref().map_or(true, |busy| busy.contains(&concert));
                    if !in_use && !recovers {
                        statuses.forget(concert);
                        forgotten += 1;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error,
                        "failed to check which concerts are over; the next survey retries");
                    break;
                }
            }
        }
        if forgotten > 0 {
            tracing::info!(
                concerts = forgotten,
                "empty queues of concerts that are over are no longer ticked"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::queue::QueueView,
        ports::{MockQueueControl, MockQueuePolicies, MockQueueTicks, RemoveOutcome, SeedOutcome},
        test_support::*,
        use_cases::Seeding,
    };

    const DAY: i64 = 24 * 60 * 60;

    fn master(version: i64) -> MasterPolicy {
        MasterPolicy {
            policy: policy(version),
            seeded: true,
            reserved: None,
        }
    }

    /// Returns a survey whose database has `masters` and `over`, and whose store serves `busy`.
    fn survey(
        masters: Vec<(ConcertId, MasterPolicy)>,
        over: &'static [ConcertId],
        busy: StoreResult<Vec<ConcertId>>,
    ) -> SurveyQueues {
        let mut policies = MockQueuePolicies::new();
        policies
            .expect_all()
            .withf(|since| *since == at(500))
            .returning(move |_| Ok(masters.clone()));
        policies
            .expect_find()
            .returning(|concert| Ok(over.contains(&concert).then(|| master(1))));
        let policies = Arc::new(policies);
        let mut control = MockQueueControl::new();
        control
            .expect_remove()
            .returning(|_| Ok(RemoveOutcome::Removed));
        control
            .expect_seed()
            .returning(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        let mut ticks = MockQueueTicks::new();
        ticks.expect_busy().returning(move || busy.clone());
        SurveyQueues {
            policies: Arc::clone(&policies) as _,
            ticks: Arc::new(ticks),
            seeding: Arc::new(SeedQueues::new(
                policies,
                no_served_entries(),
                Arc::new(control),
                ids(),
                statuses(),
                RECOVERY,
            )),
            clock: clock(DAY + 500),
        }
    }

    fn found(survey: &[(ConcertId, MasterPolicy)]) -> Vec<ConcertId> {
        survey.iter().map(|(concert, _)| *concert).collect()
    }

    #[tokio::test]
    async fn a_queue_is_given_once_and_again_for_a_newer_policy() {
        let survey = survey(
            vec![(CONCERT, master(2)), (OTHER_CONCERT, master(1))],
            &[],
            Ok(vec![]),
        );
        let statuses = survey.seeding.statuses();
        let first = survey.run().await.unwrap();
        assert_eq!(found(&first), [CONCERT, OTHER_CONCERT]);
        for (concert, master) in first {
            survey.seeding.give(concert, master).await.unwrap();
        }
        assert_eq!(survey.run().await, Ok(vec![]));
        statuses.note_in_store(CONCERT, policy(1).version);
        assert_eq!(found(&survey.run().await.unwrap()), [CONCERT]);
    }

    #[tokio::test]
    async fn a_queue_that_was_found_missing_is_given_again() {
        let survey = survey(vec![(CONCERT, master(1))], &[], Ok(vec![]));
        let statuses = survey.seeding.statuses();
        statuses.note_in_store(CONCERT, policy(1).version);
        assert_eq!(survey.run().await, Ok(vec![]));
        statuses.want(CONCERT);
        assert_eq!(found(&survey.run().await.unwrap()), [CONCERT]);
    }

    #[tokio::test]
    async fn a_concert_that_is_over_leaves_the_statuses_once_no_user_has_a_place() {
        for (case, busy, recovering, stays) in [
            ("no user has a place", Ok(vec![OTHER_CONCERT]), false, false),
            ("a user has a place", Ok(vec![CONCERT]), false, true),
            ("it recovers", Ok(vec![]), true, true),
            ("the store does not answer", Err(down()), false, true),
        ] {
            let survey = survey(vec![], &[CONCERT], busy);
            let statuses = survey.seeding.statuses();
            let view = QueueView {
                recovering,
                ..open_queue()
            };
            statuses.note_view(CONCERT, view);
            assert_eq!(survey.run().await, Ok(vec![]), "{case}");
            assert_eq!(statuses.view(CONCERT).is_some(), stays, "{case}");
            assert!(!statuses.is_missing(CONCERT), "{case}");
        }
    }

    #[tokio::test]
    async fn a_concert_that_was_deleted_elsewhere_is_left_to_provisioning() {
        let survey = survey(vec![], &[], Ok(vec![]));
        let statuses = survey.seeding.statuses();
        assert_eq!(survey.run().await, Ok(vec![]));
        assert!(statuses.take_wanted().contains(&CONCERT));
        let seeding = survey.seeding.one(CONCERT).await;
        assert_eq!(seeding, Ok(Seeding::NoSuchConcert));
        assert!(statuses.concerts().is_empty());
    }

    #[tokio::test]
    async fn a_concert_that_was_deleted_while_the_survey_read_it_stays_absent() {
        let survey = survey(vec![(CONCERT, master(1))], &[], Ok(vec![]));
        let statuses = survey.seeding.statuses();
        statuses.note_missing(CONCERT);
        assert_eq!(survey.run().await, Ok(vec![]));
        assert!(statuses.is_missing(CONCERT));
        assert!(statuses.take_wanted().contains(&CONCERT));
    }

    #[tokio::test]
    async fn a_token_or_a_join_returns_a_concert_that_is_over_to_the_store() {
        let survey = survey(vec![], &[CONCERT], Ok(vec![]));
        let statuses = survey.seeding.statuses();
        survey.run().await.unwrap();
        statuses.missing_for_token(CONCERT);
        for concert in statuses.take_wanted() {
            survey.seeding.one(concert).await.unwrap();
        }
        assert!(statuses.is_in_store(CONCERT, policy(1).version));
    }
}
