//! The adapter keeps its promises while faults are injected into the network to its server.

use std::{
    net::ToSocketAddrs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use deadpool_redis::redis::{ConnectionAddr, IntoConnectionInfo};
use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_port_contracts::{
    FaultyFixture, Fixture, NetworkFault, QueuePorts,
    model::{Positions, queue_model_with_faults},
};
use frontrow_test_harness::{Fault, FaultProxy, RedisKeyspace};
use jiff::SignedDuration;

use crate::one_store::settings;

/// How long the adapter waits for an answer.
const PATIENCE: Duration = Duration::from_millis(100);
const SHORT_DELAY: Duration = Duration::from_millis(2);
/// In each direction.
const LONG_DELAY: Duration = Duration::from_millis(250);
/// What every call of a script begins with.
const CALL: &str = "EVALSHA";

/// The queues of a store that is reached through a proxy.
struct FarQueue {
    keyspace: RedisKeyspace,
    offset: TimeOffset,
    store: RedisStore,
    network: FaultProxy,
    /// All connections are new since something was struck.
    is_new: AtomicBool,
    struck: Mutex<Fault>,
}

fn through(network: &FaultProxy, keyspace: &RedisKeyspace) -> RedisSettings {
    let near = settings(keyspace);
    RedisSettings {
        url: near
            .url
            .replace(&server(&near.url).1, &network.address().to_string()),
        answer_timeout: PATIENCE,
        ..near
    }
}

/// Where the server of a URL is, and how the URL says so.
fn server(url: &str) -> (std::net::SocketAddr, String) {
    let info = url.into_connection_info().unwrap();
    let ConnectionAddr::Tcp(host, port) = info.addr() else {
        panic!("{url} is no address in a network");
    };
    let text = format!("{host}:{port}");
    let address = text.to_socket_addrs().unwrap().next();
    (address.unwrap(), text)
}

impl FarQueue {
    async fn open() -> Self {
        let keyspace = RedisKeyspace::create().await.unwrap();
        let network = FaultProxy::start(server(keyspace.url()).0).unwrap();
        let offset = TimeOffset::default();
        let settings = through(&network, &keyspace);
        let store = RedisStore::open(&settings, offset.clone());
        Self {
            store: store.await.unwrap(),
            keyspace,
            offset,
            network,
            is_new: AtomicBool::new(false),
            struck: Mutex::new(Fault::Forward),
        }
    }

    /// Resets all connections, and lets new ones through.
    async fn connect_anew(&self) {
        self.network.set(Fault::Reset).await.unwrap();
        self.network.set(Fault::Forward).await.unwrap();
    }
}

#[async_trait]
impl Fixture for FarQueue {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        let store = Arc::new(self.store.clone());
        QueuePorts {
            queue: store.clone(),
            ticks: store.clone(),
            control: store.clone(),
            line: store,
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.offset.shift(by);
    }

    async fn lose_data(&mut self) {
        self.keyspace.clear().await.unwrap();
    }

    async fn reopen(&mut self) {
        let settings = through(&self.network, &self.keyspace);
        let store = RedisStore::open(&settings, self.offset.clone());
        self.store = store.await.unwrap();
    }
}

#[async_trait]
impl FaultyFixture for FarQueue {
    async fn inject(&self, fault: NetworkFault) {
        let fault = match fault {
            NetworkFault::RequestLost | NetworkFault::RequestLostAndCut => Fault::LoseRequests,
            NetworkFault::AnswerLost | NetworkFault::AnswerLostAndCut => Fault::LoseAnswers,
            NetworkFault::CutAfterAnswer => Fault::EndAfterAnswer,
            NetworkFault::Delayed => Fault::Delay(SHORT_DELAY),
            NetworkFault::DelayedForLong => Fault::Delay(LONG_DELAY),
            NetworkFault::Reset => Fault::ResetAt(CALL),
            NetworkFault::Refused => Fault::Refuse,
        };
        self.is_new.store(false, Ordering::SeqCst);
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.network.set(fault).await.unwrap();
    }

    async fn cut(&self) {
        let struck = *self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = match struck {
            Fault::LoseRequests => self.network.request_lost().await,
            _ => self.network.answer_lost().await,
        };
        lost.unwrap();
        self.connect_anew().await;
        self.is_new.store(true, Ordering::SeqCst);
    }

    async fn heal(&self) {
        if !self.is_new.swap(false, Ordering::SeqCst) {
            self.connect_anew().await;
        }
    }
}

#[test]
fn whatever_breaks_on_the_way_the_queue_answers_as_some_model_does() {
    queue_model_with_faults(FarQueue::open, Positions::Exact, 250);
}
