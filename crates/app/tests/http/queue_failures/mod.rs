//! The queues' store fails under the running program, and loses what it was told. The gate stays shut
//! meanwhile, and the people carry the queue.

mod loss;
mod outages;
mod retries;
mod served;
mod shaky_queue;

use self::shaky_queue::ShakyQueue;
