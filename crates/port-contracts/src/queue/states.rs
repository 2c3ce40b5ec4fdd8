//! Promise 9: the states of a queue, and their precedence.

use frontrow_domain::{
    model::{
        LATEST_PLAN,
        queue::{
            GatePurpose, JoinRefusal, PolicyState, QueueView, SaleCount, SaleState, Standing,
            Ticket,
        },
    },
    ports::JoinOutcome,
};
use jiff::Timestamp;

use super::{ContractQueue, QueueFixture, RECOVERY, minutes, seconds};
use crate::{fixture::counted, policies};

impl<F: QueueFixture> ContractQueue<F> {
    pub(crate) async fn switch(&mut self, state: PolicyState) {
        self.change(|policy| policy.state = state).await;
    }

    async fn set_sale(&self, sale: SaleState) {
        let set = self.ports.control.set_sale(self.concert, counted(sale));
        set.await.expect("the sale is set");
    }

    /// Returns an open queue with an active and a waiting user.
    async fn with_active_and_waiting(fixture: F) -> (Self, Ticket, Ticket) {
        let queue = Self::open(fixture, policies::throughput(1)).await;
        let ann = queue.join_active("ann").await;
        let ben = queue.join_line("ben").await;
        (queue, ann, ben)
    }

    /// Checks the view of the queue that every call returns.
    async fn assert_view(&mut self, ticket: &Ticket, expected: QueueView) {
        assert_eq!(self.find(ticket).await.queue, expected);
        assert_eq!(self.expire_all().await.queue, expected);
    }

    /// Checks that ann is still active and ben still waits, for every reader.
    async fn assert_places_kept(&mut self, ann: &Ticket, ben: &Ticket) {
        assert!(!self.waits(ann).await);
        assert!(self.waits(ben).await);
        assert_eq!(self.held(ann).await.ticket, *ann);
        assert_eq!(self.held(ben).await.ticket, *ben);
        self.pass_gate(ann, GatePurpose::Browse).await;
    }

    /// Checks that no user is admitted, also in the next window.
    async fn assert_no_admission(&mut self) {
        self.pass(minutes(61)).await;
        assert_eq!(self.admit_all().await, 0);
    }
}

/// A paused queue takes joins, admits no user, and keeps every place.
pub async fn a_paused_queue_takes_joins_and_admits_no_user<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_active_and_waiting(fixture).await;
    queue.switch(PolicyState::Paused).await;
    queue.assert_places_kept(&ann, &ben).await;
    queue.join_line("cat").await;
    queue.assert_no_admission().await;
    queue.switch(PolicyState::Open).await;
    assert_eq!(queue.admit_all().await, 1);
}

/// A closed queue refuses joins, admits no user, and keeps every place.
pub async fn a_closed_queue_refuses_joins_and_admits_no_user<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_active_and_waiting(fixture).await;
    queue.switch(PolicyState::Closed).await;
    queue.assert_places_kept(&ann, &ben).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Closed);
    queue.assert_no_admission().await;
    queue.leave_place(&ben).await;
    assert_eq!(queue.refused("ben").await, JoinRefusal::Closed);
}

/// A queue that is sold out refuses joins, admits no user, and keeps every place, until a seat is
/// free again.
pub async fn a_sold_out_queue_refuses_joins_until_a_seat_is_free<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_active_and_waiting(fixture).await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.assert_places_kept(&ann, &ben).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::SoldOut);
    queue.assert_no_admission().await;
    queue.set_sale(SaleState::SoldOut).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::SoldOut);
    queue.set_sale(SaleState::OnSale).await;
    queue.join_line("cat").await;
    assert_eq!(queue.admit_all().await, 1);
}

/// Once the last performance has started, the queue refuses joins, admits no user and keeps every
/// place. Its state is ended. A new performance opens it again.
pub async fn an_ended_queue_refuses_joins_until_there_is_a_performance<F: QueueFixture>(
    fixture: F,
) {
    let (mut queue, ann, ben) = ContractQueue::with_active_and_waiting(fixture).await;
    queue.set_sale(SaleState::Ended).await;
    queue.assert_places_kept(&ann, &ben).await;
    assert_eq!(queue.find(&ben).await.queue.sale, SaleState::Ended);
    assert_eq!(queue.expire_all().await.queue.sale, SaleState::Ended);
    assert_eq!(queue.refused("cat").await, JoinRefusal::Ended);
    queue.assert_no_admission().await;
    queue.switch(PolicyState::Bypass).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Ended);
    assert_eq!(queue.admit_all().await, 0);
    queue.switch(PolicyState::Open).await;
    queue.set_sale(SaleState::OnSale).await;
    queue.join_line("cat").await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ben).await);
}

