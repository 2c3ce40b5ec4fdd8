//! The store of the queues fails under the running program, and loses data. The gate stays closed
//! meanwhile, and users re-enter with their tokens.

mod loss;
mod outages;
mod retries;
mod served;
mod shaky_queue;

use self::shaky_queue::ShakyQueue;
