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

use crate::fixture::counted;

use super::{QueueFixture, RECOVERY, Room, by_capacity, by_rate, minutes, paused, seconds};

impl<F: QueueFixture> Room<F> {
    pub(crate) async fn switch(&mut self, state: PolicyState) {
        self.change(|policy| policy.state = state).await;
    }

    async fn set_sale(&self, sale: SaleState) {
        let told = self.ports.control.set_sale(self.concert, counted(sale));
        told.await.expect("the sale is set");
    }

    /// Somebody active and somebody waiting, in an open queue.
    async fn with_two(fixture: F) -> (Self, Ticket, Ticket) {
        let room = Self::open(fixture, by_rate(1)).await;
        let ann = room.walk_in("ann").await;
        let ben = room.line_up("ben").await;
        (room, ann, ben)
    }

    /// What everybody is told the queue is like.
    async fn shows(&mut self, ticket: &Ticket, expected: QueueView) {
        assert_eq!(self.find(ticket).await.queue, expected);
        assert_eq!(self.tidy().await.queue, expected);
    }

    /// Both places are what they were, for everybody who asks.
    async fn keeps(&mut self, ann: &Ticket, ben: &Ticket) {
        assert!(!self.waits(ann).await);
        assert!(self.waits(ben).await);
        assert_eq!(self.held(ann).await.ticket, *ann);
        assert_eq!(self.held(ben).await.ticket, *ben);
        self.pass_gate(ann, GatePurpose::Browse).await;
    }

    /// The next window is here, and still nobody is admitted.
    async fn admits_nobody(&mut self) {
        self.pass(minutes(61)).await;
        assert_eq!(self.admit_all().await, 0);
    }
}

/// A paused queue takes joins, admits nobody, and keeps every place.
pub async fn paused_takes_joins_and_admits_nobody<F: QueueFixture>(fixture: F) {
    let (mut room, ann, ben) = Room::with_two(fixture).await;
    room.switch(PolicyState::Paused).await;
    room.keeps(&ann, &ben).await;
    room.line_up("cat").await;
    room.admits_nobody().await;
    room.switch(PolicyState::Open).await;
    assert_eq!(room.admit_all().await, 1);
}

/// A closed queue refuses joins, admits nobody, and keeps every place.
pub async fn closed_refuses_joins_and_admits_nobody<F: QueueFixture>(fixture: F) {
    let (mut room, ann, ben) = Room::with_two(fixture).await;
    room.switch(PolicyState::Closed).await;
    room.keeps(&ann, &ben).await;
    assert_eq!(room.refused("cat").await, JoinRefusal::Closed);
    room.admits_nobody().await;
    room.go(&ben).await;
    assert_eq!(room.refused("ben").await, JoinRefusal::Closed);
}

/// A queue that is sold out does as well, until a seat is free again.
pub async fn sold_out_refuses_joins_until_it_is_not<F: QueueFixture>(fixture: F) {
    let (mut room, ann, ben) = Room::with_two(fixture).await;
    room.set_sale(SaleState::SoldOut).await;
    room.keeps(&ann, &ben).await;
    assert_eq!(room.refused("cat").await, JoinRefusal::SoldOut);
    room.admits_nobody().await;
    room.set_sale(SaleState::SoldOut).await;
    assert_eq!(room.refused("cat").await, JoinRefusal::SoldOut);
    room.set_sale(SaleState::OnSale).await;
    room.line_up("cat").await;
    assert_eq!(room.admit_all().await, 1);
}

/// Once the last performance has started, the queue refuses joins and admits nobody, keeps every
/// place, and says so. A new performance opens it again.
pub async fn ended_refuses_joins_until_there_is_a_performance<F: QueueFixture>(fixture: F) {
    let (mut room, ann, ben) = Room::with_two(fixture).await;
    room.set_sale(SaleState::Ended).await;
    room.keeps(&ann, &ben).await;
    assert_eq!(room.find(&ben).await.queue.sale, SaleState::Ended);
    assert_eq!(room.tidy().await.queue.sale, SaleState::Ended);
    assert_eq!(room.refused("cat").await, JoinRefusal::Ended);
    room.admits_nobody().await;
    room.switch(PolicyState::Bypass).await;
    assert_eq!(room.refused("cat").await, JoinRefusal::Ended);
    assert_eq!(room.admit_all().await, 0);
    room.switch(PolicyState::Open).await;
    room.set_sale(SaleState::OnSale).await;
    room.line_up("cat").await;
    assert_eq!(room.admit_all().await, 1);
    assert!(!room.waits(&ben).await);
}

