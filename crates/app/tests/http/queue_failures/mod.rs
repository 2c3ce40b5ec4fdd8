//! The store of the queues fails under the running program, and loses data. The gate stays closed
//! meanwhile, and users re-enter with their tokens.

mod faulty_queue;
mod loss;
mod outages;
mod retries;
mod served;

use self::faulty_queue::FaultyQueue;
