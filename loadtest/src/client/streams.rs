//! Users who read the event streams of their places.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};

use crate::watch::unix_micros;

/// Initial size of the buffer for an event, in bytes.
const BUFFER_BYTES: usize = 2 * 1_024;

/// The number of streams that are opened at once.
const OPENING_MAX: usize = 64;

/// An event that a stream received.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedEvent {
    /// Its name, such as `turn`.
    pub(crate) name: String,
    /// The instant of its receipt, in µs since 1970.
    pub(crate) at_us: i64,
    /// The admission of the place, in µs since 1970 by the store's clock. None while it waits.
    pub(crate) admitted_us: Option<i64>,
}

/// Open event streams. Dropping this closes them.
pub(crate) struct Streams {
    shared: Arc<Shared>,
    running: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<ReceivedEvent>>,
    ended: AtomicUsize,
}

/// The fields of a place that are used here.
#[derive(Deserialize)]
struct PlaceData {
    admitted_at: Option<jiff::Timestamp>,
}

impl Streams {
    /// Opens a stream with each of these requests. Waits until each has received its first event.
    pub(crate) async fn open(address: SocketAddr, requests: Vec<Vec<u8>>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let permits = Arc::new(Semaphore::new(OPENING_MAX));
        let mut opening = JoinSet::new();
        for request in requests {
            let permits = Arc::clone(&permits);
            opening.spawn(async move {
                let _permit = permits.acquire().await?;
                Stream::open(address, &request).await
            });
        }
        let mut running = JoinSet::new();
        while let Some(opened) = opening.join_next().await {
            let (stream, shared) = (opened??, Arc::clone(&shared));
            running.spawn(async move { stream.listen(&shared).await });
        }
        Ok(Self { shared, running })
    }

    /// Returns the number of open streams.
    pub(crate) fn open_count(&self) -> usize {
        self.running.len() - self.shared.ended.load(Ordering::Relaxed)
    }

    /// Returns the events that were received since the last call.
    pub(crate) fn take(&self) -> Vec<ReceivedEvent> {
        let events = &self.shared.events;
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *events)
    }
}

struct Stream {
    connection: TcpStream,
    received: Vec<u8>,
}

impl Stream {
    async fn open(address: SocketAddr, request: &[u8]) -> Result<Self> {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(request).await?;
        let mut stream = Self {
            connection,
            received: Vec::with_capacity(BUFFER_BYTES),
        };
        loop {
            ensure!(
                stream.receive().await?,
                "an event stream ended before its first event"
            );
            let is_open = stream.received.starts_with(b"HTTP/1.1 200");
            ensure!(
                stream.received.len() < 12 || is_open,
                "not an event stream: {}",
                String::from_utf8_lossy(&stream.received)
            );
            if memmem::find(&stream.received, b"\ndata: ").is_some() {
                return Ok(stream);
            }
        }
    }

    /// Records each event until the stream ends.
    async fn listen(mut self, shared: &Shared) {
        // The events that came with the head are not recorded.
        self.received.clear();
        while let Ok(true) = self.receive().await {
            let at_us = unix_micros();
            while let Some(end) = memmem::find(&self.received, b"\n\n") {
                let frame: Vec<u8> = self.received.drain(..end + 2).collect();
                if let Some(event) = parse_event(&frame, at_us) {
                    let events = &shared.events;
                    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                    events.push(event);
                }
            }
        }
        shared.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads more bytes. Returns false at the end of the stream.
    async fn receive(&mut self) -> Result<bool> {
        let read = self.connection.read_buf(&mut self.received).await;
        Ok(read.context("cannot read an event stream")? > 0)
    }
}

/// Parses the event in a frame, which may begin with the length of its chunk. None without an
/// event.
fn parse_event(frame: &[u8], at_us: i64) -> Option<ReceivedEvent> {
    let text = std::str::from_utf8(frame).ok()?;
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name))
    };
    let data: PlaceData = serde_json::from_str(field("data: ")?).ok()?;
    Some(ReceivedEvent {
        name: field("event: ")?.to_owned(),
        at_us,
        admitted_us: data.admitted_at.map(jiff::Timestamp::as_microsecond),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_parsed_behind_the_length_of_its_chunk() {
        let frame = b"\r\n3f\r\nevent: turn\nid: 7\n\
            data: {\"state\":\"active\",\"admitted_at\":\"1970-01-01T00:00:02.5Z\"}\n\n";
        let found = parse_event(frame, 9).unwrap();
        assert_eq!((found.name.as_str(), found.at_us), ("turn", 9));
        assert_eq!(found.admitted_us, Some(2_500_000));
        assert!(parse_event(b"\r\n3\r\n:\n\n", 9).is_none());
    }
}