/// Ended wins over all but closed: recovering, paused, not yet open.
pub async fn ended_wins_over_all_but_closed<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.lose_and_recover().await;
    room.set_sale(SaleState::Ended).await;
    assert_eq!(room.refused("ann").await, JoinRefusal::Ended);
    let opens_at = room.now().await + minutes(60);
    room.change(|policy| {
        policy.state = PolicyState::Paused;
        policy.opens_at = Some(opens_at);
    })
    .await;
    assert_eq!(room.refused("ann").await, JoinRefusal::Ended);
    room.switch(PolicyState::Closed).await;
    assert_eq!(room.refused("ann").await, JoinRefusal::Closed);
}

/// Before its concert has a performance a queue takes joins and admits nobody, also in bypass.
pub async fn without_a_performance_a_queue_is_paused<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.set_sale(SaleState::Unplanned).await;
    let ann = room.line_up("ann").await;
    assert_eq!(room.find(&ann).await.queue.sale, SaleState::Unplanned);
    room.admits_nobody().await;
    room.switch(PolicyState::Bypass).await;
    assert_eq!(room.admit_all().await, 0);
    room.switch(PolicyState::Open).await;
    room.set_sale(SaleState::OnSale).await;
    assert_eq!(room.admit_all().await, 1);
    assert!(!room.waits(&ann).await);
}

/// A change of policy does not say that there are seats again.
pub async fn sold_out_outlives_a_change_of_policy<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.set_sale(SaleState::SoldOut).await;
    room.change(|policy| *policy = by_capacity(5)).await;
    assert_eq!(room.refused("ann").await, JoinRefusal::SoldOut);
}

/// Two instances count the seats, and the one with the older count may be the last to tell.
pub async fn an_older_count_of_the_seats_changes_nothing<F: QueueFixture>(fixture: F) {
    use SaleState::{Ended, OnSale, SoldOut, Unplanned};
    let room = Room::open(fixture, by_rate(1)).await;
    let begin = room.now().await;
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
        let told = room.ports.control.set_sale(room.concert, count).await;
        told.expect("the sale is set");
        let seen = room.see().await;
        assert_eq!(seen.queue.sale, shown, "{sale:?} as of {counted_at}");
    }
}

/// In bypass the limits are off: those waiting move in chunks, and who finds no line walks in.
pub async fn bypass_admits_everybody_in_chunks<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let line = room.crowd_lines_up(7).await;
    room.change(|policy| {
        *policy = by_capacity(1);
        policy.state = PolicyState::Bypass;
    })
    .await;
    room.line_up("late").await; // there is still a line
    let report = room.admit(5).await;
    assert_eq!((report.done, report.more, report.waiting), (5, true, 3));
    assert!(!room.waits(&line[4]).await);
    assert!(room.waits(&line[5]).await);
    let report = room.admit(5).await;
    assert_eq!((report.done, report.more, report.active), (3, false, 8));
    room.walk_in("later").await;
    room.is_gone(&room.ticket("never", 1)).await; // the gate still wants a place
}

/// Before its opening a queue takes joins and admits nobody; from then on it does. The store decides
/// when that is.
pub async fn before_its_opening_a_queue_admits_nobody<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(2)).await;
    let opens_at = room.now().await + minutes(30);
    room.change(|policy| policy.opens_at = Some(opens_at)).await;
    let line = room.all_line_up(&["ann", "ben", "cat"]).await;
    assert_eq!(room.admit_all().await, 0);
    assert_eq!(room.find(&line[0]).await.queue.opens_at, Some(opens_at));
    room.pass(minutes(20)).await;
    assert_eq!(room.admit_all().await, 0);
    room.pass(minutes(11)).await;
    assert_eq!(room.admit_all().await, 2);
    assert!(!room.waits(&line[1]).await);
    assert!(room.waits(&line[2]).await);
}

/// An opening in the past changes nothing.
pub async fn after_its_opening_a_queue_is_open<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    let opened_at = room.now().await;
    room.change(|policy| policy.opens_at = Some(opened_at))
        .await;
    room.pass(seconds(1)).await;
    room.walk_in("ann").await;
}

/// Closed wins over all: recovering, not yet open, sold out.
pub async fn closed_wins_over_all<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.lose_and_recover().await;
    let opens_at = room.now().await + minutes(60);
    room.set_sale(SaleState::SoldOut).await;
    room.change(|policy| {
        policy.state = PolicyState::Closed;
        policy.opens_at = Some(opens_at);
    })
    .await;
    assert_eq!(room.refused("ann").await, JoinRefusal::Closed);
}

/// Recovering wins over sold out and over bypass: joins are taken, and nobody is admitted.
pub async fn recovering_wins_over_sold_out_and_bypass<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(1)).await;
    room.lose_and_recover().await;
    room.set_sale(SaleState::SoldOut).await;
    room.switch(PolicyState::Bypass).await;
    room.line_up("ann").await;
    assert_eq!(room.admit_all().await, 0);
    room.pass(RECOVERY + seconds(1)).await;
    assert_eq!(room.admit_all().await, 0); // sold out wins over bypass
    assert_eq!(room.refused("ben").await, JoinRefusal::SoldOut);
    room.set_sale(SaleState::OnSale).await;
    assert_eq!(room.admit_all().await, 1);
}

