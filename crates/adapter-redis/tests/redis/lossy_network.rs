//! The adapter keeps its guarantees while faults are injected into the network to its server.

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

use crate::store_fixture::settings;

/// How long the adapter waits for an answer. Short, so that many sequences can be tried.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(100);
const SHORT_DELAY: Duration = Duration::from_millis(2);
/// A delay beyond the time-out, in each direction.
const LONG_DELAY: Duration = Duration::from_millis(250);
/// The text at the beginning of each call of a script.
const CALL: &str = "EVALSHA";

/// The queues of a store that is reached through a proxy.
struct FarQueue {
    keyspace: RedisKeyspace,
    offset: TimeOffset,
    store: RedisStore,
    network: FaultProxy,
    /// True if all connections were reset after the last fault was injected.
    is_reset: AtomicBool,
    injected: Mutex<Fault>,
}

fn settings_over(network: &FaultProxy, keyspace: &RedisKeyspace) -> RedisSettings {
    let direct = settings(keyspace);
    RedisSettings {
        url: direct.url.replace(
            &server_address(&direct.url).1,
            &network.address().to_string(),
        ),
        answer_timeout: ANSWER_TIMEOUT,
        ..direct
    }
}

/// Returns the address of the server of a URL, and the text of the address in the URL.
fn server_address(url: &str) -> (std::net::SocketAddr, String) {
    let info = url.into_connection_info().unwrap();
    let ConnectionAddr::Tcp(host, port) = info.addr() else {
        panic!("{url} is no network address");
    };
    let text = format!("{host}:{port}");
    let address = text.to_socket_addrs().unwrap().next();
    (address.unwrap(), text)
}

impl FarQueue {
    async fn open() -> Self {
        let keyspace = RedisKeyspace::create().await.unwrap();
        let network = FaultProxy::start(server_address(keyspace.url()).0).unwrap();
        let offset = TimeOffset::default();
        let settings = settings_over(&network, &keyspace);
        let store = RedisStore::open(&settings, offset.clone());
        Self {
            store: store.await.unwrap(),
            keyspace,
            offset,
            network,
            is_reset: AtomicBool::new(false),
            injected: Mutex::new(Fault::Forward),
        }
    }

    /// Resets all connections, and removes the fault.
    async fn reset_connections(&self) {
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
        let settings = settings_over(&self.network, &self.keyspace);
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
        self.is_reset.store(false, Ordering::SeqCst);
        *self.injected.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.network.set(fault).await.unwrap();
    }

    async fn cut(&self) {
        let injected = *self.injected.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = match injected {
            Fault::LoseRequests => self.network.request_lost().await,
            _ => self.network.answer_lost().await,
        };
        lost.unwrap();
        self.reset_connections().await;
        self.is_reset.store(true, Ordering::SeqCst);
    }

    async fn heal(&self) {
        if !self.is_reset.swap(false, Ordering::SeqCst) {
            self.reset_connections().await;
        }
    }
}

#[test]
fn random_calls_over_a_faulty_network_get_the_answers_of_some_model() {
    queue_model_with_faults(FarQueue::open, Positions::Exact, 250);
}
