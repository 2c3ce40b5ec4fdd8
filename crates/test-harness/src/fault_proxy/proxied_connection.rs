//! One connection through the proxy.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use super::{Fault, Order};

/// Number of bytes of lost answers that are kept.
const LOST_MAX: usize = 64 * 1024;
const CHUNK: usize = 16 * 1024;

/// The traffic since the fault was last set.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) forwarded_bytes: usize,
    pub(super) stopped_requests: usize,
    pub(super) lost_requests: usize,
    pub(super) answers: usize,
    pub(super) lost: Vec<u8>,
}

/// A connection from a client to the server and back.
#[derive(Debug, Clone)]
pub(super) struct ProxiedConnection {
    pub(super) target: SocketAddr,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) traffic: watch::Sender<Traffic>,
}

impl ProxiedConnection {
    /// Serves one client, accepted after `cuts` cuts, to the end of its connection.
    pub(super) async fn relay(self, mut client: TcpStream, cuts: u64) {
        let orders = self.orders.clone();
        let whole = tokio::select! {
            () = cut(orders, cuts) => false,
            closed = self.converse(&mut client) => closed.is_ok(),
        };
        if !whole {
            // Dropped with this set, a connection is reset instead of closed in good order.
            let _ = client.set_zero_linger();
        }
    }

    /// Passes the traffic of a client. Errors if the connection did not end in good order on the
    /// server's side.
    async fn converse(&self, client: &mut TcpStream) -> io::Result<()> {
        if self.orders.borrow().fault == Fault::EndAfterAnswer && self.traffic.borrow().answers > 0
        {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let mut server = TcpStream::connect(self.target).await?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let asked = AtomicBool::new(false);
        tokio::select! {
            ended = self.requests(from_client, to_server, &asked) => ended,
            ended = self.answers(from_server, to_client, &asked) => ended,
        }
    }

    /// Passes requests on, and sets `asked` at the request whose answers are to be lost. Returns
    /// only if the server takes no more, or if a fault resets the connection.
    async fn requests(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        asked: &AtomicBool,
    ) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            let fault = self.orders.borrow().fault;
            let data = chunk.get(..read).unwrap_or_default();
            match fault {
                Fault::Delay(delay) => sleep(delay).await,
                Fault::LoseRequests => {
                    self.traffic
                        .send_modify(|traffic| traffic.lost_requests += 1);
                    continue;
                }
                Fault::LoseAnswersTo(text) if contains(data, text) => {
                    asked.store(true, Ordering::SeqCst);
                }
                Fault::ResetAt(text) if contains(data, text) => {
                    self.traffic
                        .send_modify(|traffic| traffic.stopped_requests += 1);
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                _ => {}
            }
            to.write_all(data).await?;
            self.traffic
                .send_modify(|traffic| traffic.forwarded_bytes += read);
        }
        // The client has sent everything. The answer may still come.
        to.shutdown().await?;
        std::future::pending().await
    }

    /// Passes answers on, or discards them, until the server ends its side.
    async fn answers(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        asked: &AtomicBool,
    ) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = from.read(&mut chunk).await;
            let fault = self.orders.borrow().fault;
            let Ok(read @ 1..) = read else {
                if let Fault::Delay(delay) = fault {
                    sleep(delay).await;
                }
                return read.map(drop);
            };
            let data = chunk.get(..read).unwrap_or_default();
            let lost = match fault {
                Fault::LoseAnswers => true,
                Fault::LoseAnswersTo(_) => asked.load(Ordering::SeqCst),
                _ => false,
            };
            if lost {
                self.traffic
                    .send_modify(|traffic| lose(&mut traffic.lost, data));
                continue;
            }
            if let Fault::Delay(delay) = fault {
                sleep(delay).await;
            }
            to.write_all(data).await?;
            if fault == Fault::EndAfterAnswer {
                self.traffic.send_modify(|traffic| traffic.answers += 1);
                return Ok(());
            }
        }
    }
}

/// Waits until a connection that was accepted after `cuts` cuts must be cut.
async fn cut(mut orders: watch::Receiver<Order>, cuts: u64) {
    let is_over = |order: &Order| order.fault.cuts() || order.cuts > cuts;
    if orders.wait_for(is_over).await.is_err() {
        // The proxy itself is being dropped, and this connection with it.
        std::future::pending::<()>().await;
    }
}

fn lose(lost: &mut Vec<u8>, data: &[u8]) {
    let free = LOST_MAX.saturating_sub(lost.len());
    lost.extend(data.iter().take(free));
}

fn contains(data: &[u8], text: &str) -> bool {
    data.windows(text.len().max(1))
        .any(|part| part == text.as_bytes())
}