/// Ended wins over recovering, paused, and not yet open. Closed wins over ended.
pub async fn ended_wins_over_all_but_closed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.lose_and_recover().await;
    queue.set_sale(SaleState::Ended).await;
    assert_eq!(queue.refused("ann").await, JoinRefusal::Ended);
    let opens_at = queue.now().await + minutes(60);
    queue
        .change(|policy| {
            policy.state = PolicyState::Paused;
            policy.opens_at = Some(opens_at);
        })
        .await;
    assert_eq!(queue.refused("ann").await, JoinRefusal::Ended);
    queue.switch(PolicyState::Closed).await;
    assert_eq!(queue.refused("ann").await, JoinRefusal::Closed);
}

/// Before its concert has a performance, a queue takes joins and admits no user, also in bypass.
pub async fn a_queue_without_a_performance_is_paused<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.set_sale(SaleState::Unplanned).await;
    let ann = queue.join_line("ann").await;
    assert_eq!(queue.find(&ann).await.queue.sale, SaleState::Unplanned);
    queue.assert_no_admission().await;
    queue.switch(PolicyState::Bypass).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.switch(PolicyState::Open).await;
    queue.set_sale(SaleState::OnSale).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
}

/// A change of the policy does not undo sold out.
pub async fn sold_out_outlives_a_change_of_policy<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.change(|policy| *policy = policies::capacity(5)).await;
    assert_eq!(queue.refused("ann").await, JoinRefusal::SoldOut);
}

/// Two instances count the seats, and the older count may arrive last. It changes nothing.
pub async fn an_older_count_of_the_seats_changes_nothing<F: QueueFixture>(fixture: F) {
    use SaleState::{Ended, OnSale, SoldOut, Unplanned};
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let begin = queue.now().await;
    for (after, sale, shown) in [
        (minutes(2), SoldOut, SoldOut),
        (minutes(1), OnSale, SoldOut),
        (minutes(2), OnSale, OnSale),
        (minutes(1), SoldOut, OnSale),
        (minutes(3), SoldOut, SoldOut),
        (minutes(4), Ended, Ended),
        (minutes(3), SoldOut, Ended),
        (minutes(5), Unplanned, Unplanned),
        (minutes(4), Ended, Unplanned),
    ] {
        let counted_at = begin + after;
        let count = SaleCount { sale, counted_at };
        let set = queue.ports.control.set_sale(queue.concert, count).await;
        set.expect("the sale is set");
        let snapshot = queue.snapshot().await;
        assert_eq!(snapshot.queue.sale, shown, "{sale:?} as of {counted_at}");
    }
}

/// In bypass the limits are off. Waiting users are admitted in chunks, and a user who finds no line
/// is admitted at once.
pub async fn bypass_admits_every_user_in_chunks<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(7).await;
    queue
        .change(|policy| {
            *policy = policies::capacity(1);
            policy.state = PolicyState::Bypass;
        })
        .await;
    queue.join_line("late").await; // there is still a line
    let report = queue.admit(5).await;
    assert_eq!((report.done, report.more, report.waiting), (5, true, 3));
    assert!(!queue.waits(&line[4]).await);
    assert!(queue.waits(&line[5]).await);
    let report = queue.admit(5).await;
    assert_eq!((report.done, report.more, report.active), (3, false, 8));
    queue.join_active("later").await;
    queue.assert_gone(&queue.ticket("never", 1)).await; // the gate still wants a place
}

/// Before its opening a queue takes joins and admits no user. From then on it admits them. The
/// store's clock decides.
pub async fn a_queue_admits_no_user_before_its_opening<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    let opens_at = queue.now().await + minutes(30);
    queue
        .change(|policy| policy.opens_at = Some(opens_at))
        .await;
    let line = queue.all_join_line(&["ann", "ben", "cat"]).await;
    assert_eq!(queue.admit_all().await, 0);
    assert_eq!(queue.find(&line[0]).await.queue.opens_at, Some(opens_at));
    queue.pass(minutes(20)).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(minutes(11)).await;
    assert_eq!(queue.admit_all().await, 2);
    assert!(!queue.waits(&line[1]).await);
    assert!(queue.waits(&line[2]).await);
}

/// An opening in the past changes nothing.
pub async fn a_queue_is_open_after_its_opening<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let opened_at = queue.now().await;
    queue
        .change(|policy| policy.opens_at = Some(opened_at))
        .await;
    queue.pass(seconds(1)).await;
    queue.join_active("ann").await;
}

/// Closed wins over recovering, not yet open, and sold out.
pub async fn closed_wins_over_all_other_states<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.lose_and_recover().await;
    let opens_at = queue.now().await + minutes(60);
    queue.set_sale(SaleState::SoldOut).await;
    queue
        .change(|policy| {
            policy.state = PolicyState::Closed;
            policy.opens_at = Some(opens_at);
        })
        .await;
    assert_eq!(queue.refused("ann").await, JoinRefusal::Closed);
}

