//! The mailbox of a stream, which holds at most one update: the newest.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use frontrow_domain::{
    model::{
        queue::{Place, PlaceState},
        spread,
    },
    ports::Stamped,
};
use jiff::Timestamp;

use super::SLOW_TURNS;

/// The next update of a stream.
#[derive(Debug)]
pub(super) enum Next {
    /// A place whose state has changed.
    Place(Stamped<Place>),
    /// A keep-alive comment, or the place if its estimated wait has changed.
    KeepAlive(Stamped<Place>),
    /// The end of the stream.
    End(End),
}

/// The reason why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The place is gone.
    Gone,
    /// The place has newer streams.
    Superseded,
    /// The store has lost the queue. The client re-enters with its token.
    Lost,
    /// The client does not read.
    Slow,
    /// The program stops.
    Stop,
}

/// The mailbox between the ticker and a stream.
///
/// It holds one update, which a newer one replaces. So a client that reads slowly misses some
/// states, and needs no more memory.
#[derive(Debug)]
pub(super) struct Slot {
    /// The number of turns without an update after which a keep-alive is sent, spread over the
    /// streams.
    keep_alive: u32,
    mailbox: Mutex<Mailbox>,
}

#[derive(Debug)]
struct Mailbox {
    next: Option<Next>,
    /// The turn in which `next` was filled.
    filled_at: u32,
    /// The last state that the client got, and the turn of the last update.
    sent: PlaceState,
    sent_at: u32,
    waker: Option<Waker>,
}

impl Slot {
    /// The range of turns between two keep-alives: 12 to 15 s.
    const KEEP_ALIVE: (u32, u32) = (24, 30);

    /// Returns the slot of stream `number`, whose client gets the state `sent` in this turn.
    pub(super) fn new(number: u64, sent: PlaceState, turn: u32) -> Self {
        let (from, to) = Self::KEEP_ALIVE;
        let extra = u32::try_from(spread(number, u64::from(to - from))).unwrap_or_default();
        Self {
            keep_alive: from + extra,
            mailbox: Mutex::new(Mailbox {
                next: None,
                filled_at: turn,
                sent,
                sent_at: turn,
                waker: None,
            }),
        }
    }

    /// Offers the state of the place in this turn. Returns false if the client has left an update
    /// unread for too long.
    pub(super) fn offer(&self, place: &Place, as_of: Timestamp, turn: u32) -> bool {
        let state = PlaceState::of(place, as_of);
        let mut mailbox = self.lock();
        if mailbox.next.is_some() && turn.wrapping_sub(mailbox.filled_at) >= SLOW_TURNS {
            return false;
        }
        let is_news = state != mailbox.sent;
        let is_silent = turn.wrapping_sub(mailbox.sent_at) >= self.keep_alive;
        if !is_news && !is_silent {
            return true;
        }
        let place = Stamped {
            as_of,
            value: place.clone(),
        };
        if mailbox.next.is_none() {
            mailbox.filled_at = turn;
        }
        mailbox.next = Some(match mailbox.next {
            Some(Next::End(end)) => Next::End(end),
            Some(Next::Place(_)) => Next::Place(place),
            _ if is_news => Next::Place(place),
            _ => Next::KeepAlive(place),
        });
        (mailbox.sent, mailbox.sent_at) = (state, turn);
        wake(mailbox);
        true
    }

    /// Ends the stream.
    pub(super) fn end(&self, why: End) {
        let mut mailbox = self.lock();
        mailbox.next = Some(Next::End(why));
        wake(mailbox);
    }

    /// Returns the next update. Pending until there is one.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Next> {
        let mut mailbox = self.lock();
        if let Some(next) = mailbox.next.take() {
            return Poll::Ready(next);
        }
        match &mut mailbox.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the reader of the mailbox, after it is unlocked.
fn wake(mut mailbox: MutexGuard<'_, Mailbox>) {
    let waker = mailbox.waker.take();
    drop(mailbox);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };
    use std::task::Wake;

    use frontrow_domain::model::queue::Standing;

    use super::{
        super::tests::{at, waiting},
        *,
    };

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn slot() -> Slot {
        Slot::new(0, PlaceState::of(&waiting(5), at(100)), 0)
    }

    /// Takes the next update, as a client that reads does.
    fn take(slot: &Slot) -> Option<Next> {
        match slot.poll_next(&Context::from_waker(Waker::noop())) {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        }
    }

    fn position(next: Option<Next>) -> u64 {
        match next {
            Some(Next::Place(Stamped { value, .. })) => match value.standing {
                Standing::Waiting { position, .. } => position,
                Standing::Active { .. } => 0,
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_state_is_sent_once_and_wakes_its_reader() {
        let slot = slot();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert!(slot.poll_next(&Context::from_waker(&waker)).is_pending());
        assert!(slot.offer(&waiting(5), at(101), 1));
        assert_eq!(woken.0.load(Ordering::Relaxed), 0, "nothing is new");
        assert!(slot.offer(&waiting(4), at(102), 2));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(position(take(&slot)), 4);
        assert!(slot.offer(&waiting(4), at(103), 3));
        assert!(take(&slot).is_none());
    }

    #[test]
    fn a_slow_reader_misses_states_and_is_dropped_after_too_many_turns() {
        let slot = slot();
        for turn in 1..=SLOW_TURNS {
            let left = u64::from(SLOW_TURNS + 1 - turn);
            assert!(slot.offer(&waiting(left), at(101), turn), "turn {turn}");
        }
        assert!(!slot.offer(&waiting(1), at(101), SLOW_TURNS + 1));
        assert_eq!(position(take(&slot)), 1);
        assert!(slot.offer(&waiting(1), at(101), SLOW_TURNS + 2), "it reads");
    }

    #[test]
    fn keep_alives_of_silent_streams_are_spread_over_the_range() {
        let mut turns = Vec::new();
        for number in 0..60 {
            let slot = Slot::new(number, PlaceState::of(&waiting(5), at(100)), 0);
            let is_kept_alive = |turn: &u32| {
                assert!(slot.offer(&waiting(5), at(101), *turn));
                matches!(take(&slot), Some(Next::KeepAlive(_)))
            };
            turns.push((1..100).find(is_kept_alive).unwrap());
        }
        for turn in 24..30 {
            assert!(turns.contains(&turn), "{turns:?}");
        }
        assert!(
            turns.iter().all(|turn| (24..30).contains(turn)),
            "{turns:?}"
        );
    }

    #[test]
    fn an_end_is_not_replaced_by_a_later_state() {
        let slot = slot();
        slot.end(End::Gone);
        assert!(slot.offer(&waiting(4), at(101), 1));
        assert!(matches!(take(&slot), Some(Next::End(End::Gone))));
    }
}
