//! Promise 9: the states of a queue, and which of them wins.

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
        let told = self.ports.control.set_sale(self.concert, counted(sale));
        told.await.expect("the sale is set");
    }

    /// Returns an open queue with an active and a waiting user.
    async fn with_two(fixture: F) -> (Self, Ticket, Ticket) {
        let queue = Self::open(fixture, policies::rate(1)).await;
        let ann = queue.walk_in("ann").await;
        let ben = queue.line_up("ben").await;
        (queue, ann, ben)
    }

    /// Checks the view of the queue that every call returns.
    async fn shows(&mut self, ticket: &Ticket, expected: QueueView) {
        assert_eq!(self.find(ticket).await.queue, expected);
        assert_eq!(self.tidy().await.queue, expected);
    }

    /// Checks that both places are what they were, for every reader.
    async fn keeps(&mut self, ann: &Ticket, ben: &Ticket) {
        assert!(!self.waits(ann).await);
        assert!(self.waits(ben).await);
        assert_eq!(self.held(ann).await.ticket, *ann);
        assert_eq!(self.held(ben).await.ticket, *ben);
        self.pass_gate(ann, GatePurpose::Browse).await;
    }

    /// Checks that still no user is admitted when the next window has begun.
    async fn admits_nobody(&mut self) {
        self.pass(minutes(61)).await;
        assert_eq!(self.admit_all().await, 0);
    }
}

/// A paused queue takes joins, admits no user, and keeps every place.
pub async fn paused_takes_joins_and_admits_nobody<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_two(fixture).await;
    queue.switch(PolicyState::Paused).await;
    queue.keeps(&ann, &ben).await;
    queue.line_up("cat").await;
    queue.admits_nobody().await;
    queue.switch(PolicyState::Open).await;
    assert_eq!(queue.admit_all().await, 1);
}

/// A closed queue refuses joins, admits no user, and keeps every place.
pub async fn closed_refuses_joins_and_admits_nobody<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_two(fixture).await;
    queue.switch(PolicyState::Closed).await;
    queue.keeps(&ann, &ben).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Closed);
    queue.admits_nobody().await;
    queue.go(&ben).await;
    assert_eq!(queue.refused("ben").await, JoinRefusal::Closed);
}

/// A queue that is sold out does the same, until a seat is free again.
pub async fn sold_out_refuses_joins_until_it_is_not<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_two(fixture).await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.keeps(&ann, &ben).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::SoldOut);
    queue.admits_nobody().await;
    queue.set_sale(SaleState::SoldOut).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::SoldOut);
    queue.set_sale(SaleState::OnSale).await;
    queue.line_up("cat").await;
    assert_eq!(queue.admit_all().await, 1);
}

/// Once the last performance has started, the queue refuses joins, admits no user and keeps every
/// place, and its state says so. A new performance opens it again.
pub async fn ended_refuses_joins_until_there_is_a_performance<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::with_two(fixture).await;
    queue.set_sale(SaleState::Ended).await;
    queue.keeps(&ann, &ben).await;
    assert_eq!(queue.find(&ben).await.queue.sale, SaleState::Ended);
    assert_eq!(queue.tidy().await.queue.sale, SaleState::Ended);
    assert_eq!(queue.refused("cat").await, JoinRefusal::Ended);
    queue.admits_nobody().await;
    queue.switch(PolicyState::Bypass).await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Ended);
    assert_eq!(queue.admit_all().await, 0);
    queue.switch(PolicyState::Open).await;
    queue.set_sale(SaleState::OnSale).await;
    queue.line_up("cat").await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ben).await);
}

/// Ended wins over all but closed: recovering, paused, not yet open.
pub async fn ended_wins_over_all_but_closed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
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
pub async fn without_a_performance_a_queue_is_paused<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.set_sale(SaleState::Unplanned).await;
    let ann = queue.line_up("ann").await;
    assert_eq!(queue.find(&ann).await.queue.sale, SaleState::Unplanned);
    queue.admits_nobody().await;
    queue.switch(PolicyState::Bypass).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.switch(PolicyState::Open).await;
    queue.set_sale(SaleState::OnSale).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
}

/// A change of the policy does not undo sold out.
pub async fn sold_out_outlives_a_change_of_policy<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.change(|policy| *policy = policies::capacity(5)).await;
    assert_eq!(queue.refused("ann").await, JoinRefusal::SoldOut);
}

/// Two instances count the seats, and the older count may arrive last. It changes nothing.
pub async fn an_older_count_of_the_seats_changes_nothing<F: QueueFixture>(fixture: F) {
    use SaleState::{Ended, OnSale, SoldOut, Unplanned};
    let queue = ContractQueue::open(fixture, policies::rate(1)).await;
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
        let told = queue.ports.control.set_sale(queue.concert, count).await;
        told.expect("the sale is set");
        let seen = queue.see().await;
        assert_eq!(seen.queue.sale, shown, "{sale:?} as of {counted_at}");
    }
}

/// In bypass the limits are off. Waiting users are admitted in chunks, and a user who finds no line
/// is admitted at once.
pub async fn bypass_admits_everybody_in_chunks<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_lines_up(7).await;
    queue
        .change(|policy| {
            *policy = policies::capacity(1);
            policy.state = PolicyState::Bypass;
        })
        .await;
    queue.line_up("late").await; // there is still a line
    let report = queue.admit(5).await;
    assert_eq!((report.done, report.more, report.waiting), (5, true, 3));
    assert!(!queue.waits(&line[4]).await);
    assert!(queue.waits(&line[5]).await);
    let report = queue.admit(5).await;
    assert_eq!((report.done, report.more, report.active), (3, false, 8));
    queue.walk_in("later").await;
    queue.is_gone(&queue.ticket("never", 1)).await; // the gate still wants a place
}

