//! A backup of a MySQL database inside its server, for machines without MySQL's client programs,
//! which MariaDB's cannot replace. It tests the effects of a restore, not the commands of the
//! manual.

use anyhow::Result;
use diesel::{
    QueryableByName, sql_query,
    sql_types::{Binary, Text},
};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};

/// The database that keeps the copy of the database `name`.
fn copy_of(name: &str) -> String {
    format!("{name}_backup")
}

/// Copies the whole database `name`. No program may write meanwhile.
pub(super) async fn back_up(origin: &str, name: &str) -> Result<()> {
    copy(origin, name, &copy_of(name)).await
}

/// Replaces the database `name` by the last copy.
pub(super) async fn restore(origin: &str, name: &str) -> Result<()> {
    copy(origin, &copy_of(name), name).await
}

async fn copy(origin: &str, from: &str, to: &str) -> Result<()> {
    let mut connection = AsyncMysqlConnection::establish(&format!("{origin}/mysql")).await?;
    let fresh = format!("DROP DATABASE IF EXISTS {to}; CREATE DATABASE {to}; USE {to}");
    connection.batch_execute(&fresh).await?;
    connection
        .batch_execute("SET foreign_key_checks = 0")
        .await?;
    for Table { name, columns } in tables(&mut connection, from).await? {
        // With its foreign keys and the names of its constraints, which CREATE TABLE … LIKE drops.
        let made = format!("SHOW CREATE TABLE {from}.{name}");
        let made: Made = sql_query(made).get_result(&mut connection).await?;
        connection
            .batch_execute(&String::from_utf8(made.statement)?)
            .await?;
        let rows = format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {from}.{name}");
        connection.batch_execute(&rows).await?;
    }
    Ok(())
}

/// The tables of a database, each with the columns that can be written.
async fn tables(connection: &mut AsyncMysqlConnection, database: &str) -> Result<Vec<Table>> {
    connection
        .batch_execute("SET SESSION group_concat_max_len = 10000")
        .await?;
    let tables = sql_query(
        "SELECT table_name AS name, GROUP_CONCAT(column_name) AS columns
         FROM information_schema.columns
         WHERE table_schema = ? AND generation_expression = ''
         GROUP BY table_name",
    );
    let tables = tables.bind::<Text, _>(database);
    Ok(tables.load(connection).await?)
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    columns: String,
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Binary, column_name = "Create Table")]
    statement: Vec<u8>,
}