/// Recovering wins over sold out and over bypass: joins are taken, and no user is admitted.
pub async fn recovering_wins_over_sold_out_and_bypass<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.lose_and_recover().await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.switch(PolicyState::Bypass).await;
    queue.join_line("ann").await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(RECOVERY + seconds(1)).await;
    assert_eq!(queue.admit_all().await, 0); // sold out wins over bypass
    assert_eq!(queue.refused("ben").await, JoinRefusal::SoldOut);
    queue.set_sale(SaleState::OnSale).await;
    assert_eq!(queue.admit_all().await, 1);
}

/// Paused, and not yet open, win over sold out: joins are taken.
pub async fn paused_wins_over_sold_out<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.join_line("ann").await;
    let opens_at = queue.now().await + minutes(60);
    queue
        .change(|policy| {
            policy.state = PolicyState::Bypass;
            policy.opens_at = Some(opens_at);
        })
        .await;
    queue.join_line("ben").await;
    assert_eq!(queue.admit_all().await, 0);
    queue.switch(PolicyState::Open).await;
    queue.join_line("cat").await;
    assert_eq!(queue.admit_all().await, 0);
}

/// A queue may open at the latest instant that a policy can plan.
pub async fn a_queue_may_open_at_the_latest_instant_that_can_be_planned<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    let opens_at = Some(LATEST_PLAN);
    queue.change(|policy| policy.opens_at = opens_at).await;
    let ann = queue.join_line("ann").await;
    assert_eq!(queue.find(&ann).await.queue.opens_at, opens_at);
    assert_eq!(queue.snapshot().await.queue.opens_at, opens_at);
    assert_eq!(queue.expire_all().await.queue.opens_at, opens_at);
    queue.assert_no_admission().await;
}

/// A policy from before today's limit may plan an opening later than a store can keep. The queue
/// works nevertheless. It opens no earlier than the latest instant that can be planned.
pub async fn an_opening_at_the_end_of_time_keeps_a_queue_in_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue
        .change(|policy| policy.opens_at = Some(Timestamp::MAX))
        .await;
    let ann = queue.join_line("ann").await;
    let latest = Some(LATEST_PLAN);
    assert!(queue.find(&ann).await.queue.opens_at >= latest);
    assert!(queue.snapshot().await.queue.opens_at >= latest);
    assert!(queue.expire_all().await.queue.opens_at >= latest);
    queue.assert_no_admission().await;
    queue.change(|policy| policy.opens_at = None).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.leave_place(&ann).await;
}

/// Every answer has the view of the queue, also a refusal.
pub async fn every_answer_has_the_view_of_the_queue<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let mut view = QueueView {
        state: PolicyState::Paused,
        opens_at: None,
        recovering: false,
        sale: SaleState::OnSale,
    };
    queue.assert_view(&ann, view).await;
    let opens_at = queue.now().await + minutes(60);
    queue
        .change(|policy| policy.opens_at = Some(opens_at))
        .await;
    queue.set_sale(SaleState::SoldOut).await;
    view.opens_at = Some(opens_at);
    view.sale = SaleState::SoldOut;
    queue.assert_view(&ann, view).await;
    queue.switch(PolicyState::Closed).await;
    view.state = PolicyState::Closed;
    let refused = queue.join("ben").await.value;
    assert_eq!(refused, JoinOutcome::Refused(JoinRefusal::Closed, view));
    queue.lose_and_recover().await;
    view.recovering = true;
    view.sale = SaleState::OnSale;
    queue.assert_view(&ann, view).await;
}

/// The policy limits the number of waiting users. A user with a place keeps it, and immediate
/// admissions are not limited by it.
pub async fn the_policy_limits_the_number_of_waiting_users<F: QueueFixture>(fixture: F) {
    let mut policy = policies::capacity(1);
    policy.max_waiting = Some(2);
    let mut queue = ContractQueue::open(fixture, policy).await;
    let ann = queue.join_active("ann").await;
    let line = queue.all_join_line(&["ben", "cat"]).await;
    assert_eq!(queue.refused("dan").await, JoinRefusal::Full);
    assert_eq!(queue.held(&line[1]).await.ticket, line[1]);
    queue.leave_place(&line[1]).await;
    queue.join_line("dan").await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Full);
    queue.leave_place(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.join_line("cat").await;
}

/// If no user may wait, a user who finds room is admitted at once, and the others are refused.
pub async fn a_limit_of_no_waiting_users_allows_immediate_admissions<F: QueueFixture>(fixture: F) {
    let mut policy = policies::capacity(1);
    policy.max_waiting = Some(0);
    let queue = ContractQueue::open(fixture, policy).await;
    let ann = queue.join_new("ann").await;
    assert!(matches!(ann.standing, Standing::Active { .. }));
    assert_eq!(queue.refused("ben").await, JoinRefusal::Full);
    queue.leave_place(&ann.ticket).await;
    queue.join_active("ben").await;
}
