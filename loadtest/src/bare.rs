//! The baseline: an actix-web server with one route that always answers the same bytes, in a
//! process of its own. It is the least work with which a program in the language of this project
//! answers HTTP.

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use frontrow_test_harness::Process;
use tempfile::TempDir;

/// The path of the route.
pub(crate) const PATH: &str = "/constant";

/// The text that the server prints before its address.
const LISTENING: &str = "bare server on ";

const START_MAX: Duration = Duration::from_secs(30);

/// Serves `body` as JSON on a free loopback port until the process ends. The server has one thread
/// per processor, which is also the product's default.
pub(crate) async fn serve(body: String) -> Result<()> {
    let body = web::Bytes::from(body);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().route(
            PATH,
            web::get().to(move || {
                let body = body.clone();
                async move {
                    HttpResponse::Ok()
                        .content_type("application/json")
                        .body(body)
                }
            }),
        )
    })
    .bind(("127.0.0.1", 0))?;
    let address = server.addrs().first().copied().context("no address")?;
    println!("{LISTENING}{address}");
    server.run().await?;
    Ok(())
}

/// A running baseline server. Dropping it kills the server.
#[derive(Debug)]
pub(crate) struct Bare {
    process: Process,
    address: SocketAddr,
    /// Removed after the process has ended: fields are dropped in their order.
    _folder: TempDir,
}

impl Bare {
    /// Starts a server that answers `body`.
    pub(crate) async fn start(body: &str) -> Result<Self> {
        let folder = TempDir::with_prefix("loadtest-bare-")?;
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        Self::spawn(&program, body, folder).await
    }

    async fn spawn(program: &Path, body: &str, folder: TempDir) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["bare", "--body", body]);
        let mut process =
            Process::spawn("the bare server", &mut command, &folder.path().join("log"))?;
        let line = process.wait_for_line(LISTENING, START_MAX).await?;
        let (_, address) = line.split_once(LISTENING).context("no address")?;
        Ok(Self {
            address: address.trim().parse()?,
            process,
            _folder: folder,
        })
    }

    /// Returns the address on which the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}
