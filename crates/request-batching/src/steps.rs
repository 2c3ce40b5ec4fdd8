//! What goes into the steps of the state, and comes out of them.

use tokio::time::Instant;

use crate::{
    Execute,
    batch::Caller,
    limiter::Observation,
    pending::{Asked, Line, Who},
    slab::Place,
};

/// A request that is pending now.
pub(crate) struct Submitted<E: Execute> {
    pub(crate) place: Place,
    pub(crate) number: u64,
    /// A call that begins now.
    pub(crate) start: Option<Start<E>>,
    /// A request whose room was needed.
    pub(crate) displaced: Option<Removed<E>>,
}

/// A request that is not pending any more, and the entries that went with it.
pub(crate) struct Removed<E: Execute> {
    pub(crate) asked: Asked<E>,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) user: Option<Who<E>>,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) line: Idle<E>,
}

/// A line that was removed.
pub(crate) type Idle<E> = Option<(<E as Execute>::Key, Line<<E as Execute>::Key>)>;

/// A call to begin.
pub(crate) struct Start<E: Execute> {
    pub(crate) line: Place,
    pub(crate) key: E::Key,
    /// Its first request, on whose runtime it runs.
    pub(crate) first: Asked<E>,
    /// For how many more requests it has room for certain.
    pub(crate) granted: usize,
    /// True if another call may begin, too.
    pub(crate) more: bool,
}

/// What a call takes from the pending requests.
pub(crate) struct Boarding<'a, E: Execute> {
    pub(crate) line: Place,
    pub(crate) granted: &'a mut usize,
    /// False until it has taken all that it can take at first.
    pub(crate) has_boarded: &'a mut bool,
    /// How many requests it has.
    pub(crate) size: usize,
    pub(crate) now: Instant,
    /// What comes out. Has room for a chunk.
    pub(crate) out: &'a mut Vec<Boarded<E>>,
}

/// What is to be done after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Board {
    /// Another chunk may follow.
    GoesOn,
    /// The call is full, or nothing is left that may join it.
    Over {
        /// True if another call may begin now.
        more: bool,
    },
}

/// A request that is in a call, or that waited for too long.
pub(crate) struct Boarded<E: Execute> {
    pub(crate) asked: Asked<E>,
    pub(crate) is_late: bool,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) user: Option<Who<E>>,
}

/// A call that is over.
pub(crate) struct Finished<'a, E: Execute> {
    pub(crate) line: Place,
    /// Grants that it has not used.
    pub(crate) granted: usize,
    pub(crate) has_boarded: bool,
    pub(crate) size: usize,
    /// The last of them, a chunk at most.
    pub(crate) callers: &'a [Caller<E>],
    pub(crate) observation: Option<Observation>,
}
