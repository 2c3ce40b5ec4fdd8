//! The store's own clock: the server's `UTC_TIMESTAMP(6)`, so that instances whose clocks differ
//! agree.

use std::time::{Duration, Instant};

use diesel::{
    QueryResult,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    mysql::Mysql,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Datetime},
};
use jiff::Timestamp;

/// This process's own clock, for measuring durations.
#[expect(clippy::disallowed_methods, reason = "used only to measure durations")]
pub(crate) fn monotonic_now() -> Instant {
    Instant::now()
}

/// The store's now, in any statement: the server's time at the statement's start plus an offset in
/// microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now(pub(crate) i64);

impl Now {
    /// Returns the instant that is `by` later, as microseconds from the server's clock.
    pub(crate) fn micros_later(self, by: Duration) -> i64 {
        self.0
            .saturating_add(by.as_micros().try_into().unwrap_or(i64::MAX))
    }

    /// Returns the store's now for a server's clock that showed `server_us` microseconds since
    /// 1970.
    pub(crate) fn at(self, server_us: i64) -> Timestamp {
        let micros = server_us.saturating_add(self.0);
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }
}

/// The column `now_us` of a statement written as SQL: the time of the server's clock at the
/// statement's start, in microseconds since 1970, for [`Now::at`].
macro_rules! now_us {
    () => {
        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS now_us"
    };
}

pub(crate) use now_us;

/// Like [`now_us`], but read while the statement runs and not when it starts: after it has waited
/// for the lock of the row that it reads by primary key. Connections have UTC as their time zone.
macro_rules! locked_now_us {
    () => {
        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6)) AS now_us"
    };
}

pub(crate) use locked_now_us;

impl Expression for Now {
    type SqlType = Datetime;
}

impl<Table> AppearsOnTable<Table> for Now {}

impl<Table> SelectableExpression<Table> for Now {}

impl<Group> ValidGrouping<Group> for Now {
    type IsAggregate = is_aggregate::Never;
}

impl QueryId for Now {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Mysql> for Now {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        out.push_sql("(UTC_TIMESTAMP(6) + INTERVAL ");
        out.push_bind_param::<BigInt, _>(&self.0)?;
        out.push_sql(" MICROSECOND)");
        Ok(())
    }
}
