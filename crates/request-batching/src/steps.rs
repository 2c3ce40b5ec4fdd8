//! The arguments and results of the functions of the state.

use tokio::time::Instant;

use crate::{
    Execute,
    batch::Caller,
    limiter::Observation,
    pending::{Line, Owner, Submission},
    slab::Index,
};

/// The result of submitting a request, which is pending now.
pub(crate) struct Submitted<E: Execute> {
    pub(crate) index: Index,
    pub(crate) number: u64,
    /// A call to begin now.
    pub(crate) start: Option<Start<E>>,
    /// A request that was shed for this one.
    pub(crate) displaced: Option<Removed<E>>,
}

/// A request that is not pending any more, and the entries that were removed with it.
pub(crate) struct Removed<E: Execute> {
    pub(crate) submission: Submission<E>,
    #[expect(
        dead_code,
        reason = "dropped with the struct, after the lock is released"
    )]
    pub(crate) user: Option<Owner<E>>,
    #[expect(
        dead_code,
        reason = "dropped with the struct, after the lock is released"
    )]
    pub(crate) line: Idle<E>,
}

/// A line that was removed because it was idle.
pub(crate) type Idle<E> = Option<(<E as Execute>::Key, Line<<E as Execute>::Key>)>;

/// A call to begin.
pub(crate) struct Start<E: Execute> {
    pub(crate) line: Index,
    pub(crate) key: E::Key,
    /// The first request. The call runs on its runtime.
    pub(crate) first: Submission<E>,
    /// The number of further requests for which the call has reserved capacity.
    pub(crate) granted: usize,
    /// True if another call may begin as well.
    pub(crate) more: bool,
}

/// A call that takes pending requests, a chunk at a time.
pub(crate) struct Boarding<'a, E: Execute> {
    pub(crate) line: Index,
    pub(crate) granted: &'a mut usize,
    /// False until the call has taken all requests that it can take at its start.
    pub(crate) has_boarded: &'a mut bool,
    /// The number of requests in the call.
    pub(crate) size: usize,
    pub(crate) now: Instant,
    /// The requests that were taken. Must have capacity for a chunk.
    pub(crate) out: &'a mut Vec<Boarded<E>>,
}

/// The result of taking a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Board {
    /// Another chunk may follow.
    GoesOn,
    /// The call is full, or no further request may join it.
    Over {
        /// True if another call may begin now.
        more: bool,
    },
}

/// A request that is in a call now, or that waited beyond the queue time-out.
pub(crate) struct Boarded<E: Execute> {
    pub(crate) submission: Submission<E>,
    pub(crate) is_late: bool,
    #[expect(
        dead_code,
        reason = "dropped with the struct, after the lock is released"
    )]
    pub(crate) user: Option<Owner<E>>,
}

/// A call that has ended.
pub(crate) struct Finished<'a, E: Execute> {
    pub(crate) line: Index,
    /// The reserved capacity that the call has not used.
    pub(crate) granted: usize,
    pub(crate) has_boarded: bool,
    pub(crate) size: usize,
    /// The last callers, a chunk at most. The others were released before.
    pub(crate) callers: &'a [Caller<E>],
    pub(crate) observation: Option<Observation>,
}
