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
use scopeguard::ScopeGuard;

use crate::{
    clock::Now,
    errors::{self, Kind},
    pool::Connection,
};

/// A connection that is closed when it goes out of scope.
type Guarded = ScopeGuard<Object<Connection>, fn(Object<Connection>)>;

/// A connection, its time, and the stage of its transaction.
///
/// Dropping it closes the connection, and the server rolls back what was not committed. A caller
/// [keeps](Self::keep) the connection only if it knows that nothing is under way. If a call is
/// abandoned in the middle of a statement, by a time-out, a panic or the end of a runtime, the
/// answer to that statement would otherwise reach the next user of the connection, who would take
/// it for their own.
pub(crate) struct Session {
    connection: Guarded,
    offset_us: i64,
    stage: Stage,
}

/// The stage of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No transaction was begun, or it is over: the connection may be used again.
    Outside,
    /// A transaction was begun.
    Inside,
    /// The commit was sent, and the server has not confirmed it.
    Committing,
    /// A statement was abandoned: the connection is unusable.
    Abandoned,
}

impl Session {
    /// Starts outside a transaction, where every statement commits by itself.
    pub(crate) fn new(connection: Object<Connection>, offset_us: i64) -> Self {
        Self {
            connection: scopeguard::guard(connection, |connection| drop(Object::take(connection))),
            offset_us,
            stage: Stage::Outside,
        }
    }

    /// Returns the connection for statements.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Returns the store's now, for use in a statement.
    pub(crate) fn now(&self) -> Now {
        Now(self.offset_us)
    }

    /// Returns the stage of its transaction.
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns the time since its connection was taken from the pool.
    pub(crate) fn taken(&self) -> Duration {
        Object::metrics(&self.connection).last_used()
    }

    /// Begins the transaction. Rows that were read before may have changed, so every statement in
    /// it states its preconditions. Nothing is written before this.
    pub(crate) async fn begin(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(self.connection()).await?;
        self.stage = Stage::Inside;
        Ok(())
    }

    /// Begins a read-only transaction on a consistent snapshot: all of its statements see the state
    /// that the first one sees.
    pub(crate) async fn begin_snapshot(&mut self) -> QueryResult<()> {
        let repeatable = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        self.connection.batch_execute(repeatable).await?;
        let begin = "START TRANSACTION READ ONLY";
        AnsiTransactionManager::begin_transaction_sql(self.connection(), begin).await?;
        self.stage = Stage::Inside;
        Ok(())
    }

    /// Commits the transaction, if one was begun.
    pub(crate) async fn commit(&mut self) -> QueryResult<()> {
        if self.stage == Stage::Outside {
            return Ok(());
        }
        self.stage = Stage::Committing;
        AnsiTransactionManager::commit_transaction(self.connection()).await?;
        self.stage = Stage::Outside;
        Ok(())
    }

    /// Runs a statement that stands alone, outside a transaction. It commits by itself, so if its
    /// answer is lost, its outcome is unknown. The same goes for a full disk, which may have hit
    /// the statement or its commit. Returns the number of rows found.
    pub(crate) async fn execute_alone<Statement>(
        &mut self,
        statement: Statement,
    ) -> QueryResult<usize>
    where
        Statement: QueryFragment<Mysql> + QueryId + Send,
    {
        self.stage = Stage::Committing;
        let executed = statement.execute(self.connection()).await;
        let unknown = matches!(&executed, Err(error)
            if matches!(errors::kind(error), Kind::Lost | Kind::DiskFull));
        if !unknown {
            self.stage = Stage::Outside;
        }
        executed
    }

    /// Runs a statement of the transaction that may wait for a lock. Errors if it takes longer than
    /// `limit`: then the statement is abandoned, and so is the connection.
    pub(crate) async fn within<T>(
        &mut self,
        limit: Duration,
        statement: impl AsyncFnOnce(&mut Self) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let ran = tokio::time::timeout(limit, statement(self)).await;
        ran.unwrap_or_else(|_| {
            self.stage = Stage::Abandoned;
            let limit = limit.as_millis();
            Err(errors::abandoned(format!(
                "a row was locked by another transaction for more than {limit} ms"
            )))
        })
    }

    /// Rolls the transaction back, if one was begun.
    pub(crate) async fn roll_back(&mut self) -> QueryResult<()> {
        if !matches!(self.stage, Stage::Outside | Stage::Abandoned) {
            AnsiTransactionManager::rollback_transaction(self.connection()).await?;
            self.stage = Stage::Outside;
        }
        Ok(())
    }

    /// Returns the connection to its pool.
    pub(crate) fn keep(self) {
        drop(ScopeGuard::into_inner(self.connection));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use diesel::{QueryableByName, sql_query, sql_types::BigInt};
    use frontrow_test_harness::MySqlTestDatabase;
    use futures_util::poll;

    use super::*;
    use crate::{
        MySqlSettings,
        pool::{Pool, Server},
    };

    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }

    async fn session(pool: &Pool) -> Session {
        Session::new(pool.get().await.unwrap(), 0)
    }

    #[tokio::test]
    async fn a_statement_abandoned_midway_leaves_no_answer_to_the_next_call() {
        let database = MySqlTestDatabase::create().await.unwrap();
        let server = Server::new(database.url(), &MySqlSettings::default()).unwrap();
        let pool = server.pool(1).unwrap();
        let mut abandoned = session(&pool).await;
        {
            let query = sql_query("SELECT 1 AS number");
            let mut query = pin!(query.get_result::<Answer>(abandoned.connection()));
            assert!(poll!(query.as_mut()).is_pending());
        }
        drop(abandoned);
        let mut next = session(&pool).await;
        let query = sql_query("SELECT 2 AS number");
        let answer = query.get_result::<Answer>(next.connection()).await.unwrap();
        assert_eq!(answer.number, 2);
        next.keep();
        assert_eq!(pool.status().size, 1);
    }
}
