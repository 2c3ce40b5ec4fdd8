//! The requests of a call, which the executor and the task of the call share.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::oneshot;

use crate::{
    Execute, Overload,
    batcher::{Inner, lock, now},
    pending::{Answer, Owner, Submission},
    slab::Index,
    state::CHUNK,
    steps::{Board, Boarding},
};

/// The requests of a call, in the order in which their responses are expected.
///
/// It has at least one request when the call begins. Dropping it, or its requests, does not end the
/// call. The call ends when the executor returns.
pub struct Batch<E: Execute> {
    shared: Arc<SharedCall<E>>,
    requests: Vec<E::Request>,
}

impl<E: Execute> Batch<E> {
    pub(crate) fn new(shared: Arc<SharedCall<E>>, requests: Vec<E::Request>) -> Self {
        Self { shared, requests }
    }

    /// Adds the requests that arrived since the call began, as far as the bounds allow. Returns
    /// their number.
    ///
    /// An executor can call this just before it needs the requests, for example after it has waited
    /// for a lock. The added requests are in the call like all others.
    pub fn board(&mut self) -> usize {
        let before = self.requests.len();
        self.shared.board(&mut self.requests);
        self.requests.len() - before
    }

    /// Returns the requests that were not taken yet.
    #[must_use]
    pub fn requests(&self) -> &[E::Request] {
        &self.requests
    }

    /// Takes the requests. Responses to requests that `board` adds afterwards follow the responses
    /// to these.
    #[must_use]
    pub fn take(&mut self) -> Vec<E::Request> {
        std::mem::take(&mut self.requests)
    }
}

impl<E: Execute> fmt::Debug for Batch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("requests", &self.requests.len())
            .finish_non_exhaustive()
    }
}

/// The callers of a call. The batch and the task of the call share it.
pub(crate) struct SharedCall<E: Execute> {
    pub(crate) inner: Arc<Inner<E>>,
    pub(crate) line: Index,
    /// Set by the code that spawned the task, once it is spawned, and by the task, if it is dropped
    /// before it has begun. If both set it, the second of them begins the next call.
    handed_over: AtomicBool,
    callers: Mutex<Callers<E>>,
}

/// The callers that wait for the responses of a call.
pub(crate) struct Callers<E: Execute> {
    pub(crate) all: Vec<Caller<E>>,
    /// The number of further requests for which the call has reserved capacity.
    pub(crate) granted: usize,
    /// False until the call has taken all requests that it can take at its start.
    pub(crate) has_boarded: bool,
    is_over: bool,
}

/// A caller whose request counts in the call.
pub(crate) struct Caller<E: Execute> {
    pub(crate) owner: Owner<E>,
    /// None if the request is not executed.
    pub(crate) reply: Option<oneshot::Sender<Answer<E>>>,
}

impl<E: Execute> Callers<E> {
    fn add(&mut self, submission: Submission<E>, requests: &mut Vec<E::Request>) {
        self.all.push(Caller {
            owner: submission.owner,
            reply: Some(submission.reply),
        });
        requests.push(submission.request);
    }

    /// Counts a request that is not executed.
    pub(crate) fn add_absent(&mut self, owner: Owner<E>) {
        self.all.push(Caller { owner, reply: None });
    }
}

impl<E: Execute> SharedCall<E> {
    pub(crate) fn new(inner: Arc<Inner<E>>, line: Index, granted: usize) -> Self {
        Self {
            inner,
            line,
            handed_over: AtomicBool::new(false),
            callers: Mutex::new(Callers {
                all: Vec::with_capacity(1 + granted),
                granted,
                has_boarded: false,
                is_over: false,
            }),
        }
    }

    /// Sets `handed_over`. Returns true if it was set before.
    pub(crate) fn hand_over(&self) -> bool {
        self.handed_over.swap(true, Ordering::AcqRel)
    }

    /// Adds the first request of the call, when its task begins to run. A request whose caller is
    /// gone, or that waited beyond the queue time-out, still counts in the call but is not
    /// executed.
    pub(crate) fn add_first(&self, submission: Submission<E>, requests: &mut Vec<E::Request>) {
        let mut callers = lock(&self.callers);
        if submission.reply.is_closed() {
            callers.add_absent(submission.owner);
        } else if submission.has_waited(now(), self.inner.queue_timeout) {
            callers.add_absent(submission.owner.clone());
            self.inner.state().count(Overload::TimedOut);
            submission.refuse(Overload::TimedOut);
        } else {
            callers.add(submission, requests);
        }
    }

    /// Moves ready requests into the call, until it is full.
    pub(crate) fn board(&self, requests: &mut Vec<E::Request>) {
        let mut callers = lock(&self.callers);
        if callers.is_over {
            return;
        }
        let mut out = Vec::with_capacity(CHUNK);
        let now = now();
        let more = loop {
            let Callers {
                all,
                granted,
                has_boarded,
                ..
            } = &mut *callers;
            let board = self.inner.state().board(&mut Boarding {
                line: self.line,
                granted,
                has_boarded,
                size: all.len(),
                now,
                out: &mut out,
            });
            for boarded in out.drain(..) {
                if boarded.is_late {
                    boarded.submission.refuse(Overload::TimedOut);
                } else {
                    callers.add(boarded.submission, requests);
                }
            }
            if let Board::Over { more } = board {
                break more;
            }
        };
        drop(callers);
        if more {
            let start = self.inner.state().next_call();
            self.inner.begin(start);
        }
    }

    /// Closes the call, so that no further request joins it, and returns its callers.
    pub(crate) fn close(&self) -> Callers<E> {
        let mut callers = lock(&self.callers);
        let closed = Callers {
            all: Vec::new(),
            granted: 0,
            has_boarded: true,
            is_over: true,
        };
        std::mem::replace(&mut callers, closed)
    }
}
