//! A call, from its beginning until its callers have their responses.

use std::sync::Arc;

use tokio::{runtime, time::Instant};

use crate::{
    Batch, Execute, Overload, SubmitError,
    batch::{Callers, SharedCall},
    batcher::{Inner, now},
    limiter::{Observation, Outcome},
    pending::Submission,
    state::CHUNK,
    steps::{Finished, Start},
};

/// The result of the executor.
type CallResult<E> = Result<Vec<<E as Execute>::Response>, <E as Execute>::Error>;

/// A call. If it is dropped before it has ended, because it panicked or its runtime ended, the
/// bounds stop counting it and the next call may begin.
pub(crate) struct Call<E: Execute> {
    shared: Arc<SharedCall<E>>,
    key: E::Key,
    runtime: runtime::Id,
    /// Its first request, until the task runs.
    first: Option<Submission<E>>,
    is_over: bool,
}

impl<E: Execute> Call<E> {
    pub(crate) fn new(inner: Arc<Inner<E>>, start: Start<E>) -> Self {
        Self {
            shared: Arc::new(SharedCall::new(inner, start.line, start.granted)),
            key: start.key,
            runtime: start.first.runtime.id(),
            first: Some(start.first),
            is_over: false,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<SharedCall<E>> {
        &self.shared
    }

    /// Makes the call, and the calls of the same key that follow it directly in the same task.
    pub(crate) async fn run(self) {
        let mut next = Some(self);
        while let Some(mut call) = next.take() {
            let began = now();
            let result = match call.board() {
                Some(batch) => {
                    let executor = &call.shared.inner.executor;
                    Some(executor.execute(&call.key, batch).await)
                }
                // All its callers are gone.
                None => None,
            };
            next = call.end(result, began);
        }
    }

    fn board(&mut self) -> Option<Batch<E>> {
        let mut requests = Vec::new();
        if let Some(first) = self.first.take() {
            self.shared.add_first(first, &mut requests);
        }
        self.shared.board(&mut requests);
        let batch = Batch::new(Arc::clone(&self.shared), requests);
        (!batch.requests().is_empty()).then_some(batch)
    }

    /// Ends the call: first the bounds stop counting it and the next call begins, then its callers
    /// get their responses. Returns the next call if the same task can make it.
    fn end(&mut self, result: Option<CallResult<E>>, began: Instant) -> Option<Self> {
        let executor = &self.shared.inner.executor;
        let outcome = match &result {
            Some(Ok(_)) => Outcome::Answered,
            Some(Err(error)) if executor.has_timed_out(error) => Outcome::TimedOut,
            _ => Outcome::Unknown,
        };
        let observation = Observation {
            began,
            ended: now(),
            outcome,
            limited: false,
        };
        let callers = self.shared.close();
        let mut start = self.finish(&callers, Some(observation), true);
        let inner = &self.shared.inner;
        let mut next = None;
        while let Some(begun) = start {
            let is_next = begun.line == self.shared.line
                && begun.first.runtime.id() == self.runtime
                && next.is_none();
            let goes_on = if is_next {
                let goes_on = begun.more;
                let call = Self::new(Arc::clone(inner), begun);
                call.shared.hand_over();
                next = Some(call);
                goes_on
            } else {
                inner.spawn(begun)
            };
            start = if goes_on {
                inner.state().next_call()
            } else {
                None
            };
        }
        answer(callers, result);
        next
    }

    /// Removes the call from the bounds. Returns the next call to begin if `begins` is true.
    fn finish(
        &mut self,
        callers: &Callers<E>,
        observation: Option<Observation>,
        begins: bool,
    ) -> Option<Start<E>> {
        self.is_over = true;
        let SharedCall { inner, line, .. } = &*self.shared;
        let all = &callers.all;
        let mut gone = Vec::with_capacity(all.len());
        let (before, last) = all.split_at(all.len().saturating_sub(CHUNK));
        for chunk in before.chunks(CHUNK) {
            inner.state().release(*line, chunk, &mut gone);
        }
        let finished = Finished {
            line: *line,
            granted: callers.granted,
            has_boarded: callers.has_boarded,
            size: all.len(),
            callers: last,
            observation,
        };
        let mut state = inner.state();
        let idle = state.finish(&finished, &mut gone);
        let start = if begins { state.next_call() } else { None };
        drop(state);
        drop((idle, gone));
        start
    }
}

/// Sends each caller its response, or the error of the call to all of them. Callers without a
/// response get `Lost`, because their senders are dropped.
fn answer<E: Execute>(callers: Callers<E>, result: Option<CallResult<E>>) {
    let replies = callers.all.into_iter().filter_map(|caller| caller.reply);
    match result {
        Some(Ok(responses)) => {
            for (reply, response) in replies.zip(responses) {
                let _ = reply.send(Ok(response));
            }
        }
        Some(Err(error)) => {
            for reply in replies {
                let _ = reply.send(Err(SubmitError::Failed(error.clone())));
            }
        }
        None => {}
    }
}

impl<E: Execute> Drop for Call<E> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut callers = self.shared.close();
        let Some(first) = self.first.take() else {
            // The senders are dropped, so the callers get `Lost`.
            let start = self.finish(&callers, None, true);
            self.shared.inner.begin(start);
            return;
        };
        let inner = Arc::clone(&self.shared.inner);
        callers.add_absent(first.owner.clone());
        inner.state().count(Overload::Closed);
        first.refuse(Overload::Closed);
        // The runtime accepts no further task, so no call can begin for these requests either.
        loop {
            let refused = inner.state().refuse_of(self.shared.line, self.runtime);
            let Some(refused) = refused else {
                break;
            };
            refused.submission.refuse(Overload::Closed);
        }
        self.finish(&callers, None, false);
        if self.shared.hand_over() {
            let start = inner.state().next_call();
            inner.begin(start);
        }
    }
}
