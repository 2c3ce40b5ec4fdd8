//! A queue that the store was never given, or has lost.

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{GatePurpose, SaleState, Ticket},
    },
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, PeekOutcome, SnapshotOutcome,
        TickOutcome,
    },
};
use uuid::Uuid;

use super::{ALL, ContractQueue, QueueFixture, heartbeats::heartbeat};
use crate::{QueuePorts, fixture::counted, policies, test_queue::user};

impl<F: QueueFixture> ContractQueue<F> {
    /// Checks that every call reports the queue as unknown.
    async fn assert_unknown(&self, ticket: &Ticket) {
        let QueuePorts {
            queue,
            ticks,
            control,
            line,
        } = &self.ports;
        assert_eq!(self.join("ann").await.value, JoinOutcome::NotSeeded);
        let joined = self.join_showing(ticket).await.value;
        assert_eq!(joined, JoinOutcome::NotSeeded);
        assert_eq!(self.look_up(ticket).await.value, LookUpOutcome::NotSeeded);
        let passed = queue.pass_gate(ticket, GatePurpose::Browse).await;
        assert_eq!(passed.expect("gate").value, GateOutcome::NotSeeded);
        assert_eq!(self.leave(ticket).await.value, LeaveOutcome::NotSeeded);
        let admitted = ticks.admit(self.concert, ALL).await.expect("tick");
        assert_eq!(admitted.value, TickOutcome::NotSeeded);
        let expired = ticks.expire(self.concert, ALL).await.expect("tick");
        assert_eq!(expired.value, TickOutcome::NotSeeded);
        let snapshot = line.snapshot(self.concert, None).await.expect("snapshot");
        assert_eq!(snapshot.value, SnapshotOutcome::NotSeeded);
        let heartbeats = [heartbeat(ticket, snapshot.as_of)];
        let recorded = line
            .record_heartbeats(self.concert, &heartbeats)
            .await
            .expect("record heartbeats");
        let found: Vec<_> = recorded.into_iter().map(|found| found.value).collect();
        assert_eq!(found, [LookUpOutcome::NotSeeded]);
        let peeked = line.peek(self.concert, std::slice::from_ref(ticket)).await;
        assert_eq!(peeked.expect("peek").value, PeekOutcome::NotSeeded);
        let version = control.policy_version(self.concert).await;
        assert_eq!(version, Ok(None));
        assert_eq!(control.is_empty(self.concert).await, Ok(true));
        assert_eq!(
            control
                .set_sale(self.concert, counted(SaleState::SoldOut))
                .await,
            Ok(())
        );
        let version = control.policy_version(self.concert).await;
        assert_eq!(version, Ok(None), "selling out makes no queue");
        let busy = ticks.busy().await.expect("busy");
        assert!(!busy.contains(&self.concert));
    }
}

/// A store that was never given a queue reports that in every answer, and creates none.
pub async fn a_queue_that_was_never_seeded_is_unknown<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::unknown(fixture, policies::throughput(1));
    queue.assert_unknown(&queue.ticket("ann", 1)).await;
}

/// Another queue in the store changes nothing.
pub async fn a_seeded_queue_makes_no_other_queue_known<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_active("ann").await;
    queue.concert = ConcertId(Uuid::from_u128(0xc0_0009));
    let there = Ticket {
        concert: queue.concert,
        user: user("ann"),
        ..ann
    };
    queue.assert_unknown(&there).await;
}

/// A store that lost its queues does not know them until it is given them again.
pub async fn a_lost_queue_is_unknown<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_active("ann").await;
    queue.fixture.lose_data().await;
    queue.assert_unknown(&ann).await;
}

/// A sale count for a queue that the store does not have yet is ignored: the queue is not sold out
/// later.
pub async fn a_sale_count_before_the_seed_is_ignored<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::unknown(fixture, policies::throughput(1));
    let set = queue
        .ports
        .control
        .set_sale(queue.concert, counted(SaleState::SoldOut))
        .await;
    set.expect("sold out");
    queue.seed(None).await;
    queue.join_active("ann").await;
}
