use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreResult;
use crate::model::{
    ConcertId, UserId,
    queue::{GatePurpose, JoinRefusal, Place, QueueView, Ticket},
};

/// The waiting rooms, as the people in them use them.
///
/// # Contract
/// 1. **One place.** A user has at most one place in a queue. Joining again returns it, with the
///    same arrival. A ticket is good while its arrival is the place's, whatever its generation.
/// 2. **Order.** First come, first served by the store's clock, with no ties
///    ([`Arrival::after`](crate::model::queue::Arrival::after)). A user who is absent when their
///    turn comes stands aside ([`HeadDecision`](crate::model::queue::HeadDecision)): they wait on
///    at their arrival, and from their next heartbeat on, in whatever call, they are admitted
///    before all who arrived later.
/// 3. **Nobody between.** At no instant is a user who was admitted in neither of the two sets.
/// 4. **Exact rate**, for any number of instances on one store
///    ([`AdmissionWindow`](crate::model::queue::AdmissionWindow)); admissions by [`Queue::join`] count.
/// 5. **No line, no wait.** When nobody waits but users who stand aside, the state admits and the
///    policy has room, joining makes the user active at once.
/// 6. **Ends** as [`Deadlines`](crate::model::queue::Deadlines) says. What is past its end is gone for every
///    reader and every count, whether or not a tick has come by.
/// 7. **Position** never grows through one instance while the store keeps what it acknowledged, and
///    is exact, or over-stated only by users ahead who left or stand aside: the adapter's doc says
///    which. Of a user who has stood aside it may count all who did.
/// 8. **Cost** of every call grows at most with the logarithm of the queue's length.
/// 9. **States** as [`EffectiveState`](crate::model::queue::EffectiveState) says; in every state a
///    user is told of the place that they already have.
/// 10. **Loss.** In a queue that recovers (see [`QueueControl::seed`](super::QueueControl::seed)), and
///     for the waiting time to live after, never later, a ticket of another generation whose user has
///     no place re-enters *waiting* at its arrival, wherever it is shown. New joins come after every
///     arrival seen. Users whose place ended in this generation are remembered that long: their
///     tickets of other generations are gone. So are tickets with an arrival no later than the one
///     that the seed names as served
///     ([`Recovery::served_up_to`](crate::model::queue::Recovery::served_up_to)).
/// 11. **Lost last writes.** The first call that may change the queue and finds it on another
///     server ([`Servers`](crate::model::queue::Servers)) records before anything else that the
///     writes since the last known arrival may be lost ([`Gaps`](crate::model::queue::Gaps)). So
///     does a tick after a silence, and a ticket that is later than the last arrival. For the
///     waiting time to live after, a ticket of such a gap whose user has no place re-enters as in
///     10.
///
/// Every call reads the policy and the clock of the store in the same script or transaction as the
/// change that they govern. A queue that the store was never given answers `NotSeeded`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes a place for `user`, or returns the one that they have. `shown` is the ticket that came
    /// with the request, if any; it is the same user's and the same concert's.
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>>;

    /// Where the place of `ticket` is. A heartbeat: a waiting place lives on from here.
    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>>;

    /// Lets the place of `ticket` through the gate, if it is active: claims it, and extends it where
    /// `purpose` wants that. A heartbeat of a waiting place too.
    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>>;

    /// Ends the place of `ticket`, wherever it is.
    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>>;
}

/// An answer, and the instant at which it was true by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped<T> {
    /// When it was true.
    pub as_of: Timestamp,
    /// The answer.
    pub value: T,
}

impl<T> Stamped<T> {
    /// The same instant with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Stamped<U> {
        Stamped {
            as_of: self.as_of,
            value: change(self.value),
        }
    }
}

/// What came of joining.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinOutcome {
    /// A new place.
    Joined(Place),
    /// The place that the user had already, or has got back.
    Held(Place),
    /// The queue takes nobody now.
    Refused(JoinRefusal, QueueView),
    /// The store has no such queue.
    NotSeeded,
}

/// What came of looking up a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUpOutcome {
    /// It is here.
    Found(Place),
    /// It has ended, or its user has left and joined again since.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}

/// What came of showing a ticket at the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateOutcome {
    /// It is active, and claimed now if it was not before. Its end is in `standing`.
    Passed(Place),
    /// It waits.
    Waiting(Place),
    /// It has ended, or its user has left and joined again since.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}

/// What came of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveOutcome {
    /// The place has ended by this call.
    Left,
    /// It had ended before, or its user has left and joined again since.
    Gone,
    /// The store has no such queue.
    NotSeeded,
}
