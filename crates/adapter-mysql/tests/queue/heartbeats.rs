//! Heartbeats that reach the database late.

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::{
    model::queue::Heartbeat,
    ports::{LookUpOutcome, Queue, QueueSnapshots, QueueTicks},
};
use frontrow_port_contracts::policies;
use frontrow_test_harness::{Fault, FaultProxy};
use jiff::SignedDuration;

use crate::{
    one_queue::{open_test_queue, settings},
    wire::address_of,
};

/// An instance that was cut off does not overwrite later heartbeats that other instances recorded.
/// A user who polls another instance keeps their place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_was_cut_off_ends_no_place() {
    let test_queue = open_test_queue(policies::paused()).await;
    let ann = test_queue.join_new("ann").await.ticket;
    let network = FaultProxy::start(address_of(test_queue.store.url()).await).unwrap();
    let url = test_queue.store.url();
    let proxied_url = {
        let direct = address_of(url).await.to_string();
        let proxied = url.replace(&direct, &network.address().to_string());
        format!("{proxied}?prefer_socket=false")
    };
    let offset = test_queue.store.offset.clone();
    let cut_off = MySqlQueue::open(&proxied_url, &settings(), offset)
        .await
        .unwrap();
    let looked_up = cut_off.look_up(&ann).await.unwrap();
    network.set(Fault::Refuse).await.unwrap();
    for _ in 0..30 {
        test_queue.store.offset.shift(SignedDuration::from_secs(13));
        for _ in 0..3 {
            test_queue
                .queue()
                .expire(test_queue.concert, 10)
                .await
                .unwrap();
            test_queue.store.offset.shift(SignedDuration::from_secs(0));
        }
        let found = test_queue.queue().look_up(&ann).await.unwrap().value;
        assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
    }
    network.set(Fault::Forward).await.unwrap();
    // The instance records a heartbeat from before the cut only now.
    let late = Heartbeat {
        user: ann.user.clone(),
        arrival: ann.arrival,
        at: looked_up.as_of,
    };
    cut_off
        .record_heartbeats(test_queue.concert, &[late])
        .await
        .unwrap();
    cut_off.look_up(&ann).await.unwrap();
    test_queue
        .queue()
        .expire(test_queue.concert, 10)
        .await
        .unwrap();
    let found = test_queue.queue().look_up(&ann).await.unwrap().value;
    assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
}
