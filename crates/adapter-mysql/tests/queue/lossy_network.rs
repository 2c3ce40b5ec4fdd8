//! The network between the adapter and its server breaks, and the adapter's answers stay true.
//!
//! A call is several statements, and only one of them makes its effect last. Faults that leave open
//! whether a call was applied hit that one. The server rolls back what happened before it.

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
    interleave::{Blow, Interleaving, Moment},
    one_queue::OneQueue,
    wire::address_of,
};

/// How long the adapter waits for whatever it waits for.
const PATIENCE: Duration = Duration::from_millis(250);
const SHORT_DELAY: Duration = Duration::from_millis(2);
/// In each direction.
const LONG_DELAY: Duration = Duration::from_millis(600);
/// For what never comes.
const LIMIT: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// The queues of a database that is reached by a way that can break.
struct FarQueue {
    queue: MySqlQueue,
    interleave: Interleaving,
    network: Arc<FaultProxy>,
    /// Past the trouble.
    watch: Mutex<Conn>,
    store: OneQueue,
}

impl FarQueue {
    async fn open() -> Self {
        let store = OneQueue::open().await;
        let server = address_of(store.url()).await;
        let network = Arc::new(FaultProxy::start(server).unwrap());
        let interleave = Interleaving::before(Arc::clone(&network)).await;
        let near = format!("{}?prefer_socket=false", store.url());
        Self {
            queue: open(&store, &interleave).await,
            interleave,
            network,
            watch: Mutex::new(Conn::from_url(near).await.unwrap()),
            store,
        }
    }

    async fn set(&self, fault: Fault) {
        self.network.set(fault).await.unwrap();
    }

    /// Resets all connections, and lets new ones through.
    async fn connect_anew(&self) {
        self.set(Fault::Reset).await;
        self.wait_for_server().await;
        self.set(Fault::Forward).await;
    }

    /// Waits until the server has noticed which connections are gone: until then it may be about to commit
    /// what came by them, and holds their locks.
    async fn wait_for_server(&self) {
        let watch = &mut *self.watch.lock().await;
        let noticing = async {
            loop {
                let others = format!(
                    "SELECT COUNT(*) FROM {PROCESS_LIST}
                     WHERE db = DATABASE() AND id <> CONNECTION_ID()"
                );
                if watch.query_first(others).await.unwrap() == Some(0) {
                    return;
                }
                sleep(BETWEEN_LOOKS).await;
            }
        };
        timeout(LIMIT, noticing).await.unwrap();
    }
}

/// By that way, without much patience; a busy server may be too slow for it at first.
async fn open(store: &OneQueue, interleave: &Interleaving) -> MySqlQueue {
    let settings = MySqlSettings {
        acquire_timeout: PATIENCE,
        connect_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        ..MySqlSettings::default()
    };
    let url = interleave.wire.url(store.url());
    let opening = async {
        loop {
            let opened = MySqlQueue::open(&url, &settings, store.offset.clone()).await;
            match opened {
                Ok(queue) => return queue,
                Err(_) => sleep(BETWEEN_LOOKS).await,
            }
        }
    };
    timeout(LIMIT, opening).await.unwrap()
}

#[async_trait]
impl Fixture for FarQueue {
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
impl FaultyFixture for FarQueue {
    async fn inject(&self, fault: NetworkFault) {
        let (moment, blow) = match fault {
            NetworkFault::RequestLost => return self.set(Fault::LoseRequests).await,
            NetworkFault::Delayed => return self.set(Fault::Delay(SHORT_DELAY)).await,
            NetworkFault::Refused => return self.set(Fault::Refuse).await,
            NetworkFault::RequestLostAndCut => (Moment::Lasting, Blow::Fault(Fault::LoseRequests)),
            NetworkFault::AnswerLost | NetworkFault::AnswerLostAndCut => {
                (Moment::Lasting, Blow::Fault(Fault::LoseAnswers))
            }
            NetworkFault::CutAfterAnswer => (Moment::Step, Blow::Fault(Fault::EndAfterAnswer)),
            NetworkFault::DelayedForLong => {
                (Moment::Lasting, Blow::Fault(Fault::Delay(LONG_DELAY)))
            }
            NetworkFault::Reset => (Moment::Write, Blow::Loss),
        };
        self.interleave.lie_in_wait(moment, blow).await;
    }

    async fn cut(&self) {
        let lost = tokio::select! {
            lost = self.network.request_lost() => lost,
            lost = self.network.answer_lost() => lost,
        };
        lost.unwrap();
        self.connect_anew().await;
    }

    async fn heal(&self) {
        self.interleave.give_up().await;
        self.connect_anew().await;
    }
}

#[test]
fn whatever_breaks_on_the_way_the_queue_answers_as_some_model_does() {
    queue_model_with_faults(FarQueue::open, Positions::OverStated, 300);
}