/// Before its opening a queue takes joins and admits no user. From then on it admits them. The
/// store's clock decides.
pub async fn before_its_opening_a_queue_admits_nobody<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    let opens_at = queue.now().await + minutes(30);
    queue
        .change(|policy| policy.opens_at = Some(opens_at))
        .await;
    let line = queue.all_line_up(&["ann", "ben", "cat"]).await;
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
pub async fn after_its_opening_a_queue_is_open<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    let opened_at = queue.now().await;
    queue
        .change(|policy| policy.opens_at = Some(opened_at))
        .await;
    queue.pass(seconds(1)).await;
    queue.walk_in("ann").await;
}

/// Closed wins over all: recovering, not yet open, sold out.
pub async fn closed_wins_over_all<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
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
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.lose_and_recover().await;
    queue.set_sale(SaleState::SoldOut).await;
    queue.switch(PolicyState::Bypass).await;
    queue.line_up("ann").await;
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
    queue.line_up("ann").await;
    let opens_at = queue.now().await + minutes(60);
    queue
        .change(|policy| {
            policy.state = PolicyState::Bypass;
            policy.opens_at = Some(opens_at);
        })
        .await;
    queue.line_up("ben").await;
    assert_eq!(queue.admit_all().await, 0);
    queue.switch(PolicyState::Open).await;
    queue.line_up("cat").await;
    assert_eq!(queue.admit_all().await, 0);
}

/// A queue may open at the latest instant that a policy may plan.
pub async fn a_queue_may_open_at_the_latest_plan<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    let opens_at = Some(LATEST_PLAN);
    queue.change(|policy| policy.opens_at = opens_at).await;
    let ann = queue.line_up("ann").await;
    assert_eq!(queue.find(&ann).await.queue.opens_at, opens_at);
    assert_eq!(queue.see().await.queue.opens_at, opens_at);
    assert_eq!(queue.tidy().await.queue.opens_at, opens_at);
    queue.admits_nobody().await;
}

/// A policy from before today's limit may plan an opening later than a store can keep. The queue
/// works all the same, and opens no earlier than the latest instant that may be planned.
pub async fn an_opening_at_the_end_of_time_keeps_a_queue_in_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue
        .change(|policy| policy.opens_at = Some(Timestamp::MAX))
        .await;
    let ann = queue.line_up("ann").await;
    let latest = Some(LATEST_PLAN);
    assert!(queue.find(&ann).await.queue.opens_at >= latest);
    assert!(queue.see().await.queue.opens_at >= latest);
    assert!(queue.tidy().await.queue.opens_at >= latest);
    queue.admits_nobody().await;
    queue.change(|policy| policy.opens_at = None).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.go(&ann).await;
}

/// Every answer has the view of the queue, also a refusal.
pub async fn everybody_is_told_what_the_queue_is_like<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let mut view = QueueView {
        state: PolicyState::Paused,
        opens_at: None,
        recovering: false,
        sale: SaleState::OnSale,
    };
    queue.shows(&ann, view).await;
    let opens_at = queue.now().await + minutes(60);
    queue
        .change(|policy| policy.opens_at = Some(opens_at))
        .await;
    queue.set_sale(SaleState::SoldOut).await;
    view.opens_at = Some(opens_at);
    view.sale = SaleState::SoldOut;
    queue.shows(&ann, view).await;
    queue.switch(PolicyState::Closed).await;
    view.state = PolicyState::Closed;
    let refused = queue.join("ben").await.value;
    assert_eq!(refused, JoinOutcome::Refused(JoinRefusal::Closed, view));
    queue.lose_and_recover().await;
    view.recovering = true;
    view.sale = SaleState::OnSale;
    queue.shows(&ann, view).await;
}

/// The policy limits the number of waiting users. A user with a place keeps it, and immediate
/// admissions are not limited by it.
pub async fn no_more_wait_than_may<F: QueueFixture>(fixture: F) {
    let mut policy = policies::capacity(1);
    policy.max_waiting = Some(2);
    let mut queue = ContractQueue::open(fixture, policy).await;
    let ann = queue.walk_in("ann").await;
    let line = queue.all_line_up(&["ben", "cat"]).await;
    assert_eq!(queue.refused("dan").await, JoinRefusal::Full);
    assert_eq!(queue.held(&line[1]).await.ticket, line[1]);
    queue.go(&line[1]).await;
    queue.line_up("dan").await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Full);
    queue.go(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.line_up("cat").await;
}

/// If no user may wait, a user who finds room is admitted at once, and the others are refused.
pub async fn where_nobody_may_wait_one_may_still_walk_in<F: QueueFixture>(fixture: F) {
    let mut policy = policies::capacity(1);
    policy.max_waiting = Some(0);
    let queue = ContractQueue::open(fixture, policy).await;
    let ann = queue.enter("ann").await;
    assert!(matches!(ann.standing, Standing::Active { .. }));
    assert_eq!(queue.refused("ben").await, JoinRefusal::Full);
    queue.go(&ann.ticket).await;
    queue.walk_in("ben").await;
}
