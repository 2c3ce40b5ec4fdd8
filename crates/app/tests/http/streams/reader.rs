//! Reads server-sent events as a client does.

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::lifetimes::SOON;

/// The path of an event stream.
pub(super) const EVENTS: &str = "/v1/queue/token/events";

/// An open stream.
pub(super) struct Reader {
    response: Response,
    unread: String,
    /// The last received time until the next attempt, in milliseconds.
    pub(super) retry_ms: Option<u64>,
    /// The id of the last event.
    pub(super) last_id: Option<String>,
    /// The number of comments that were received.
    pub(super) comments: usize,
}

/// An event.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: Value,
}

impl Reader {
    /// Opens the stream of the place of `client`'s token.
    pub(super) async fn open(client: &Client) -> Result<Self> {
        Self::of(client.get(EVENTS).open().await?)
    }

    /// Opens it again, after the event with this id.
    pub(super) async fn reopen(client: &Client, last_id: &str) -> Result<Self> {
        let request = client.get(EVENTS).header("last-event-id", last_id);
        Self::of(request.open().await?)
    }

    fn of(response: Response) -> Result<Self> {
        ensure!(response.status() == 200, "{response:?}");
        Ok(Self {
            response,
            unread: String::new(),
            retry_ms: None,
            last_id: None,
            comments: 0,
        })
    }

    /// A header of the answer.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next event. None at the end of the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Event>> {
        timeout(SOON, self.next_event())
            .await
            .context("no event comes")?
    }

    /// The next event with this name. Other events may come before.
    pub(super) async fn until(&mut self, name: &str) -> Result<Event> {
        let mut before = Vec::new();
        while let Some(event) = self.next().await? {
            if event.name == name {
                return Ok(event);
            }
            before.push(event);
        }
        anyhow::bail!("the stream ended without {name}: {before:?}")
    }

    /// Waits for the end of the stream. No event may come before.
    pub(super) async fn ends(&mut self) -> Result<()> {
        let event = self.next().await?;
        ensure!(event.is_none(), "{event:?}");
        Ok(())
    }

    async fn next_event(&mut self) -> Result<Option<Event>> {
        loop {
            let Some((frame, rest)) = self.unread.split_once("\n\n") else {
                let Some(chunk) = self.response.chunk().await? else {
                    return Ok(None);
                };
                self.unread.push_str(std::str::from_utf8(&chunk)?);
                continue;
            };
            let (frame, rest) = (frame.to_owned(), rest.to_owned());
            self.unread = rest;
            if let Some(event) = self.read(&frame)? {
                return Ok(Some(event));
            }
        }
    }

    fn read(&mut self, frame: &str) -> Result<Option<Event>> {
        let (mut name, mut data) = (None, None);
        for line in frame.lines() {
            match line.split_once(':').context("a field")? {
                ("", _) => self.comments += 1,
                ("event", value) => name = Some(value.trim().to_owned()),
                ("id", value) => self.last_id = Some(value.trim().to_owned()),
                ("data", value) => data = Some(serde_json::from_str(value)?),
                ("retry", value) => self.retry_ms = Some(value.trim().parse()?),
                other => anyhow::bail!("a strange field: {other:?}"),
            }
        }
        let Some(data) = data else {
            return Ok(None);
        };
        let name = name.context("an event has a name")?;
        Ok(Some(Event { name, data }))
    }
}
