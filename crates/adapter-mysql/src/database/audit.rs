//! The audit log: records what operators change, in the transaction of the change.

use diesel::{ExpressionMethods, QueryResult, insert_into};
use diesel_async::RunQueryDsl;
use frontrow_domain::{model::AuditNote, ports::Operator};

use super::{columns::Db, schema::audit};
use crate::{errors, session::Session};

/// Records what `by` did.
pub(super) async fn note(
    session: &mut Session,
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
        .execute(session.connection())
        .await
        .map(drop)
}
