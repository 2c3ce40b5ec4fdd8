//! The web server has one runtime per worker, and all workers use one store. A worker that stops
//! ends no request of the others.

use std::{pin::pin, thread};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings};
use frontrow_domain::{
    model::queue::Standing,
    ports::{LookUpOutcome, Queue},
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, join_new},
};
use futures_util::poll;
use jiff::SignedDuration;
use tokio::{runtime, sync::oneshot};

use crate::{
    one_queue::{OneQueue, open_test_queue, settings},
    wire::{address_of, statement_gate::StatementGate},
};

/// The beginning of the statement that looks up places.
const LOOK_UP: &str = "SELECT STRAIGHT_JOIN TIMESTAMPDIFF";

/// The beginning of the statement that locks a queue.
const LOCK: &str = "SELECT TIMESTAMPDIFF";

/// A worker of the web server.
struct Worker {
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    /// Starts a worker that runs `request`.
    fn start(request: impl Future<Output = ()> + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let mut builder = runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::spawn(request);
                stopped.await.unwrap();
            });
        });
        Self { stop, thread }
    }

    /// Stops the worker and drops its request.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        let joining = tokio::task::spawn_blocking(|| self.thread.join());
        joining.await.unwrap().unwrap();
    }
}

/// Opens an instance of the service with one connection, behind a statement gate.
async fn instance(test_queue: &TestQueue<OneQueue>) -> (MySqlQueue, StatementGate) {
    let gate = StatementGate::before(address_of(test_queue.store.url()).await).await;
    let url = gate.wire.url(test_queue.store.url());
    let settings = MySqlSettings {
        pool_size: 1,
        ..settings()
    };
    let offset = test_queue.store.offset.clone();
    let queue = MySqlQueue::open(&url, &settings, offset).await.unwrap();
    (queue, gate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_user_gets_the_answer_to_a_request_whose_worker_has_stopped() {
    let test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(3).await;
    let (queue, gate) = instance(&test_queue).await;
    gate.stop_at(LOOK_UP);
    let (worker_queue, first) = (queue.clone(), line[0].clone());
    let worker = Worker::start(async move { drop(worker_queue.look_up(&first).await) });
    gate.stopped().await;
    worker.stop().await;
    gate.open();
    for (place, ticket) in (1..).zip(&line).skip(1) {
        let found = queue.look_up(ticket).await.unwrap().value;
        let LookUpOutcome::Found(found) = found else {
            panic!("{} has a place: {found:?}", ticket.user);
        };
        let Standing::Waiting { position, .. } = found.standing else {
            panic!("{} waits: {found:?}", ticket.user);
        };
        assert_eq!((found.ticket, position), (ticket.clone(), place));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_ends_no_join_of_another_worker() {
    let test_queue = open_test_queue(policies::paused()).await;
    let (queue, gate) = instance(&test_queue).await;
    gate.stop_at(LOCK);
    let (worker_queue, concert) = (queue.clone(), test_queue.concert);
    let worker = Worker::start(async move { drop(join_new(&worker_queue, concert, "ann").await) });
    gate.stopped().await;
    let mut joining = pin!(join_new(&queue, concert, "ben"));
    assert!(poll!(joining.as_mut()).is_pending());
    worker.stop().await;
    gate.open();
    let behind = joining.await;
    assert!(test_queue.waits(&behind.ticket).await);
    test_queue.join_new("cleo").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_is_written_before_its_look_up_is_answered() {
    #[derive(QueryableByName)]
    struct HeartbeatRow {
        #[diesel(sql_type = BigInt)]
        since_us: i64,
    }
    let test_queue = open_test_queue(policies::paused()).await;
    let ticket = test_queue.join_new("ann").await.ticket;
    test_queue.store.offset.shift(SignedDuration::from_secs(30));
    test_queue.queue().look_up(&ticket).await.unwrap();
    let raw = &mut test_queue.store.raw().await;
    let joined_us = ticket.arrival.micros();
    let row = sql_query("SELECT since_us FROM queue_places");
    let HeartbeatRow { since_us } = row.get_result(raw).await.unwrap();
    assert!(since_us > joined_us + 1_000_000);
}
