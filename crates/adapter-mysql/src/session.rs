//! One connection during one attempt at a call.

use std::time::Duration;

use diesel::{
    QueryResult,
    mysql::Mysql,
    query_builder::{QueryFragment, QueryId},
};
use diesel_async::{
    AnsiTransactionManager, RunQueryDsl, SimpleAsyncConnection, TransactionManager,
    pooled_connection::deadpool::Object,
};

use crate::{
    clock::Now,
    errors::{self, Kind},
    pool::Connection,
};

/// A connection, what time it is there, and how far its transaction got.
pub(crate) struct Session {
    connection: Object<Connection>,
    offset_us: i64,
    stage: Stage,
}

/// How far a transaction got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// None was begun, or it is over: the connection may be used again.
    Outside,
    /// Begun.
    Inside,
    /// The server was told to commit, and has not said that it did.
    Committing,
}

impl Session {
    /// Starts outside a transaction, where every statement stands for itself.
    pub(crate) fn new(connection: Object<Connection>, offset_us: i64) -> Self {
        Self {
            connection,
            offset_us,
            stage: Stage::Outside,
        }
    }

    /// What statements run on.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// The store's now, to stand in a statement.
    pub(crate) fn now(&self) -> Now {
        Now(self.offset_us)
    }

    /// How far its transaction got.
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// How long ago its connection was taken from the pool.
    pub(crate) fn taken(&self) -> Duration {
        Object::metrics(&self.connection).last_used()
    }

    /// Begins the transaction. What was read before may have changed, so every statement in it says
    /// what it takes for granted. Nothing is written before.
    pub(crate) async fn begin(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(&mut *self.connection).await?;
        self.stage = Stage::Inside;
        Ok(())
    }

    /// Begins a transaction that only reads, and for which the store stands still: all of its statements see what
    /// the first of them does.
    pub(crate) async fn begin_look(&mut self) -> QueryResult<()> {
        let repeatable = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        self.connection.batch_execute(repeatable).await?;
        let begin = "START TRANSACTION READ ONLY";
        AnsiTransactionManager::begin_transaction_sql(&mut *self.connection, begin).await?;
        self.stage = Stage::Inside;
        Ok(())
    }

    /// Makes what was done last, if a transaction was begun.
    pub(crate) async fn commit(&mut self) -> QueryResult<()> {
        if self.stage == Stage::Outside {
            return Ok(());
        }
        self.stage = Stage::Committing;
        AnsiTransactionManager::commit_transaction(&mut *self.connection).await?;
        self.stage = Stage::Outside;
        Ok(())
    }

    /// Runs a statement that stands alone, outside a transaction: it commits by itself, so with its answer
    /// it is lost whether it did. Gives how many rows it found.
    pub(crate) async fn execute_alone<Statement>(
        &mut self,
        statement: Statement,
    ) -> QueryResult<usize>
    where
        Statement: QueryFragment<Mysql> + QueryId + Send,
    {
        self.stage = Stage::Committing;
        let executed = statement.execute(&mut *self.connection).await;
        let lost = matches!(&executed, Err(error) if errors::kind(error) == Kind::Lost);
        if !lost {
            self.stage = Stage::Outside;
        }
        executed
    }

    /// Undoes what was done, if a transaction was begun.
    pub(crate) async fn roll_back(&mut self) -> QueryResult<()> {
        if self.stage != Stage::Outside {
            AnsiTransactionManager::rollback_transaction(&mut *self.connection).await?;
            self.stage = Stage::Outside;
        }
        Ok(())
    }

    /// Gives the connection back to its pool.
    pub(crate) fn keep(self) {
        drop(self.connection);
    }

    /// Hangs up. The server rolls back what was not committed.
    pub(crate) fn hang_up(self) {
        drop(Object::take(self.connection));
    }
}
