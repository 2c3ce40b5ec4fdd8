use std::{collections::HashSet, sync::Arc};

use super::{QueueBoard, SeedQueues, Seeding};
use crate::{
    model::ConcertId,
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome},
};

/// Moves a queue on: admits those whose turn it is. Every instance does this for every queue; how
/// many are admitted is decided in the store.
pub struct AdmitTick {
    /// The queues.
    pub ticks: Arc<dyn QueueTicks>,
    /// Supplies a store that has lost a queue.
    pub seeding: Arc<SeedQueues>,
    /// Is told how the queues stand.
    pub board: Arc<QueueBoard>,
}

impl AdmitTick {
    /// How many people one call of the store admits at most, so that it holds up nobody for long.
    pub const CHUNK: u32 = 500;
    /// How many people one tick admits before it leaves the rest to the next: other queues have their turn.
    const PEOPLE: u64 = 200_000;
    /// How many calls one tick makes at most. A store may admit fewer at once than it is asked to.
    const CHUNKS: usize = 1_600;

    /// The queues that are worth a tick now: those with people in them, those that were recovering when
    /// last seen, and those that the store lacked, or whose new policy it had not taken, and which it is
    /// given here.
    ///
    /// # Errors
    /// When the queues' store fails. What it could not be given is tried again by the next tick.
    pub async fn due(&self) -> StoreResult<HashSet<ConcertId>> {
        let mut due = HashSet::new();
        let mut failed = None;
        for concert in self.board.take_wanted() {
            match self.seeding.one(concert).await {
                Ok(Seeding::Served { .. }) => {
                    due.insert(concert);
                }
                Ok(Seeding::NoSuchConcert) => {}
                Err(error) => {
                    self.board.want(concert);
                    failed = Some(error);
                }
            }
        }
        due.extend(self.ticks.busy().await?);
        due.extend(self.board.recovering());
        match failed {
            // The others are not kept waiting for one that fails.
            Some(error) if due.is_empty() => Err(error),
            _ => Ok(due),
        }
    }

    /// Ticks one queue; gives how many people were admitted.
    ///
    /// # Errors
    /// When the queues' store or, for a queue that it has lost, the database fails.
    pub async fn run(&self, concert: ConcertId) -> StoreResult<u64> {
        let mut admitted = 0;
        for _ in 0..Self::CHUNKS {
            let Stamped { as_of, value } = self.ticks.admit(concert, Self::CHUNK).await?;
            match value {
                TickOutcome::Ticked(report) => {
                    admitted += u64::from(report.done);
                    let more = report.more;
                    self.board.note_tick(
                        concert,
                        &Stamped {
                            as_of,
                            value: report,
                        },
                    );
                    if !more || admitted >= Self::PEOPLE {
                        break;
                    }
                }
                TickOutcome::Skipped => break,
                TickOutcome::NotSeeded => {
                    self.seeding.one(concert).await?;
                    break;
                }
            }
        }
        Ok(admitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::queue::QueueView,
        ports::{
            MasterPolicy, MockQueueControl, MockQueuePolicies, MockQueueTicks, QueuePolicies,
            SeedOutcome,
        },
        use_cases::testing::*,
    };

    fn tick(ticks: MockQueueTicks, policies: impl QueuePolicies + 'static) -> AdmitTick {
        let mut control = MockQueueControl::new();
        control
            .expect_seed()
            .returning(|_| Ok(stamped(SeedOutcome::Taken { recovering: true })));
        let board = board();
        AdmitTick {
            ticks: Arc::new(ticks),
            seeding: Arc::new(SeedQueues::new(
                Arc::new(policies),
                Arc::new(control),
                ids(),
                Arc::clone(&board),
                RECOVERY,
            )),
            board,
        }
    }

    #[tokio::test]
    async fn it_goes_on_while_there_is_more() {
        let mut ticks = MockQueueTicks::new();
        let mut left = 3;
        ticks.expect_admit().times(3).returning(move |_, _| {
            left -= 1;
            Ok(stamped(TickOutcome::Ticked(report(500, left > 0))))
        });
        assert_eq!(
            tick(ticks, MockQueuePolicies::new()).run(CONCERT).await,
            Ok(1500)
        );
    }

    #[tokio::test]
    async fn it_leaves_what_is_too_much_to_the_next() {
        let mut ticks = MockQueueTicks::new();
        ticks
            .expect_admit()
            .times(400)
            .returning(|_, _| Ok(stamped(TickOutcome::Ticked(report(500, true)))));
        assert_eq!(
            tick(ticks, MockQueuePolicies::new()).run(CONCERT).await,
            Ok(200_000)
        );
    }

    #[tokio::test]
    async fn it_leaves_a_queue_to_the_instance_that_is_at_it() {
        let mut ticks = MockQueueTicks::new();
        ticks
            .expect_admit()
            .once()
            .returning(|_, _| Ok(stamped(TickOutcome::Skipped)));
        assert_eq!(
            tick(ticks, MockQueuePolicies::new()).run(CONCERT).await,
            Ok(0)
        );
    }

    #[tokio::test]
    async fn it_supplies_a_store_that_lost_the_queue() {
        let mut ticks = MockQueueTicks::new();
        ticks
            .expect_admit()
            .once()
            .returning(|_, _| Ok(stamped(TickOutcome::NotSeeded)));
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().once().return_once(|_| {
            Ok(Some(MasterPolicy {
                policy: policy(1),
                seeded: true,
                reserved: None,
            }))
        });
        assert_eq!(tick(ticks, policies).run(CONCERT).await, Ok(0));
    }

    #[tokio::test]
    async fn due_are_the_busy_and_the_missed_which_the_store_is_given() {
        let mut ticks = MockQueueTicks::new();
        ticks.expect_busy().return_once(|| Ok(vec![OTHER_CONCERT]));
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().once().return_once(|_| {
            Ok(Some(MasterPolicy {
                policy: policy(2),
                seeded: true,
                reserved: None,
            }))
        });
        let tick = tick(ticks, policies);
        tick.board.want(CONCERT);
        assert_eq!(
            tick.due().await,
            Ok(HashSet::from([CONCERT, OTHER_CONCERT]))
        );
    }

    /// Nobody may be in it, and yet everybody is told so of it.
    #[tokio::test]
    async fn a_queue_that_was_recovering_is_due_until_it_is_seen_to_be_over() {
        let mut ticks = MockQueueTicks::new();
        ticks.expect_busy().returning(|| Ok(Vec::new()));
        ticks
            .expect_admit()
            .once()
            .returning(|_, _| Ok(stamped(TickOutcome::Ticked(report(0, false)))));
        let tick = tick(ticks, MockQueuePolicies::new());
        let recovering = QueueView {
            recovering: true,
            ..open_queue()
        };
        tick.board.note_view(CONCERT, recovering);
        assert_eq!(tick.due().await, Ok(HashSet::from([CONCERT])));
        assert_eq!(tick.run(CONCERT).await, Ok(0));
        assert_eq!(tick.due().await, Ok(HashSet::new()));
    }

    #[tokio::test]
    async fn what_could_not_be_given_is_tried_again() {
        let mut ticks = MockQueueTicks::new();
        ticks.expect_busy().returning(|| Ok(Vec::new()));
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().times(2).returning(|_| Err(down()));
        let tick = tick(ticks, policies);
        tick.board.want(CONCERT);
        assert_eq!(tick.due().await, Err(down()));
        assert_eq!(tick.due().await, Err(down()));
    }
}
