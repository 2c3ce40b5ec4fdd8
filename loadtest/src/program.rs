//! Starts and stops the program under load, and sends it the requests of an operator.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;
use frontrow_test_harness::{App, AppConfig, Client, Reply};
use serde_json::{Value, json};

use crate::{
    cli::Backend,
    counters::InstanceCounters,
    stores::Stores,
    users::{IdentityProvider, Place},
};

const IDENTITY_SECRET: &str = "loadtest-identity-provider-0123456789abcdef";
const TOKEN_KEY: &str = "loadtest-queue-token-key-0123456789abcdef";
const ADMIN_KEY: &str = "loadtest-operator-0123456789";

/// Allows for a start on a database with a million rows, on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// A running instance of the program, with a folder of its own. Dropping it ends the instance.
pub(crate) struct Program {
    app: App,
    /// Signs identities that the program accepts.
    pub(crate) provider: IdentityProvider,
}

impl Program {
    /// Empties the stores, then starts `binary` with these settings and its queues on `backend`.
    pub(crate) async fn start(
        binary: &Path,
        backend: Backend,
        stores: &Stores,
        settings: &[(&str, String)],
    ) -> Result<Self> {
        let mut config = AppConfig::default()
            .ready_within(READY_WITHIN)
            .env("FRONTROW_IDENTITY__HS256_SECRET", IDENTITY_SECRET)
            .env("FRONTROW_QUEUE__TOKEN_KEYS__MAIN", TOKEN_KEY)
            .env("FRONTROW_ADMIN__KEYS__OPS", ADMIN_KEY)
            .env("FRONTROW_DEMO__ON_FIRST_START", "false")
            .env("FRONTROW_QUEUE__BACKEND", backend.name());
        for (name, value) in stores.fresh(backend).await? {
            config = config.env(name, value);
        }
        for (name, value) in settings {
            config = config.env(name, value);
        }
        Ok(Self {
            app: App::start(binary, config).await?,
            provider: IdentityProvider::new(IDENTITY_SECRET),
        })
    }

    /// Starts another instance on the same stores.
    pub(crate) async fn start_another(&self, binary: &Path) -> Result<Self> {
        Ok(Self {
            app: App::start(binary, self.app.config().clone()).await?,
            provider: IdentityProvider::new(IDENTITY_SECRET),
        })
    }

    /// Reads the counters of the instance since its start.
    pub(crate) async fn counters(&self) -> Result<InstanceCounters> {
        let metrics = self.operator().get("/metrics").await?;
        InstanceCounters::read(&metrics.expect_status(200)?.text)
    }

    /// Returns the number of users who wait in the line of a concert, from its line status.
    pub(crate) async fn waiting(&self, concert: &str) -> Result<u64> {
        let response = self.client().get(&line_path(concert)).await?;
        let response = response.expect_status(200)?;
        let waiting = response.at("/waiting")?.as_u64();
        waiting.context("a line status has no `waiting`")
    }

