//! A connection that stays open.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::answer::{Answer, Head};

/// Initial size of the buffer for a response, in bytes. The buffer grows for a longer response.
const BUFFER_BYTES: usize = 16 * 1024;

/// Sends one request at a time over one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects to a server.
    pub(crate) async fn to(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(BUFFER_BYTES),
        })
    }

    /// Sends a request and reads the response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.received.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            self.receive().await?;
            if let Some(head) = Head::read(&self.received)? {
                break head;
            }
        };
        while self.received.len() < head.end() {
            self.receive().await?;
        }
        ensure!(
            self.received.len() == head.end(),
            "a response is longer than it states"
        );
        Ok(Answer {
            status: head.status,
            retry_after_s: head.retry_after_s,
            body: self.received.get(head.body_at..).unwrap_or_default(),
        })
    }

    async fn receive(&mut self) -> Result<()> {
        let count = self.stream.read_buf(&mut self.received).await?;
        ensure!(count > 0, "the server closed a connection");
        Ok(())
    }
}
