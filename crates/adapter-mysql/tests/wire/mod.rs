//! A proxy between the adapter and its server that reads every statement. It knows only the part of
//! the protocol that this needs.

pub(crate) mod meter;
mod packets;
pub(crate) mod statement_gate;

use std::{collections::HashMap, io, net::SocketAddr};

use async_trait::async_trait;
pub(crate) use packets::{Answer, Side};
use packets::{Command, Reply};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Reads the statements of one connection.
#[async_trait]
pub(crate) trait Reader: Send {
    /// Called before a statement goes to the server, which is idle at that moment.
    async fn before(&mut self, server: &mut Side, statement: &str) -> io::Result<()>;

    /// Called after the server has answered, before the adapter gets any of the answer: the adapter
    /// may continue before it has read all of it.
    async fn after(&mut self, server: &mut Side, statement: &str, answer: Answer)
    -> io::Result<()>;

    /// Called if the adapter prepares a statement that this connection has prepared before.
    fn prepared_again(&mut self, _: &str) {}
}

/// A proxy in front of a server. Dropping it closes all of its connections.
pub(crate) struct Wire {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Starts a proxy to `target`. Each connection gets its own reader.
    pub(crate) async fn to<R: Reader + 'static>(
        target: SocketAddr,
        mut reader: impl FnMut() -> R + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let reader = reader();
                connections.spawn(async move {
                    // It ends when either side closes, and then closes the other one.
                    let _ = relay(client, target, reader).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, accepting }
    }

    /// Returns the URL of a database through this proxy.
    pub(crate) fn url(&self, url: &str) -> String {
        with_address(url, self.address)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Returns the address of the server of a URL.
pub(crate) async fn address_of(url: &str) -> SocketAddr {
    let host = host_in(url);
    tokio::net::lookup_host(host)
        .await
        .unwrap()
        .find(SocketAddr::is_ipv4)
        .unwrap()
}

/// Returns the URL of the same database at another address.
pub(crate) fn with_address(url: &str, address: SocketAddr) -> String {
    url.replacen(host_in(url), &address.to_string(), 1)
}

fn host_in(url: &str) -> &str {
    let after_user = url.split('@').nth(1).unwrap();
    after_user.split('/').next().unwrap()
}

/// Relays the commands and answers of one connection.
async fn relay(client: TcpStream, target: SocketAddr, mut reader: impl Reader) -> io::Result<()> {
    let mut server = Side::new(TcpStream::connect(target).await?)?;
    let mut client = Side::new(client)?;
    let mut prepared: HashMap<u32, String> = HashMap::new();
    loop {
        let packet = tokio::select! {
            packet = client.next() => packet?,
            packet = server.next() => {
                client.send(&packet?).await?;
                continue;
            }
        };
        let statement = match packet.command() {
            None => {
                server.send(&packet).await?;
                continue;
            }
            Some(Command::Prepare(statement)) => {
                if prepared.values().any(|known| *known == statement) {
                    reader.prepared_again(&statement);
                }
                server.send(&packet).await?;
                let answer = server.next().await?;
                prepared.extend(answer.prepared().map(|id| (id, statement)));
                client.send(&answer).await?;
                continue;
            }
            Some(Command::Run(statement)) => statement,
            Some(Command::RunPrepared(id)) => prepared.get(&id).cloned().unwrap_or_default(),
        };
        reader.before(&mut server, &statement).await?;
        server.send(&packet).await?;
        let reply = Reply::from(&mut server).await?;
        reader
            .after(&mut server, &statement, reply.answer())
            .await?;
        for packet in &reply.packets {
            client.send(packet).await?;
        }
    }
}
