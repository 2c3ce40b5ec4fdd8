//! The baseline of a database: durable commits of one row each, on as many connections as send
//! requests to the program.

use std::time::Duration;

use anyhow::Result;
use mysql_async::{Conn, Statement, params, prelude::Queryable};
use tokio::task::JoinSet;

use crate::{client::Tally, measure::Side, stores::MySql, users::Series, watch};

const TABLE: &str = "CREATE TABLE arrivals (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    arrival BIGINT NOT NULL
) ENGINE = InnoDB";

const INSERT: &str = "INSERT INTO arrivals (user_id, arrival) VALUES (:user, :arrival)";

/// A side whose connections insert one row at a time, each in a transaction of its own.
pub(crate) struct Commits {
    connections: Vec<(Conn, Statement)>,
    /// The number of the next row.
    next: u64,
}

impl Commits {
    /// Creates the table in a new database of this server.
    pub(crate) async fn on(mysql: &MySql, connections: usize) -> Result<Self> {
        let database = mysql.make_database().await?;
        let mut first = mysql.connect(&database).await?;
        first.query_drop(TABLE).await?;
        first.disconnect().await?;
        let mut open = Vec::new();
        for _ in 0..connections {
            let mut connection = mysql.connect(&database).await?;
            let insert = connection.prep(INSERT).await?;
            open.push((connection, insert));
        }
        Ok(Self {
            connections: open,
            next: 0,
        })
    }
}

impl Side for Commits {
    async fn slice(&mut self, duration: Duration) -> Result<Tally> {
        /// More rows than one connection inserts in a slice.
        const APART: u64 = 10_000_000;
        let began = watch::now();
        let ends = began + duration;
        let mut inserting = JoinSet::new();
        for (connection, insert) in self.connections.drain(..) {
            let first = self.next;
            self.next += APART;
            inserting.spawn(async move {
                let mut connection = connection;
                let mut tally = Tally::new()?;
                for number in first.. {
                    let sent = watch::now();
                    if sent >= ends {
                        break;
                    }
                    let row = params! { "user" => Series(0).user_id(number), "arrival" => number };
                    connection.exec_drop(&insert, row).await?;
                    tally.intended(sent.elapsed());
                }
                anyhow::Ok((connection, insert, tally))
            });
        }
        let mut total = Tally::new()?;
        while let Some(done) = inserting.join_next().await {
            let (connection, insert, tally) = done??;
            total.merge_beside(&tally);
            self.connections.push((connection, insert));
        }
        total.duration = began.elapsed();
        Ok(total)
    }
}
