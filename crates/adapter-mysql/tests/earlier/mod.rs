//! Databases in the schemas of earlier versions of the program.

use std::fs;

use diesel_async::{AsyncMysqlConnection, SimpleAsyncConnection};

/// Runs the migrations whose names come before `end`, as an earlier version did. Returns their
/// number.
pub(crate) async fn migrate_before(raw: &mut AsyncMysqlConnection, end: &str) -> usize {
    let table = "CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    raw.batch_execute(table).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mysql");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.as_str() < end)
        .collect();
    names.sort();
    for name in &names {
        let sql = fs::read_to_string(format!("{folder}/{name}/up.sql")).unwrap();
        raw.batch_execute(&sql).await.unwrap();
        let version = name.split('_').next().unwrap().replace('-', "");
        let note = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        raw.batch_execute(&note).await.unwrap();
    }
    names.len()
}
