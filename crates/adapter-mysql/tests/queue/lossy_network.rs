//! The network between the adapter and its server breaks, and the adapter's answers stay true.
//!
//! A call is several statements, and only one of them makes its effect durable. Faults after which
//! it is unknown whether a call was applied hit that one. The server rolls back the statements
//! before it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings};
use frontrow_port_contracts::{
    FaultyFixture, Fixture, NetworkFault, QueuePorts,
    model::{Positions, queue_model_with_faults},
};
use frontrow_test_harness::{Fault, FaultProxy, PROCESS_LIST};
use jiff::SignedDuration;
use mysql_async::{Conn, prelude::Queryable};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::{
    interleave::{Action, Interleaving, StatementKind},
    one_queue::OneQueue,
    wire::address_of,
};

/// Every time limit of the adapter.
const ADAPTER_LIMIT: Duration = Duration::from_millis(250);
const SHORT_DELAY: Duration = Duration::from_millis(2);
/// The delay in each direction.
const LONG_DELAY: Duration = Duration::from_millis(600);
/// Maximum wait of the tests for the server.
const LIMIT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The queues of a database behind a network that can break.
struct FaultyQueue {
    queue: MySqlQueue,
    interleave: Interleaving,
    network: Arc<FaultProxy>,
    /// A connection past the network that can break.
    watch: Mutex<Conn>,
    store: OneQueue,
}

impl FaultyQueue {
    async fn open() -> Self {
        let store = OneQueue::open().await;
        let server = address_of(store.url()).await;
        let network = Arc::new(FaultProxy::start(server).unwrap());
        let interleave = Interleaving::before(Arc::clone(&network)).await;
        let direct = format!("{}?prefer_socket=false", store.url());
        Self {
            queue: open(&store, &interleave).await,
            interleave,
            network,
            watch: Mutex::new(Conn::from_url(direct).await.unwrap()),
            store,
        }
    }

    async fn set(&self, fault: Fault) {
        self.network.set(fault).await.unwrap();
    }

    /// Resets all connections, then forwards new ones.
    async fn reconnect(&self) {
        self.set(Fault::Reset).await;
        self.wait_for_server().await;
        self.set(Fault::Forward).await;
    }

    /// Waits until the server has noticed that the connections are gone. Until then it may commit
    /// what they sent, and holds their locks.
    async fn wait_for_server(&self) {
        let watch = &mut *self.watch.lock().await;
        let no_others = async {
            loop {
                let others = format!(
                    "SELECT COUNT(*) FROM {PROCESS_LIST}
                     WHERE db = DATABASE() AND id <> CONNECTION_ID()"
                );
                if watch.query_first(others).await.unwrap() == Some(0) {
                    return;
                }
                sleep(POLL_INTERVAL).await;
            }
        };
        timeout(LIMIT, no_others).await.unwrap();
    }
}

/// Opens the queues through that network, with short time limits. It tries repeatedly, since a busy
/// server may be too slow at first.
async fn open(store: &OneQueue, interleave: &Interleaving) -> MySqlQueue {
    let settings = MySqlSettings {
        acquire_timeout: ADAPTER_LIMIT,
        connect_timeout: ADAPTER_LIMIT,
        statement_timeout: ADAPTER_LIMIT,
        ..MySqlSettings::default()
    };
    let url = interleave.wire.url(store.url());
    let opening = async {
        loop {
            let opened = MySqlQueue::open(&url, &settings, store.offset.clone()).await;
            match opened {
                Ok(queue) => return queue,
                Err(_) => sleep(POLL_INTERVAL).await,
            }
        }
    };
    timeout(LIMIT, opening).await.unwrap()
}

#[async_trait]
impl Fixture for FaultyQueue {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        let queue = Arc::new(self.queue.clone());
        QueuePorts {
            queue: queue.clone(),
            ticks: queue.clone(),
            control: queue.clone(),
            line: queue,
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.store.shift_time(by).await;
    }

    async fn lose_data(&mut self) {
        self.store.lose_data().await;
    }

    async fn reopen(&mut self) {
        self.queue.close();
        self.queue = open(&self.store, &self.interleave).await;
    }
}

#[async_trait]
impl FaultyFixture for FaultyQueue {
    async fn inject(&self, fault: NetworkFault) {
        let (kind, action) = match fault {
            NetworkFault::RequestLost => return self.set(Fault::LoseRequests).await,
            NetworkFault::Delayed => return self.set(Fault::Delay(SHORT_DELAY)).await,
            NetworkFault::Refused => return self.set(Fault::Refuse).await,
            NetworkFault::RequestLostAndCut => {
                (StatementKind::Durable, Action::Fault(Fault::LoseRequests))
            }
            NetworkFault::AnswerLost | NetworkFault::AnswerLostAndCut => {
                (StatementKind::Durable, Action::Fault(Fault::LoseAnswers))
            }
            NetworkFault::CutAfterAnswer => {
                (StatementKind::Read, Action::Fault(Fault::EndAfterAnswer))
            }
            NetworkFault::DelayedForLong => (
                StatementKind::Durable,
                Action::Fault(Fault::Delay(LONG_DELAY)),
            ),
            NetworkFault::Reset => (StatementKind::Write, Action::Reset),
        };
        self.interleave.plan(kind, action).await;
    }

    async fn cut(&self) {
        let lost = tokio::select! {
            lost = self.network.request_lost() => lost,
            lost = self.network.answer_lost() => lost,
        };
        lost.unwrap();
        self.reconnect().await;
    }

    async fn heal(&self) {
        self.interleave.cancel().await;
        self.reconnect().await;
    }
}

#[test]
fn random_calls_over_a_faulty_network_get_the_answers_of_some_model() {
    queue_model_with_faults(FaultyQueue::open, Positions::OverStated, 300);
}
