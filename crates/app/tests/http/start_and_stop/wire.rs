//! A connection that stays open, controlled by the test byte by byte.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::App;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest time for an answer.
const LIMIT: Duration = Duration::from_secs(20);

/// One connection to a program.
pub(super) struct Wire {
    stream: TcpStream,
    host: String,
}

/// An answer without its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The program accepts no more requests on this connection.
    pub(super) closes: bool,
}

impl Wire {
    /// Connects and sends one request, so that the program has accepted the connection.
    pub(super) async fn open(app: &App) -> Result<Self> {
        let host = app.base_url().trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await?;
        let mut wire = Self { stream, host };
        wire.send("GET /livez", &["accept: */*"], "").await?;
        ensure!(wire.answer().await?.status == 200);
        Ok(wire)
    }

    /// Sends a whole request: method and path, headers, body.
    pub(super) async fn send(&mut self, what: &str, headers: &[&str], body: &str) -> Result<()> {
        self.send_head(what, headers, body.len()).await?;
        self.send_more(body).await
    }

    /// Sends a request without its body, and waits until the program has started to handle it.
    pub(super) async fn begin(
        &mut self,
        what: &str,
        headers: &[&str],
        length: usize,
    ) -> Result<()> {
        let headers = [headers, &["expect: 100-continue"]].concat();
        self.send_head(what, &headers, length).await?;
        let begun = self.answer().await?;
        ensure!(begun.status == 100, "{what}: {begun:?}");
        Ok(())
    }

    async fn send_head(&mut self, what: &str, headers: &[&str], length: usize) -> Result<()> {
        let host = &self.host;
        let headers = headers.join("\r\n");
        let text = format!(
            "{what} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }

    /// Sends more of a body.
    pub(super) async fn send_more(&mut self, body: &str) -> Result<()> {
        Ok(self.stream.write_all(body.as_bytes()).await?)
    }

    /// Reads the next answer whole.
    pub(super) async fn answer(&mut self) -> Result<Answer> {
        let answer = self.answer_unless_closed().await?;
        answer.context("the connection was closed without an answer")
    }

    /// Reads the next answer whole. None if the connection is closed before the answer begins.
    pub(super) async fn answer_unless_closed(&mut self) -> Result<Option<Answer>> {
        let first = timeout(LIMIT, self.stream.read_u8());
        let Ok(first) = first.await.context("no answer")? else {
            return Ok(None);
        };
        let rest = timeout(LIMIT, self.read(first));
        rest.await.context("no whole answer")?.map(Some)
    }

    async fn read(&mut self, first: u8) -> Result<Answer> {
        let mut text = vec![first];
        while !text.ends_with(b"\r\n\r\n") {
            text.push(
                self.stream
                    .read_u8()
                    .await
                    .context("the connection was cut")?,
            );
        }
        let head = String::from_utf8(text)?.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(Ok(0), str::parse)?;
        let mut body = vec![0; length];
        self.stream
            .read_exact(&mut body)
            .await
            .context("the answer was cut")?;
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        let closes = head.contains("\r\nconnection: close");
        Ok(Answer { status, closes })
    }
}
