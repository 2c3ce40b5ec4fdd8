//! Checks whether a file is an undamaged database of this program, and not too new for it.

use std::path::Path;

use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types::Text};

use super::{
    backup_error::BackupError,
    migrations::{self, number},
    open_error::SqliteOpenError,
};

/// Errors unless the file has tables, all of them of migrations that this program knows. Errors
/// name the file `shown`.
pub(super) fn recognize(
    connection: &mut SqliteConnection,
    shown: &Path,
) -> Result<(), BackupError> {
    let status = migrations::compare(connection, shown)?;
    if status.applied.is_empty() {
        return Err(BackupError::Empty {
            path: shown.to_owned(),
        });
    }
    Ok(())
}

/// Does the same, and checks every page, index and reference of the file.
pub(super) fn check(connection: &mut SqliteConnection, shown: &Path) -> Result<(), BackupError> {
    recognize(connection, shown)?;
    let failed =
        |error: diesel::result::Error| SqliteOpenError::from_text(shown, error.to_string());
    let damaged = |why: String| BackupError::Damaged {
        path: shown.to_owned(),
        why,
    };
    let Finding { integrity_check } = sql_query("PRAGMA integrity_check(1)")
        .get_result(connection)
        .map_err(failed)?;
    if integrity_check != "ok" {
        return Err(damaged(
            integrity_check.lines().collect::<Vec<_>>().join(" "),
        ));
    }
    let strays = "SELECT count(*) AS number FROM pragma_foreign_key_check";
    match number(connection, strays).map_err(failed)? {
        0 => Ok(()),
        strays => Err(damaged(format!(
            "{strays} rows refer to others that are not there"
        ))),
    }
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}
