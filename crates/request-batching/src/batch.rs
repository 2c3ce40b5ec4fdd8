//! The requests of a call, as the executor and the task of the call see them.

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
    pending::{Answer, Asked, Who},
    slab::Place,
    state::CHUNK,
    steps::{Board, Boarding},
};

/// The requests of a call, in the order in which their responses are expected.
///
/// It has at least one request when the call begins. Dropping it, or its requests, does not end the
/// call. The call ends when the executor returns.
pub struct Batch<E: Execute> {
    manifest: Arc<Manifest<E>>,
    requests: Vec<E::Request>,
}

impl<E: Execute> Batch<E> {
    pub(crate) fn new(manifest: Arc<Manifest<E>>, requests: Vec<E::Request>) -> Self {
        Self { manifest, requests }
    }

    /// Adds the requests that arrived since the call began, as far as the bounds allow. Returns
    /// their number.
    ///
    /// An executor can call this just before it needs the requests, for example after it has waited
    /// for a lock. The added requests are in the call like all others.
    pub fn board(&mut self) -> usize {
        let before = self.requests.len();
        self.manifest.board(&mut self.requests);
        self.requests.len() - before
    }

    /// The requests that were not taken yet.
    #[must_use]
    pub fn requests(&self) -> &[E::Request] {
        &self.requests
    }

    /// Takes the requests. The responses to those that `board` adds afterwards follow theirs.
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
pub(crate) struct Manifest<E: Execute> {
    pub(crate) inner: Arc<Inner<E>>,
    pub(crate) line: Place,
    /// Set by the first of two: the code that spawned the task, once it is spawned, and the task,
    /// if it is dropped before it has begun. The second of them begins the next call.
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
    pub(crate) who: Who<E>,
    /// None if the request is not executed.
    pub(crate) reply: Option<oneshot::Sender<Answer<E>>>,
}

impl<E: Execute> Callers<E> {
    fn add(&mut self, asked: Asked<E>, requests: &mut Vec<E::Request>) {
        self.all.push(Caller {
            who: asked.who,
            reply: Some(asked.reply),
        });
        requests.push(asked.request);
    }

    /// Counts a request that is not executed.
    pub(crate) fn add_absent(&mut self, who: Who<E>) {
        self.all.push(Caller { who, reply: None });
    }
}

impl<E: Execute> Manifest<E> {
    pub(crate) fn new(inner: Arc<Inner<E>>, line: Place, granted: usize) -> Self {
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
    pub(crate) fn add_first(&self, asked: Asked<E>, requests: &mut Vec<E::Request>) {
        let mut callers = lock(&self.callers);
        if asked.reply.is_closed() {
            callers.add_absent(asked.who);
        } else if asked.has_waited(now(), self.inner.queue_timeout) {
            callers.add_absent(asked.who.clone());
            self.inner.state().count(Overload::TimedOut);
            asked.refuse(Overload::TimedOut);
        } else {
            callers.add(asked, requests);
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
                    boarded.asked.refuse(Overload::TimedOut);
                } else {
                    callers.add(boarded.asked, requests);
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
