//! The audit log: records the changes of operators, in the transactions of the changes.

use diesel::{ExpressionMethods, QueryResult, RunQueryDsl, SqliteConnection, insert_into};
use frontrow_domain::{model::AuditNote, ports::Operator};

use super::{columns::Db, errors, schema::audit};

/// Records a change that `by` made.
pub(super) fn record(
    connection: &mut SqliteConnection,
    by: &Operator,
    note: &AuditNote,
) -> QueryResult<()> {
    let detail =
        serde_json::to_string(&note.detail).map_err(|error| errors::broken(error.to_string()))?;
    insert_into(audit::table)
        .values((
            audit::at.eq(Db(by.at)),
            audit::actor.eq(&by.name),
            audit::action.eq(note.action),
            audit::subject.eq(&note.subject),
            audit::detail.eq(detail),
        ))
        .execute(connection)
        .map(drop)
}
