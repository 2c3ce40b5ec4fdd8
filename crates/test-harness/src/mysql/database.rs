use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use anyhow::{Context, Result, bail};
use mysql_async::{Conn, Error, Opts, OptsBuilder, prelude::Queryable};
use tokio::runtime::Builder;

use super::URL_VARIABLE;

/// The server's error number for a database that exists already.
const DATABASE_EXISTS: u16 = 1007;

/// Maximum number of names to try: an earlier process with the same id may have left databases
/// behind.
const NAMES_TRIED: u32 = 1_000;

/// The number of this process's next database.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// An empty database for one test, on the server of `FRONTROW_TEST_MYSQL_URL`. Dropping this
/// removes it.
#[derive(Debug)]
pub struct MySqlTestDatabase {
    server: Opts,
    name: String,
    url: String,
}

impl MySqlTestDatabase {
    /// Creates a database.
    pub async fn create() -> Result<Self> {
        let Some(url) = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()) else {
            bail!(
                "{URL_VARIABLE} is not set: run this test with `cargo xtask test`, \
                 or give it the URL of a server, such as mysql://root@127.0.0.1:3306"
            );
        };
        let server = OptsBuilder::from_opts(Opts::from_url(&url)?).prefer_socket(false);
        let server = Opts::from(server);
        let mut connection = Conn::new(server.clone())
            .await
            .with_context(|| format!("no server at {URL_VARIABLE}"))?;
        for _ in 0..NAMES_TRIED {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("frontrow_test_{}_{number}", process::id());
            match connection
                .query_drop(format!("CREATE DATABASE {name}"))
                .await
            {
                Ok(()) => {
                    connection.disconnect().await?;
                    let url = format!("{}/{name}", url.trim_end_matches('/'));
                    return Ok(Self { server, name, url });
                }
                Err(Error::Server(error)) if error.code == DATABASE_EXISTS => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!("no name for a database is free");
    }

    /// Returns its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for MySqlTestDatabase {
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {}", self.name);
        // A thread that may belong to a runtime cannot block on one.
        let dropped = thread::spawn(move || -> Result<()> {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = Conn::new(server).await?;
                connection.query_drop(statement).await?;
                Ok(connection.disconnect().await?)
            })
        });
        let failure = match dropped.join() {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "it panicked".to_owned(),
        };
        eprintln!("the database {} is still there: {failure}", self.name);
    }
}
