//! The waiting rooms in MySQL or MariaDB: any number of instances of the service on one database.
//!
//! # Rows
//! Joins and admission have a row of each queue to themselves. The *tail* (`queue_tails`) is what joins change:
//! the number of the last in the line, the last arrival. The *head* (`queue_heads`) is what admission changes, and what it goes by: the window,
//! how far the line has moved, since when the queue is served, the policy. Each user has one row in
//! `queue_places`, whatever becomes of the place: who is admitted stays in that row, so nobody can have two
//! places or be between two of them. [ADR 8](../../../../docs/adr/0008-the-queue-on-mysql.md) says why, and what
//! else was measured.
//!
//! # What each call does
//! | call | statements | locks |
//! |---|---|---|
//! | join | one transaction for all who come together: tail, situation, users' rows, new rows, tail | tail; head too when nobody waits and the state admits, or somebody comes back after a loss; the users' rows |
//! | look-up | one `SELECT` by primary keys | none |
//! | sign of life | gathered; one `UPDATE` a second for all of a queue | the rows of those who gave one |
//! | gate | the look-up; a first use, or a hold that extends the place, one `UPDATE` that commits by itself | the place's row |
//! | leave an active place | the look-up, then one `UPDATE` that commits by itself | the place's row |
//! | leave the line | the look-up, then one transaction: the place, the count of leavers, the record of them | the place's row, then the queue's exit |
//! | look at the line | head, counts, exit, leavers since, as of one instant | none |
//! | signs of life that are told | the head, one `UPDATE` | the rows of those who gave one |
//! | admission tick | head, counts, next in line, their rows, the move, head | head, unless somebody else has it; the rows of those whose turn it is |
//! | expiry tick | head, counts, who is over, their rows, removal, head | head, unless somebody else has it; the rows of those who are over |
//! | seed, sold out | tail, head, change | tail and head |
//! | busy, empty, version | one or two `SELECT` | none |
//!
//! Locks are taken in the order tail, head, users' rows, and those in the order of the primary key. Which
//! rows of an index are meant is always read without locks first, since an index's entries would be locked
//! in another order. So no two calls can wait for each other. Should a server find a deadlock all the same,
//! the whole transaction is run again, a bounded number of times.
//!
//! The clock is read after the locks were taken: a call that waited for one is not stamped with the past.
//!
//! # Positions
//! Numbers in the line are dense and grow with the arrivals, since both are given out under the tail's lock.
//! A position is the place's number less that of the last whom admission has passed: two numbers from a point
//! read. It is over-stated by those ahead who have left, until admission or an expiry tick passes them, and
//! so is the number of people behind.
//! Who comes back after a loss has an old arrival and no number; see `returns`.
//!
//! # Cost
//! No statement reads more rows as a line grows. Counts are kept in the two rows of the queue; what is counted
//! one by one is only who is past their end or has left since the last tick. Moves and removals are done at
//! most as many at a time as the caller says.
//!
//! # Loss
//! A failover to a replica that lacks the last commits may repeat their admissions, and send their joiners to
//! the end of the line. A database without the queue's rows recovers as [`Queue`] describes. Signs of life
//! that were not written when a process dies are lost; none is older than a second, and none that matters
//! within half of the waiting time to live.
//!
//! # Files
//! - `waiting`, `batches`, `join`, `situation`, `entering`, `tail`: who waits to join; joins that share a
//!   transaction; the transaction; what it reads; what comes of each join; what it writes.
//! - `look_up`, `signs`: where a place is; signs of life.
//! - `gate`, `leave`: what else people do.
//! - `line`, `exits`: the line as a whole; the record of those who left it.
//! - `ticks`, `admit`, `expire`, `remove`: what ticks have in common; admission; tidying up.
//! - `control`: what operators and the jobs that keep the store supplied do.
//! - `head`, `head_row`, `places`, `counts`, `returns`, `instants`: rows, and what they add up to.

mod admit;
mod batches;
mod control;
mod counts;
mod entering;
mod exits;
mod expire;
mod gate;
mod head;
mod head_row;
mod instants;
mod join;
mod leave;
mod line;
mod look_up;
mod places;
mod remove;
mod returns;
mod signs;
mod situation;
mod tail;
mod ticks;
mod waiting;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{GatePurpose, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped, StoreResult},
};

use self::{signs::Signs, waiting::Waiting};
use crate::{
    calls::{Calls, Work},
    clock::TimeOffset,
    migrations,
    open_error::OpenError,
    pool::{Pool, Server},
    settings::MySqlSettings,
};

/// The waiting rooms, in MySQL or MariaDB. It implements every port of a queue.
///
/// Positions, and the numbers of people behind, are over-stated by those who left the line, until a tick has
/// passed them. Any number of instances of the service may share a database, and each of them may tick. Clones
/// share their connections, and the transaction of their joins. Needs a tokio runtime.
///
/// Its connections are its own, so that a rush at the door takes none from those who pay.
#[derive(Clone)]
pub struct MySqlQueue(Arc<Inner>);

struct Inner {
    calls: Calls,
    pool: Pool,
    call_limit: Duration,
    waiting: Arc<Waiting>,
    signs: Arc<Signs>,
}

impl MySqlQueue {
    /// Connects to the database of a URL such as `mysql://user:password@host:3306/frontrow`, which must be
    /// there. Refuses a schema that is newer than this program, and deals with an older one as the settings say.
    /// `offset` is for tests: the product's is [`TimeOffset::default`], none.
    ///
    /// # Errors
    /// Says in one line which database is wrong and how.
    pub async fn open(
        url: &str,
        settings: &MySqlSettings,
        offset: TimeOffset,
    ) -> Result<Self, OpenError> {
        let server = Server::new(url, settings)?;
        migrations::ensure_current(&server, settings.older_schema).await?;
        let pool = server.pool(settings.pool_size)?;
        let calls = Calls::new(&server, pool.clone(), offset);
        let call_limit = settings.statement_timeout;
        Ok(Self(Arc::new(Inner {
            signs: Signs::new(calls.clone(), call_limit),
            waiting: Arc::new(Waiting::new(call_limit)),
            calls,
            pool,
            call_limit,
        })))
    }

    /// How often a transaction was begun anew since the start, because it ran into another one or lost its
    /// connection. For metrics: it hardly ever grows.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.0.calls.retries()
    }

    /// Writes the signs of life that were gathered, and hangs up. Calls that have a connection go on to their
    /// end; what comes later fails.
    ///
    /// # Errors
    /// When the signs could not be written. The queue is closed all the same.
    pub async fn close(&self) -> StoreResult<()> {
        let written = self.signs().flush_all().await;
        self.0.pool.close();
        written
    }

    async fn call<Argument, Outcome>(
        &self,
        argument: Argument,
        work: Work<Argument, Outcome>,
    ) -> StoreResult<Outcome>
    where
        Argument: Send + Sync + 'static,
        Outcome: Send + 'static,
    {
        self.0.calls.run(self.0.call_limit, argument, work).await
    }

    fn calls(&self) -> &Calls {
        &self.0.calls
    }

    fn waiting(&self) -> &Arc<Waiting> {
        &self.0.waiting
    }

    fn signs(&self) -> &Arc<Signs> {
        &self.0.signs
    }
}

impl fmt::Debug for MySqlQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlQueue").finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for MySqlQueue {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        self.join_queue(concert, user, shown).await
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        self.look_up_place(ticket).await
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        self.pass(ticket, purpose).await
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        self.leave_place(ticket).await
    }
}
