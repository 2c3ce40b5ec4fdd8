//! A line of very many users, inserted directly and not through the adapter.

use std::iter;

use frontrow_domain::model::queue::{Arrival, Ticket};
use frontrow_port_contracts::test_queue::{TestQueue, user};
use jiff::SignedDuration;

use crate::one_queue::{OneQueue, execute};

/// Number of rows that one statement writes, a power of ten.
const CHUNK: i64 = 100_000;

/// Joins one user and inserts `count` users behind. Returns all tickets in order. The store then
/// has the same rows as after their joins.
pub(crate) async fn line_up(test_queue: &mut TestQueue<OneQueue>, count: i64) -> Vec<Ticket> {
    let first = test_queue.join_new("first").await.ticket;
    let raw = &mut test_queue.store.raw().await;
    let digit = "SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION \
                 SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9";
    let chunks = (0..count).step_by(CHUNK.try_into().unwrap());
    for (from, to) in chunks.map(|from| (from, count.min(from + CHUNK))) {
        // One user arrives per microsecond, and the names are in the order of the primary key.
        let sql = format!(
            "INSERT INTO queue_places (concert_id, user_id, arrival, seq, phase, since_us)
             SELECT p.concert_id, CONCAT('user-', LPAD(n, 9, '0')), p.arrival + n, 1 + n, 1,
                    p.arrival + n
             FROM (SELECT 1 + {from} + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS n
                   FROM ({digit}) a, ({digit}) b, ({digit}) c, ({digit}) d, ({digit}) e) numbers
             JOIN queue_places p ON p.user_id = 'first'
             WHERE n <= {to} ORDER BY n"
        );
        execute(raw, &sql).await.unwrap();
    }
    let sql = format!(
        "UPDATE queues SET last_seq = last_seq + {count}, last_arrival = last_arrival + {count},
             waiting = waiting + {count}"
    );
    execute(raw, &sql).await.unwrap();
    // Moves the time past the last arrival.
    test_queue
        .store
        .offset
        .shift(SignedDuration::from_micros(count));
    let others = (1..=count).map(|number| Ticket {
        user: user(&format!("user-{number:09}")),
        arrival: Arrival::from_micros(first.arrival.micros() + number),
        ..first
    });
    iter::once(first.clone()).chain(others).collect()
}
