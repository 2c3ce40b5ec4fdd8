//! Instances that answer from snapshots of the in-process queue return only answers that were true.

use std::sync::Arc;

use frontrow_adapter_embedded::MemoryQueue;
use frontrow_port_contracts::{QueuePorts, snapshot_queue::snapshot_queue_model};

#[test]
fn every_answer_from_a_snapshot_was_true_a_moment_ago() {
    snapshot_queue_model(|clock| {
        let queue = Arc::new(MemoryQueue::new(clock));
        QueuePorts {
            queue: queue.clone(),
            ticks: queue.clone(),
            control: queue.clone(),
            line: queue,
        }
    });
}
