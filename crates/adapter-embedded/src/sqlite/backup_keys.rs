//! The keys in a backup, which have their own table. A restored database does not have it. A backup
//! that was copied into place by hand does.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    sql_query, sql_types::Text,
};

use super::{backup::BackupKey, migrations::number};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    secret: String,
}

/// Puts `keys` into a database that has none. A backup without keys has no table of them.
pub(super) fn put(connection: &mut SqliteConnection, keys: &[BackupKey]) -> QueryResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    connection.batch_execute(
        "CREATE TABLE backup_keys (name TEXT NOT NULL PRIMARY KEY, secret TEXT NOT NULL) STRICT",
    )?;
    for key in keys {
        sql_query("INSERT INTO backup_keys (name, secret) VALUES (?, ?)")
            .bind::<Text, _>(&key.name)
            .bind::<Text, _>(&key.secret)
            .execute(connection)?;
    }
    Ok(())
}

/// Removes the keys and returns them: afterwards the file has no trace of them.
pub(super) fn take(connection: &mut SqliteConnection) -> QueryResult<Vec<BackupKey>> {
    let tables = "SELECT count(*) AS number FROM sqlite_schema WHERE name = 'backup_keys'";
    if number(connection, tables)? == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> =
        sql_query("SELECT name, secret FROM backup_keys ORDER BY name").load(connection)?;
    remove(connection)?;
    let keys = rows
        .into_iter()
        .map(|Row { name, secret }| BackupKey { name, secret });
    Ok(keys.collect())
}

/// Removes the keys, if there are any: afterwards the file has no trace of them.
pub(super) fn remove(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("PRAGMA secure_delete = ON; DROP TABLE IF EXISTS backup_keys")
}
