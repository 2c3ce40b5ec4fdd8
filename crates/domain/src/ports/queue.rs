use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{
    ConcertId, UserId,
    queue::{GatePurpose, JoinRefusal, Place, QueueView, Ticket},
};

/// The waiting rooms as their users use them: join, look up a place, pass the gate, leave.
///
/// - Called by: [`JoinQueue`](crate::use_cases::JoinQueue),
///   [`LookUpPlace`](crate::use_cases::LookUpPlace), [`PassGate`](crate::use_cases::PassGate),
///   [`LeaveQueue`](crate::use_cases::LeaveQueue),
///   [`PayReservation`](crate::use_cases::PayReservation),
///   [`FollowPlaces`](crate::use_cases::FollowPlaces).
/// - Implemented by: `RedisStore`, `MySqlQueue`, `MemoryQueue`, and
///   [`SnapshotQueue`](crate::decorators::SnapshotQueue), which answers from snapshots in front of
///   one of them.
///
/// # Contract
/// 1. **One place.** A user has at most one place in a queue. Joining again returns it, with the
///    same arrival. A ticket is valid while its arrival is the place's, whatever its generation.
/// 2. **Order.** First come, first served by the store's clock, with no ties
///    ([`Arrival::after`](crate::model::queue::Arrival::after)). A user who is absent when their
///    turn comes stands aside ([`HeadDecision`](crate::model::queue::HeadDecision)): they keep
///    waiting at their arrival. From their next heartbeat on, in whatever call, they are admitted
///    before all users who arrived later.
/// 3. **Waiting or active.** A user who is being admitted is never without a place: the place is
///    active no later than it stops waiting.
/// 4. **Exact rate.** In the state *open* no admission window admits more users than the throughput
///    allows, for any number of instances on one store
///    ([`AdmissionWindow`](crate::model::queue::AdmissionWindow)). Immediate admissions by
///    [`Queue::join`] count.
/// 5. **No line, no wait.** If no user waits, or only users who stand aside, and the state admits
///    and the policy has room, a join makes the user active at once.
/// 6. **Deadlines** as [`Deadlines`](crate::model::queue::Deadlines) says. An expired place is gone
///    for every reader and every count, whether or not a tick has removed it.
/// 7. **Position** never grows through one instance while the store keeps what it acknowledged. It
///    is never too low. It may be too high by the number of users ahead who left or stand aside:
///    the doc of each adapter says whether it counts them. For a user who has stood aside it may
///    count all who did.
/// 8. **Cost** of every call grows at most with the logarithm of the queue's length.
/// 9. **States** as [`EffectiveState`](crate::model::queue::EffectiveState) says. In every state a
///    user gets the place that they already have.
/// 10. **Loss.** While a queue recovers (see [`QueueControl::seed`](super::QueueControl::seed)) and
///     for `waiting_ttl` after that, never later, a ticket of another generation whose user has no
///     place re-enters *waiting* at its arrival, in whichever call it is shown. New joins come
///     after every arrival seen. Users whose place ended in this generation are remembered for that
///     time. Their tickets of other generations are answered `Gone`. So are tickets with an arrival
///     no later than the one that the seed names as served
///     ([`Recovery::served_up_to`](crate::model::queue::Recovery::served_up_to)).
/// 11. **Lost last writes.** The first call that may change the queue and finds it on another
///     server ([`Servers`](crate::model::queue::Servers)) records before anything else that the
///     writes since the last known arrival may be lost ([`Gaps`](crate::model::queue::Gaps)). So
///     does a tick after a silence, and a call with a ticket that is later than the last arrival.
///     For `waiting_ttl` after that, a ticket of such a gap whose user has no place re-enters as in
///     rule 10.
///
/// Every call reads the policy and the clock of the store in the same script or transaction as the
/// change that they govern. Calls on a queue that the store lacks return `NotSeeded`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes a place for `user`, or returns the one that they have. `shown` is the ticket that came
    /// with the request, if any. It belongs to the same user and the same concert.
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>>;

    /// Returns the place of `ticket`. The call is a heartbeat: it extends the deadline of a waiting
    /// place.
    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>>;

    /// Lets the place of `ticket` through the gate if it is active: claims it, and extends it if
    /// `purpose` is a hold. For a waiting place the call is a heartbeat.
    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>>;

    /// Ends the place of `ticket`, whether it is waiting or active.
    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>>;
}

/// An answer, and the instant at which it was true by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped<T> {
    /// When the answer was true.
    pub as_of: Timestamp,
    /// The answer.
    pub value: T,
}

impl<T> Stamped<T> {
    /// Changes the answer and keeps the instant.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Stamped<U> {
        Stamped {
            as_of: self.as_of,
            value: change(self.value),
        }
    }
}

/// The outcome of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinOutcome {
    /// A new place.
    Joined(Place),
    /// The place that the user had already, or re-entered with.
    Held(Place),
    /// The queue accepts no new user now.
    Refused(JoinRefusal, QueueView),
    /// The store has no such queue.
    NotSeeded,
}

/// The outcome of looking up a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUpOutcome {
    /// The user's place.
    Found(Place),
    /// The place has ended, or its user has left and joined again since.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}

/// The outcome of showing a ticket at the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateOutcome {
    /// The place is active, and claimed now if it was not before. Its deadline is in `standing`.
    Passed(Place),
    /// The place is waiting.
    Waiting(Place),
    /// The place has ended, or its user has left and joined again since.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}

/// The outcome of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveOutcome {
    /// This call ended the place.
    Left,
    /// The place had ended before, or its user has left and joined again since.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}
