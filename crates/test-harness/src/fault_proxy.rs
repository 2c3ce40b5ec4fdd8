mod proxied_connection;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use proxied_connection::{ProxiedConnection, Traffic};

/// Maximum number of connections at once. More wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// Time limit of a wait for traffic.
const TRAFFIC_LIMIT: Duration = Duration::from_secs(30);

/// A fault for the traffic through a [`FaultProxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault: traffic passes.
    Forward,
    /// Requests are read and discarded. The connections stay open.
    LoseRequests,
    /// Requests pass. Answers are read and discarded. The connections stay open.
    LoseAnswers,
    /// Answers are discarded on each connection from the first request on that contains this text.
    /// Before that, and on the other connections, all traffic passes. A text that arrives in two
    /// pieces is not seen.
    LoseAnswersTo(&'static str),
    /// A request that contains this text is not passed on, and its connection is reset. All other
    /// traffic passes. A text that arrives in two pieces is not seen.
    ResetAt(&'static str),
    /// Requests pass, and the first piece of an answer. Then its connection is closed, and every
    /// new one is reset.
    EndAfterAnswer,
    /// Open connections are reset immediately, and so is every new one.
    Reset,
    /// Every piece of data is delayed by this time, in each direction, and so is the server's
    /// close.
    Delay(Duration),
    /// As if no server listened there: open connections are reset, new ones refused.
    Refuse,
}

impl Fault {
    fn cuts(self) -> bool {
        matches!(self, Self::Reset | Self::Refuse)
    }
}

/// The fault that was set last, with two counts. The proxy may take a later fault before it has
/// taken this one, and a receiver sees only the latest. So the faults are numbered, and those that
/// cut connections are counted.
#[derive(Debug, Clone, Copy)]
struct Order {
    /// Sequence number, from 0.
    number: u64,
    fault: Fault,
    /// Number of faults so far that cut connections.
    cuts: u64,
}

impl Order {
    const FIRST: Self = Self {
        number: 0,
        fault: Fault::Forward,
        cuts: 0,
    };

    fn then(self, fault: Fault) -> Self {
        Self {
            number: self.number + 1,
            fault,
            cuts: self.cuts + u64::from(fault.cuts()),
        }
    }
}

/// A TCP proxy on the loopback interface in front of any server, which breaks the network between
/// it and its clients on request. It knows no protocol: all data from a client is a request, all
/// data from the server is an answer.
///
/// Dropping this ends it, with all of its connections. It needs the tokio runtime of its test.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    orders: watch::Sender<Order>,
    in_force: watch::Receiver<Order>,
    traffic: watch::Sender<Traffic>,
    accepting: JoinHandle<()>,
    /// Keeps the port reserved while the proxy does not listen on it.
    _port: TcpSocket,
}