    /// Stops the instance cleanly and starts it again on the same stores. Its cache is then empty.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.app.restart().await
    }

    /// Suspends the process: it keeps its connections and answers nothing.
    pub(crate) fn pause(&mut self) -> Result<()> {
        self.app.pause()
    }

    /// Continues the suspended process.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.app.resume()
    }

    /// Returns the address on which the instance listens.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let url = self.app.base_url();
        let address = url.trim_start_matches("http://");
        address
            .parse()
            .with_context(|| format!("{url} is not an address"))
    }

    /// Returns the id of its process.
    pub(crate) fn pid(&mut self) -> u32 {
        self.app.process().pid()
    }

    /// Returns a client without an identity.
    pub(crate) fn client(&self) -> Client {
        self.app.client()
    }

    fn operator(&self) -> Client {
        self.app.client().bearer(ADMIN_KEY)
    }

    /// Creates a concert. `queue` has the fields in which its policy differs from the default.
    /// Returns its id.
    pub(crate) async fn concert(&self, title: &str, queue: Value) -> Result<String> {
        let body = json!({ "title": title, "queue": queue });
        let created = self.operator().post("/v1/admin/concerts").json(&body);
        let concert = id_of(&created.await?.expect_status(201)?)?;
        // A queue without a performance admits no user.
        self.performance(&concert, "A hall of its own", 1).await?;
        Ok(concert)
    }

    /// Adds a performance with `seats` seats to a concert, in rows `R0`, `R1`, … of at most 1,000
    /// seats. Returns its id.
    pub(crate) async fn performance(
        &self,
        concert: &str,
        venue: &str,
        seats: u32,
    ) -> Result<String> {
        let body = json!({
            "starts_at": "2035-06-01T19:00:00Z",
            "venue": venue,
            "sections": [{ "name": "Stalls", "price": 100, "rows": rows(seats) }],
        });
        let path = format!("/v1/admin/concerts/{concert}/performances");
        let created = self.operator().post(&path).json(&body);
        id_of(&created.await?.expect_status(201)?)
    }

    /// Changes the policy of a queue. Returns when the new policy is in force.
    pub(crate) async fn change_policy(&self, concert: &str, change: &Value) -> Result<()> {
        let changed = self.request_policy(concert, change).await?;
        changed.expect_status(200).map(drop)
    }

    /// Requests another policy of a queue. It may not be in force yet when this returns.
    pub(crate) async fn request_policy(&self, concert: &str, change: &Value) -> Result<Reply> {
        let path = format!("/v1/admin/concerts/{concert}/queue");
        let changed = self.operator().patch(&path).json(change).await?;
        ensure!(
            matches!(changed.status, 200 | 202),
            "a policy was refused: {} {}",
            changed.status,
            changed.text
        );
        Ok(changed)
    }

    /// Looks up the place of a token. Returns it with the text of the answer.
    pub(crate) async fn look_up(&self, token: &str) -> Result<(Place, String)> {
        let request = self.client().get("/v1/queue/token").queue_token(token);
        let reply = request.await?.expect_status(200)?;
        Ok((serde_json::from_str(&reply.text)?, reply.text))
    }
}

/// Returns the path of a concert's line status.
pub(crate) fn line_path(concert: &str) -> String {
    format!("/v1/concerts/{concert}/line")
}

fn id_of(reply: &Reply) -> Result<String> {
    Ok(reply.text_at("/id")?.to_owned())
}

/// The largest number of seats in a row.
const SEATS_PER_ROW: u32 = 1_000;

fn rows(seats: u32) -> Vec<Value> {
    let full = seats / SEATS_PER_ROW;
    let mut rows: Vec<_> = (0..full)
        .map(|row| json!({ "name": format!("R{row}"), "seats": SEATS_PER_ROW }))
        .collect();
    if !seats.is_multiple_of(SEATS_PER_ROW) {
        rows.push(json!({ "name": format!("R{full}"), "seats": seats % SEATS_PER_ROW }));
    }
    rows
}

/// Returns the labels of the seats that [`Program::performance`] creates.
pub(crate) fn seat_labels(seats: u32) -> impl Iterator<Item = String> {
    (0..seats).map(|seat| format!("R{}-{}", seat / SEATS_PER_ROW, seat % SEATS_PER_ROW + 1))
}

/// Builds the program in release mode and returns its path. Cargo rebuilds only what has changed.
pub(crate) fn release_build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    eprintln!("loadtest: cargo build --release --package frontrow");
    let output = Command::new(cargo)
        .args(["build", "--release", "--package", "frontrow"])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo cannot build frontrow: {}",
        output.status
    );
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| match message {
            Message::CompilerArtifact(artifact) if artifact.target.name == "frontrow" => {
                artifact.executable
            }
            _ => None,
        })
        .map(PathBuf::from)
        .context("cargo reported no executable of frontrow")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seat_of_a_performance_has_its_label() {
        assert_eq!(rows(2_500).len(), 3);
        let labels: Vec<_> = seat_labels(2_500).collect();
        assert_eq!(labels.len(), 2_500);
        assert_eq!(labels[0], "R0-1");
        assert_eq!(labels[999], "R0-1000");
        assert_eq!(labels[1_000], "R1-1");
        assert_eq!(labels[2_499], "R2-500");
    }
}
