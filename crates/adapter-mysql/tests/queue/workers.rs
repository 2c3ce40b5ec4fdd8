//! The web server has one runtime per worker, and all workers use one store. A worker that stops
//! ends nothing that the others still need.

use std::{pin::pin, thread};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings};
use frontrow_domain::{
    model::queue::Standing,
    ports::{LookUpOutcome, Queue},
};
use futures_util::poll;
use jiff::SignedDuration;
use tokio::{runtime, sync::oneshot};

use crate::{
    one_queue::settings,
    test_queue::{TestQueue, enters, paused},
    wire::{address_of, statement_gate::StatementGate},
};

/// How the statement begins that looks for places.
const LOOK: &str = "SELECT STRAIGHT_JOIN TIMESTAMPDIFF";

/// How the statement begins that locks a queue.
const LOCK: &str = "SELECT TIMESTAMPDIFF";

/// A worker of the web server.
struct Worker {
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    /// On which somebody asks for this.
    fn asks(something: impl Future<Output = ()> + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let mut builder = runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::spawn(something);
                stopped.await.unwrap();
            });
        });
        Self { stop, thread }
    }

    /// Stops it, whatever is under way there.
    async fn stops(self) {
        self.stop.send(()).unwrap();
        let joining = tokio::task::spawn_blocking(|| self.thread.join());
        joining.await.unwrap().unwrap();
    }
}

/// An instance of the service with one connection, and what may stop on its way.
async fn instance(hall: &TestQueue) -> (MySqlQueue, StatementGate) {
    let gate = StatementGate::before(address_of(hall.store.url()).await).await;
    let url = gate.wire.url(hall.store.url());
    let settings = MySqlSettings {
        pool_size: 1,
        ..settings()
    };
    let offset = hall.store.offset.clone();
    let queue = MySqlQueue::open(&url, &settings, offset).await.unwrap();
    (queue, gate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_the_answer_to_somebody_whose_worker_has_stopped() {
    let hall = TestQueue::open(paused()).await;
    let line = hall.line_up(3).await;
    let (queue, gate) = instance(&hall).await;
    gate.stop_at(LOOK);
    let (asked, first) = (queue.clone(), line[0].clone());
    let worker = Worker::asks(async move { drop(asked.look_up(&first).await) });
    gate.stopped().await;
    worker.stops().await;
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
async fn a_worker_that_stops_ends_nobody_elses_join() {
    let hall = TestQueue::open(paused()).await;
    let (queue, gate) = instance(&hall).await;
    gate.stop_at(LOCK);
    let (asked, concert) = (queue.clone(), hall.concert);
    let worker = Worker::asks(async move { drop(enters(&asked, concert, "ann").await) });
    gate.stopped().await;
    let mut joining = pin!(enters(&queue, concert, "ben"));
    assert!(poll!(joining.as_mut()).is_pending());
    worker.stops().await;
    gate.open();
    let behind = joining.await;
    assert!(hall.waits(&behind.ticket).await);
    hall.enters("cleo").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_is_written_before_its_look_up_is_answered() {
    #[derive(QueryableByName)]
    struct Heard {
        #[diesel(sql_type = BigInt)]
        since_us: i64,
    }
    let hall = TestQueue::open(paused()).await;
    let ticket = hall.enters("ann").await.ticket;
    hall.store.offset.shift(SignedDuration::from_mins(1));
    hall.queue().look_up(&ticket).await.unwrap();
    let raw = &mut hall.store.raw().await;
    let joined_us = ticket.arrival.micros();
    let heard = sql_query("SELECT since_us FROM queue_places");
    let Heard { since_us } = heard.get_result(raw).await.unwrap();
    assert!(since_us > joined_us + 1_000_000);
}