impl FaultProxy {
    /// Starts to forward to `target`, which need not run yet.
    pub fn start(target: SocketAddr) -> Result<Self> {
        let port = bound(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = port.local_addr()?;
        let orders = watch::Sender::new(Order::FIRST);
        let traffic = watch::Sender::new(Traffic::default());
        let acceptor = Acceptor {
            address,
            listener: Some(listen(address)?),
            permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            connections: JoinSet::new(),
            connection: ProxiedConnection {
                target,
                orders: orders.subscribe(),
                traffic: traffic.clone(),
            },
        };
        let in_force = watch::Sender::new(Order::FIRST);
        Ok(Self {
            address,
            orders,
            in_force: in_force.subscribe(),
            traffic,
            accepting: tokio::spawn(acceptor.run(in_force)),
            _port: port,
        })
    }

    /// Returns the address for clients. It stays the same.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the fault from now on, also for open connections. It is in force when this returns.
    pub async fn set(&self, fault: Fault) -> Result<()> {
        self.traffic.send_replace(Traffic::default());
        let mut number = 0;
        self.orders.send_modify(|order| {
            *order = order.then(fault);
            number = order.number;
        });
        let mut in_force = self.in_force.clone();
        in_force
            .wait_for(|order| order.number >= number)
            .await
            .context("the proxy has ended")?;
        Ok(())
    }

    /// Waits until a part of a request has reached the server since the fault was set.
    pub async fn request_forwarded(&self) -> Result<()> {
        self.seen("a request that was forwarded", |traffic| {
            traffic.forwarded_bytes > 0
        })
        .await
    }

    /// Waits until a request was stopped, and its connection reset, since the fault was set.
    pub async fn request_stopped(&self) -> Result<()> {
        self.seen("a request that was stopped", |traffic| {
            traffic.stopped_requests > 0
        })
        .await
    }

    /// Waits until a part of a request was lost since the fault was set.
    pub async fn request_lost(&self) -> Result<()> {
        self.seen("a request that was lost", |traffic| {
            traffic.lost_requests > 0
        })
        .await
    }

    /// Waits until a part of an answer was lost since the fault was set.
    pub async fn answer_lost(&self) -> Result<()> {
        self.seen("an answer that was lost", |traffic| {
            !traffic.lost.is_empty()
        })
        .await
    }

    /// Returns the answers that were lost since the fault was set, one after the other, at most 64
    /// KiB.
    #[must_use]
    pub fn lost_answers(&self) -> Vec<u8> {
        self.traffic.borrow().lost.clone()
    }

    async fn seen(&self, what: &str, is_there: impl FnMut(&Traffic) -> bool) -> Result<()> {
        let mut traffic = self.traffic.subscribe();
        timeout(TRAFFIC_LIMIT, traffic.wait_for(is_there))
            .await
            .with_context(|| format!("waited {TRAFFIC_LIMIT:?} in vain: {what}"))?
            .with_context(|| format!("the proxy ended before: {what}"))?;
        Ok(())
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The connections belong to this task.
        self.accepting.abort();
    }
}

/// Binds a socket to `address` so that others may share it: the port can be kept without listening
/// on it.
fn bound(address: SocketAddr) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket
        .bind(address)
        .with_context(|| format!("cannot bind to {address}"))?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    Ok(bound(address)?.listen(1_024)?)
}

/// Accepts the clients' connections.
struct Acceptor {
    address: SocketAddr,
    /// None while connections are refused.
    listener: Option<TcpListener>,
    permits: Arc<Semaphore>,
    connections: JoinSet<()>,
    connection: ProxiedConnection,
}

impl Acceptor {
    /// Accepts clients until the proxy is dropped, and publishes the fault in force.
    async fn run(mut self, in_force: watch::Sender<Order>) {
        loop {
            let order = *self.connection.orders.borrow_and_update();
            if let Err(error) = self.apply(order.fault).await {
                eprintln!("the fault proxy ends: {error:#}");
                return;
            }
            in_force.send_replace(order);
            if !self.accept_until_next_order(order).await {
                return;
            }
        }
    }

    async fn apply(&mut self, fault: Fault) -> Result<()> {
        if fault == Fault::Refuse {
            self.listener = None;
        } else if self.listener.is_none() {
            self.listener = Some(listen(self.address)?);
        }
        if fault.cuts() {
            // They receive the fault as well, and end by themselves.
            while self.connections.join_next().await.is_some() {}
        }
        Ok(())
    }

    /// Accepts clients until the fault changes. Returns false once the proxy is dropped.
    async fn accept_until_next_order(&mut self, order: Order) -> bool {
        loop {
            tokio::select! {
                changed = self.connection.orders.changed() => return changed.is_ok(),
                Some(_) = self.connections.join_next() => {}
                (client, permit) = next(self.listener.as_ref(), &self.permits) => {
                    let connection = self.connection.clone();
                    self.connections.spawn(async move {
                        connection.relay(client, order.cuts).await;
                        drop(permit);
                    });
                }
            }
        }
    }
}

/// Returns the next client, once there is a permit for one. Never returns without a listener.
async fn next(
    listener: Option<&TcpListener>,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((client, _)) => return (client, permit),
            // The client may be gone already, or file descriptors may have run out for the moment.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}
