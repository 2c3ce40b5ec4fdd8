//! Runs a call of a port: on one connection, with retries after conflicts and lost connections,
//! within a time limit.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use diesel::QueryResult;
use frontrow_domain::ports::{StoreError, StoreResult};
use futures_util::future::{BoxFuture, Either, select};
use tokio::{runtime::Handle, task::JoinHandle, time::Sleep};

use crate::{
    TimeOffset,
    errors::{self, Kind},
    pool::{self, Pool, Server},
    session::{Session, Stage},
};

/// Maximum number of attempts in one call.
const ATTEMPTS_MAX: u32 = 10;

/// Maximum pause before the second attempt. It doubles before each further attempt.
const FIRST_PAUSE_MAX: Duration = Duration::from_millis(4);

/// The work of a call on one connection. It reads first, then [begins](Session::begin), then
/// writes, or writes with one statement that [stands alone](Session::execute_alone). Until it is
/// committed, it can be repeated from the start.
pub(crate) type Work<Argument, Outcome> =
    for<'a> fn(&'a mut Session, &'a Argument) -> BoxFuture<'a, QueryResult<Verdict<Outcome>>>;

/// The result of one attempt.
#[derive(Debug)]
pub(crate) enum Verdict<Outcome> {
    /// Return the outcome and commit what was written.
    Commit(Outcome),
    /// Return the outcome and roll back what was written.
    Rollback(Outcome),
    /// Another call was faster: roll back what was written, and read again.
    Retry,
}

/// Runs calls on a pool.
#[derive(Clone)]
pub(crate) struct TransactionRunner {
    home: Handle,
    /// The name of the database in messages.
    server: Arc<str>,
    pool: Pool,
    offset: TimeOffset,
    retries: Arc<AtomicU64>,
}

impl TransactionRunner {
    /// Makes a runner on a pool of connections to `server`.
    pub(crate) fn new(server: &Server, pool: Pool, offset: TimeOffset) -> Self {
        Self {
            home: server.home().clone(),
            server: Arc::from(server.name.as_str()),
            pool,
            offset,
            retries: Arc::default(),
        }
    }

    /// Returns how many transactions were retried.
    pub(crate) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Runs `work` on the runtime where the store was opened. The caller may be dropped before it
    /// is done, and so may the caller's runtime.
    pub(crate) fn at_home<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.home.spawn(work)
    }

    /// Runs `work` within `limit`, in its own task, which goes on when the caller is dropped
    /// (because its client hung up, say, or its worker has stopped). Closing the connection in the
    /// middle of a transaction would leave its locks until the server notices, and cost a new
    /// connection.
    pub(crate) async fn run<Argument, Outcome>(
        &self,
        limit: Duration,
        argument: Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome>
    where
        Argument: Send + Sync + 'static,
        Outcome: Send + 'static,
    {
        let calls = self.clone();
        let task = self.at_home(async move {
            let deadline = pin!(tokio::time::sleep(limit));
            calls.attempts(deadline, &argument, work).await
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::outcome_unknown(error)))
    }

    async fn attempts<Argument: Sync, Outcome: Send>(
        &self,
        mut deadline: Pin<&mut Sleep>,
        argument: &Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome> {
        let mut failure = errors::busy("other transactions changed the same rows in each attempt");
        for attempt in 1..=ATTEMPTS_MAX {
            if deadline.is_elapsed() {
                return Err(errors::busy("not done in time"));
            }
            let connection = {
                let got = pin!(pool::get(&self.pool));
                match select(got, deadline.as_mut()).await {
                    Either::Left((got, _)) => got?,
                    Either::Right(_) => return Err(errors::busy("no connection in time")),
                }
            };
            let mut session = Session::new(connection, self.offset.micros());
            let ended = {
                let attempt = pin!(self::attempt(&mut session, &self.server, argument, work));
                match select(attempt, deadline.as_mut()).await {
                    Either::Left((ended, _)) => ended,
                    Either::Right(_) => Ended::TimedOut,
                }
            };
            let stage = session.stage();
            match ended {
                Ended::Lost(_) => {
                    // The other idle connections are likely lost as well (the server was restarted,
                    // say), and each would cost an attempt.
                    let taken = session.taken();
                    let _ = self.pool.retain(|_, idle| idle.last_used() < taken);
                    drop(session);
                }
                Ended::With(_) | Ended::Again(_) if stage == Stage::Outside => session.keep(),
                Ended::TimedOut | Ended::With(_) | Ended::Again(_) => drop(session),
            }
            match ended {
                Ended::With(result) => return result,
                Ended::TimedOut if stage == Stage::Committing => {
                    return Err(StoreError::outcome_unknown(
                        "no answer to the commit in time",
                    ));
                }
                Ended::TimedOut => return Err(errors::busy("not done in time")),
                Ended::Again(Some(why)) | Ended::Lost(why) => failure = why,
                Ended::Again(None) => {}
            }
            if attempt == ATTEMPTS_MAX {
                break;
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            let pause = pin!(tokio::time::sleep(self.pause_before(attempt + 1)));
            select(pause, deadline.as_mut()).await;
        }
        Err(failure)
    }

    /// Returns a pause that keeps two conflicting transactions from meeting again. The pauses of
    /// successive retries are spread evenly by the golden ratio, which needs no randomness.
    fn pause_before(&self, attempt: u32) -> Duration {
        let longest = FIRST_PAUSE_MAX * 2_u32.saturating_pow(attempt.saturating_sub(2));
        let turn = self.retries.load(Ordering::Relaxed);
        let part = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let part = u32::try_from(part).unwrap_or_default();
        longest * part / (1 << 16)
    }
}

/// How an attempt ended.
enum Ended<Outcome> {
    With(StoreResult<Outcome>),
    /// It may be retried. The error is for when no attempts are left.
    Again(Option<StoreError>),
    /// It may be retried on another connection.
    Lost(StoreError),
    TimedOut,
}

async fn attempt<Argument: Sync, Outcome: Send>(
    session: &mut Session,
    server: &str,
    argument: &Argument,
    work: Work<Argument, Outcome>,
) -> Ended<Outcome> {
    let (ended, done) = match work(session, argument).await {
        Ok(Verdict::Commit(outcome)) => (Ended::With(Ok(outcome)), true),
        Ok(Verdict::Rollback(outcome)) => (Ended::With(Ok(outcome)), false),
        Ok(Verdict::Retry) => (Ended::Again(None), false),
        Err(error) => {
            let why = errors::before_commit(&error, server);
            let ended = match errors::kind(&error) {
                // A statement that commits by itself.
                Kind::Lost | Kind::DiskFull if session.stage() == Stage::Committing => {
                    return Ended::With(Err(errors::at_commit(&error)));
                }
                Kind::Lost => return Ended::Lost(why),
                Kind::Deadlock | Kind::LockTimeout | Kind::ChangedMeanwhile => {
                    Ended::Again(Some(why))
                }
                Kind::Duplicate | Kind::TooSlow | Kind::DiskFull | Kind::Other => {
                    Ended::With(Err(why))
                }
            };
            (ended, false)
        }
    };
    if !done {
        // If the rollback fails, the connection is closed, which rolls back too.
        let _ = session.roll_back().await;
        return ended;
    }
    match session.commit().await {
        Ok(()) => ended,
        // A cluster decides at the commit which of two transactions succeeds. This one was rolled
        // back.
        Err(error) if errors::kind(&error) == Kind::Deadlock => {
            let _ = session.roll_back().await;
            Ended::Again(Some(errors::before_commit(&error, server)))
        }
        Err(error) => Ended::With(Err(errors::at_commit(&error))),
    }
}
