//! Heartbeats that reach the database late.

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::{
    model::queue::Heartbeat,
    ports::{LookUpOutcome, Queue, QueueSnapshots, QueueTicks},
};
use frontrow_test_harness::{Fault, FaultProxy};
use jiff::SignedDuration;

use crate::{
    one_queue::settings,
    test_queue::{TestQueue, paused},
    wire::address_of,
};

/// An instance that was cut off writes nothing over what others have heard meanwhile: a user who polls
/// elsewhere keeps their place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_was_cut_off_ends_nobodys_place() {
    let hall = TestQueue::open(paused()).await;
    let ann = hall.enters("ann").await.ticket;
    let network = FaultProxy::start(address_of(hall.store.url()).await).unwrap();
    let url = hall.store.url();
    let far = {
        let direct = address_of(url).await.to_string();
        let far = url.replace(&direct, &network.address().to_string());
        format!("{far}?prefer_socket=false")
    };
    let offset = hall.store.offset.clone();
    let cut_off = MySqlQueue::open(&far, &settings(), offset).await.unwrap();
    let heard = cut_off.look_up(&ann).await.unwrap();
    network.set(Fault::Refuse).await.unwrap();
    for _ in 0..30 {
        hall.store.offset.shift(SignedDuration::from_secs(13));
        for _ in 0..3 {
            hall.queue().expire(hall.concert, 10).await.unwrap();
            hall.store.offset.shift(SignedDuration::from_secs(0));
        }
        let found = hall.queue().look_up(&ann).await.unwrap().value;
        assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
    }
    network.set(Fault::Forward).await.unwrap();
    // What it had collected before, told as late as that.
    let late = Heartbeat {
        user: ann.user.clone(),
        arrival: ann.arrival,
        at: heard.as_of,
    };
    cut_off
        .record_heartbeats(hall.concert, &[late])
        .await
        .unwrap();
    cut_off.look_up(&ann).await.unwrap();
    hall.queue().expire(hall.concert, 10).await.unwrap();
    let found = hall.queue().look_up(&ann).await.unwrap().value;
    assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
}
