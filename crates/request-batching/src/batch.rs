//! The requests of a call.

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
/// It has at least one request when the call begins. Dropping it, or what it holds, does not end
/// the call: that is what the executor returns.
pub struct Batch<E: Execute> {
    manifest: Arc<Manifest<E>>,
    requests: Vec<E::Request>,
}

impl<E: Execute> Batch<E> {
    pub(crate) fn new(manifest: Arc<Manifest<E>>, requests: Vec<E::Request>) -> Self {
        Self { manifest, requests }
    }

    /// Adds the requests that came since the call began, as far as the bounds allow. Returns how
    /// many.
    ///
    /// An executor calls this once more just before it needs to know the requests, for example
    /// after it has waited for a lock. They have joined the call then as all others.
    pub fn board(&mut self) -> usize {
        let before = self.requests.len();
        self.manifest.board(&mut self.requests);
        self.requests.len() - before
    }

    /// The requests, without those that were taken.
    #[must_use]
    pub fn requests(&self) -> &[E::Request] {
        &self.requests
    }

    /// Takes the requests. Those that `board` adds afterwards come after them in the order of
    /// responses.
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

/// The callers of a call: what its batch and its task share.
pub(crate) struct Manifest<E: Execute> {
    pub(crate) inner: Arc<Inner<E>>,
    pub(crate) line: Place,
    /// Set by the first of two: the one who spawned the task, once it is spawned, and the task that
    /// is dropped before it has begun. The second of them sees to the next call.
    handed_over: AtomicBool,
    callers: Mutex<Callers<E>>,
}

/// Those who wait for the call's answers.
pub(crate) struct Callers<E: Execute> {
    pub(crate) all: Vec<Caller<E>>,
    /// For how many more requests the call has room for certain.
    pub(crate) granted: usize,
    /// False until the call has taken all that it can take at first.
    pub(crate) has_boarded: bool,
    is_over: bool,
}

/// A caller with room in the call.
pub(crate) struct Caller<E: Execute> {
    pub(crate) who: Who<E>,
    /// None if the request has no part in the call.
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

    /// Keeps room for a request that has no part in the call.
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

    /// True for the second who calls it.
    pub(crate) fn hand_over(&self) -> bool {
        self.handed_over.swap(true, Ordering::AcqRel)
    }

    /// Adds the first request of the call, now that its task runs. One whose caller is gone, or
    /// that waited for too long, keeps its room in the call and has no part in it.
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

    /// Moves what is ready into the call, until it is full.
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

    /// The callers of the call; no request joins it from now on.
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