/// Paused, and not yet open, win over sold out: joins are taken.
pub async fn paused_wins_over_sold_out<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    room.set_sale(SaleState::SoldOut).await;
    room.line_up("ann").await;
    let opens_at = room.now().await + minutes(60);
    room.change(|policy| {
        policy.state = PolicyState::Bypass;
        policy.opens_at = Some(opens_at);
    })
    .await;
    room.line_up("ben").await;
    assert_eq!(room.admit_all().await, 0);
    room.switch(PolicyState::Open).await;
    room.line_up("cat").await;
    assert_eq!(room.admit_all().await, 0);
}

/// A queue may open as late as can be planned.
pub async fn a_queue_may_open_at_the_latest_plan<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(2)).await;
    let opens_at = Some(LATEST_PLAN);
    room.change(|policy| policy.opens_at = opens_at).await;
    let ann = room.line_up("ann").await;
    assert_eq!(room.find(&ann).await.queue.opens_at, opens_at);
    assert_eq!(room.see().await.queue.opens_at, opens_at);
    assert_eq!(room.tidy().await.queue.opens_at, opens_at);
    room.admits_nobody().await;
}

/// A plan from before today's limit may be later than a store can keep. The queue works all the same,
/// and opens no earlier than the latest plan.
pub async fn an_opening_at_the_end_of_time_keeps_a_queue_in_service<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, by_rate(2)).await;
    room.change(|policy| policy.opens_at = Some(Timestamp::MAX))
        .await;
    let ann = room.line_up("ann").await;
    let latest = Some(LATEST_PLAN);
    assert!(room.find(&ann).await.queue.opens_at >= latest);
    assert!(room.see().await.queue.opens_at >= latest);
    assert!(room.tidy().await.queue.opens_at >= latest);
    room.admits_nobody().await;
    room.change(|policy| policy.opens_at = None).await;
    assert_eq!(room.admit_all().await, 1);
    room.go(&ann).await;
}

/// Everybody is told what the queue is like, also who is refused.
pub async fn everybody_is_told_what_the_queue_is_like<F: QueueFixture>(fixture: F) {
    let mut room = Room::open(fixture, paused()).await;
    let ann = room.line_up("ann").await;
    let mut view = QueueView {
        state: PolicyState::Paused,
        opens_at: None,
        recovering: false,
        sale: SaleState::OnSale,
    };
    room.shows(&ann, view).await;
    let opens_at = room.now().await + minutes(60);
    room.change(|policy| policy.opens_at = Some(opens_at)).await;
    room.set_sale(SaleState::SoldOut).await;
    view.opens_at = Some(opens_at);
    view.sale = SaleState::SoldOut;
    room.shows(&ann, view).await;
    room.switch(PolicyState::Closed).await;
    view.state = PolicyState::Closed;
    let refused = room.join("ben").await.value;
    assert_eq!(refused, JoinOutcome::Refused(JoinRefusal::Closed, view));
    room.lose_and_recover().await;
    view.recovering = true;
    view.sale = SaleState::OnSale;
    room.shows(&ann, view).await;
}

/// As many may wait as the policy says; who has a place keeps it, and who can walk in may.
pub async fn no_more_wait_than_may<F: QueueFixture>(fixture: F) {
    let mut policy = by_capacity(1);
    policy.max_waiting = Some(2);
    let mut room = Room::open(fixture, policy).await;
    let ann = room.walk_in("ann").await;
    let line = room.all_line_up(&["ben", "cat"]).await;
    assert_eq!(room.refused("dan").await, JoinRefusal::Full);
    assert_eq!(room.held(&line[1]).await.ticket, line[1]);
    room.go(&line[1]).await;
    room.line_up("dan").await;
    assert_eq!(room.refused("cat").await, JoinRefusal::Full);
    room.go(&ann).await;
    assert_eq!(room.admit_all().await, 1);
    room.line_up("cat").await;
}

/// Where nobody may wait, who finds room walks in, and the others are refused.
pub async fn where_nobody_may_wait_one_may_still_walk_in<F: QueueFixture>(fixture: F) {
    let mut policy = by_capacity(1);
    policy.max_waiting = Some(0);
    let room = Room::open(fixture, policy).await;
    let ann = room.enter("ann").await;
    assert!(matches!(ann.standing, Standing::Active { .. }));
    assert_eq!(room.refused("ben").await, JoinRefusal::Full);
    room.go(&ann.ticket).await;
    room.walk_in("ben").await;
}
