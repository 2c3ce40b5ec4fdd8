//! Single flight: work that is done once for many callers.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jiff::Timestamp;

/// Runs one piece of work at a time. Callers that join while it is under way share its result.
///
/// All callers that wait for the work drive it. When every one of them has been dropped, it pauses
/// at its current wait. The next caller continues it, so it is not begun a second time.
pub(super) struct SingleFlight<T: Clone>(Mutex<Option<UnderWay<T>>>);

struct UnderWay<T: Clone> {
    since: Timestamp,
    work: Shared<BoxFuture<'static, T>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Returns the result of the work that is under way, or else of the work that `begin` returns.
    pub(super) fn join(
        &self,
        now: Timestamp,
        begin: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> Shared<BoxFuture<'static, T>> {
        self.join_younger_than(Duration::MAX, now, begin)
    }

    /// As [`SingleFlight::join`], but does not join work that has been under way for longer than
    /// `age_max`.
    pub(super) fn join_younger_than(
        &self,
        age_max: Duration,
        now: Timestamp,
        begin: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> Shared<BoxFuture<'static, T>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = slot.as_ref().filter(|under_way| {
            let age = now.duration_since(under_way.since).unsigned_abs();
            under_way.work.peek().is_none() && age <= age_max
        });
        if let Some(joined) = joined {
            return joined.work.clone();
        }
        let work = begin().shared();
        *slot = Some(UnderWay {
            since: now,
            work: work.clone(),
        });
        work
    }

    /// True while work that was begun is not done, whether or not a caller waits for it.
    pub(super) fn is_under_way(&self) -> bool {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref()
            .is_some_and(|under_way| under_way.work.peek().is_none())
    }
}

impl<T: Clone> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;
    use crate::test_support::at;

    #[tokio::test]
    async fn a_caller_who_joins_meanwhile_gets_the_same_result() {
        let (work, begun) = (SingleFlight::default(), Arc::new(AtomicU32::new(0)));
        let join = || {
            let begun = Arc::clone(&begun);
            work.join(at(0), || {
                async move { begun.fetch_add(1, Ordering::SeqCst) }.boxed()
            })
        };
        let all: Vec<_> = (0..10).map(|_| join()).collect();
        assert!(join_all(all).await.iter().all(|&number| number == 0));
        assert_eq!(join().await, 1, "completed work is not under way");
    }

    #[tokio::test]
    async fn abandoned_work_is_continued_by_the_next_caller() {
        let work = SingleFlight::default();
        let (done, waits) = oneshot::channel::<u8>();
        let mut first = work.join(at(0), || async { waits.await.unwrap() }.boxed());
        assert!(futures_util::poll!(&mut first).is_pending());
        drop(first);
        done.send(7).unwrap();
        let second = work.join(at(100), || pending().boxed());
        assert_eq!(second.await, 7);
    }

    #[tokio::test]
    async fn work_that_takes_too_long_need_not_be_joined() {
        let work = SingleFlight::default();
        let second = Duration::from_secs(1);
        let _first = work.join(at(0), || pending().boxed());
        let later = work.join_younger_than(second, at(2), || async { 2 }.boxed());
        assert_eq!(later.await, 2);
    }
}
