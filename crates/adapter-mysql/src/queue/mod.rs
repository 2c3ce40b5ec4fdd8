//! The waiting rooms in MySQL or MariaDB, for any number of instances of the service on one
//! database.
//!
//! # Rows
//! A queue is one row of `queues`: its terms, its counters, and how far admission has moved along
//! its line. A user is one row of `queue_places`, whatever happens to the place: an admitted user
//! keeps the same row, so no user can have two places or be between two of them. [ADR
//! 8](../../../../docs/adr/0008-the-queue-on-mysql.md) has the reasons, and the alternatives that
//! were measured.
//!
//! # What each call does
//! | call | statements | locks |
//! |---|---|---|
//! | join, leave, heartbeat, re-entry | one transaction for the whole batch: the queue, whether any user waits if that matters, the users' rows, the changed rows, departures, the queue | the queue; the users' rows |
//! | look-up | one `SELECT` by primary keys for the whole batch; for a waiting place and for a re-entry the transaction above follows | none |
//! | gate | the look-up; a claim or an extension one `UPDATE` that commits by itself | the place's row |
//! | peek | one `SELECT` by primary keys for all tickets | none |
//! | snapshot | the queue; the departures since the previous snapshot | none |
//! | admission tick | the queue; then in a transaction: the queue, next in line, the move, the queue | the queue; the rows that are moved |
//! | expiry tick | the queue, one expired place; then in a transaction: the queue, expired places, their removal, the queue | the queue; the rows that are removed |
//! | seed | the queue; if the policy is new, in a transaction: the queue, the change | the queue |
//! | sale | in a transaction: the queue, the change unless the count is older | the queue |
//! | busy, empty, version | one or two `SELECT` | none |
//!
//! Every transaction that changes more than one row holds the lock of its queue's row, and takes it
//! first. A claim at the gate locks one row and waits for no other lock. So no two calls can
//! deadlock. Should a server find a deadlock all the same, the whole transaction is retried, a
//! bounded number of times.
//!
//! The clock is read after the lock is taken: a call that waited for it is not stamped with the
//! past.
//!
//! # Connections
//! Requests and jobs have separate connections. Of those for requests, look-ups take at most a half
//! and changes at most three eighths, so that claims at the gate find one. A tick waits at most 500
//! ms for its queue's row. Then it gives up the connection too.
//!
//! # Heartbeats
//! Each look-up of a waiting user records its heartbeat before it is answered, so it waits for the
//! queue's row. Most look-ups never reach this store: they are answered from snapshots, which wait
//! for no lock.
//!
//! # Standing aside
//! Admission passes over absent users without a write: a waiting place that it has passed belongs
//! to a user who stands aside, or is expired. The next heartbeat makes the place next in line,
//! which is a separate phase. Admission takes those places before all that it has not passed.
//!
//! # Positions
//! A position is the place's number minus that of the last place that admission has passed, plus
//! the number of users who stand aside or are next in line, all of whom are ahead. Numbers are
//! dense and grow with the arrivals. A position is never less than the truth. It is overstated by
//! users ahead who left and by expired places ahead, until a tick has removed them: for users who
//! left from the middle of the line that is when the users ahead of them were admitted. The number
//! of users behind is overstated in the same way. For users who stood aside, from their return on,
//! the users ahead are all who stood aside or were next in line then, including those behind them,
//! minus the users admitted since. While a queue takes re-entries, and until the users who
//! re-entered were admitted, positions also count all of those as ahead. Displayed counts include
//! expired places until a tick has removed them.
//!
//! # Cost
//! No statement reads more rows as a line grows, and none counts rows: counts are kept in the
//! queue's row. Admission passes expired places without removing them, so their removal delays no
//! admission. Moves and removals are bounded by the caller's limit.
//!
//! # Loss
//! A failover to a replica that lacks the last commits may repeat their admissions, and send the
//! users who joined in them to the end of the line. A database without the queue's rows recovers as
//! [`Queue`](frontrow_domain::ports::Queue) describes.
//!
//! # Files
//! - `ports/`: one file for each port.
//! - `changes/`: requests that share a transaction: the batch, the transaction, the decisions.
//! - `place/`: look-ups and the gate. `tick/`: admission and expiry.
//! - `rows/`: one file for each table.

mod batch_limits;
mod changes;
mod place;
mod ports;
mod rows;
mod tick;

use std::{fmt, sync::Arc, time::Duration};

use frontrow_domain::ports::StoreResult;

use self::{changes::Batches, place::Reads};
use crate::{
    TimeOffset, migrations,
    open_error::MySqlOpenError,
    pool::{Pool, Server},
    settings::MySqlSettings,
    transactions::{TransactionRunner, Work},
};

/// Number of connections for the jobs. It is more than the number of ticks in flight at a time, so
/// that a queue whose row is locked for long keeps no other queue from its ticks.
const JOB_CONNECTIONS: usize = 5;

/// Time limit of a job's call, equal to the time that the scheduler gives a tick. A longer call
/// would keep a connection, and the queue's row, from the next one.
const JOB_LIMIT: Duration = Duration::from_secs(2);

/// The waiting rooms, in MySQL or MariaDB. Implements every port of a queue.
///
/// Any number of instances of the service may share a database, and each of them may tick. Clones
/// share their connections and their batches. Needs a tokio runtime.
///
/// Has its own connections, so that a rush on a queue takes none from users who pay.
#[derive(Clone)]
pub struct MySqlQueue(Arc<Inner>);

struct Inner {
    /// For users' requests.
    requests: TransactionRunner,
    /// For ticks, snapshots and operators.
    jobs: TransactionRunner,
    pools: [Pool; 2],
    call_limit: Duration,
    changes: Batches,
    reads: Reads,
}

impl MySqlQueue {
    /// Connects to the database of a URL such as `mysql://user:password@host:3306/frontrow`, which
    /// must exist. Refuses a schema that is newer than this program, and handles an older one as
    /// the settings say. `offset` is for tests. The product uses [`TimeOffset::default`], which is
    /// zero.
    ///
    /// # Errors
    /// States in one line which database is wrong and how.
    pub async fn open(
        url: &str,
        settings: &MySqlSettings,
        offset: TimeOffset,
    ) -> Result<Self, MySqlOpenError> {
        let server = Server::new(url, settings)?;
        migrations::ensure_current(&server, settings.older_schema).await?;
        let call_limit = settings.statement_timeout;
        let size = settings.pool_size.max(2);
        let (pool, job_pool) = (server.pool(size)?, server.pool(JOB_CONNECTIONS)?);
        let requests = TransactionRunner::new(&server, pool.clone(), offset.clone());
        let jobs = TransactionRunner::new(&server, job_pool.clone(), offset);
        // Of 16 connections, 2 are left for claims at the gate.
        let (reads_max, changes_max) = ((size / 2).max(1), (size * 3 / 8).max(1));
        Ok(Self(Arc::new(Inner {
            changes: Batches::new(requests.clone(), call_limit, changes_max),
            reads: Reads::new(requests.clone(), call_limit, reads_max),
            requests,
            jobs,
            pools: [pool, job_pool],
            call_limit,
        })))
    }

    /// Returns how many transactions were retried since the start, because of a conflict with
    /// another one or a lost connection. For metrics: it hardly ever grows.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.0.requests.retries() + self.0.jobs.retries()
    }

    /// Closes the pools. Calls that have a connection run to their end. Later calls fail.
    pub fn close(&self) {
        for pool in &self.0.pools {
            pool.close();
        }
    }

    /// Runs a user's request.
    async fn call<Argument, Outcome>(
        &self,
        argument: Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome>
    where
        Argument: Send + Sync + 'static,
        Outcome: Send + 'static,
    {
        self.0.requests.run(self.0.call_limit, argument, work).await
    }

    /// Runs a call of a job or an operator.
    async fn job<Argument, Outcome>(
        &self,
        argument: Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome>
    where
        Argument: Send + Sync + 'static,
        Outcome: Send + 'static,
    {
        let limit = self.0.call_limit.min(JOB_LIMIT);
        self.0.jobs.run(limit, argument, work).await
    }

    fn changes(&self) -> &Batches {
        &self.0.changes
    }

    fn reads(&self) -> &Reads {
        &self.0.reads
    }
}

impl fmt::Debug for MySqlQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlQueue").finish_non_exhaustive()
    }
}
