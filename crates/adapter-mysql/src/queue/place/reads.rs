//! Look-ups of places: one statement by primary keys, without a lock, for all pending requests at
//! once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, UserId, queue::Ticket},
    ports::{PeekOutcome, Stamped, StoreError, StoreResult},
};
use frontrow_request_batching::{Batch, Batcher, Execute, Priority};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;
use tokio::runtime::Handle;

use crate::{
    clock::now_us,
    queue::{
        batch_limits,
        changes::place,
        rows::{
            columns::Columns,
            places::{PlaceColumns, PlaceRow, list_of, users_list},
            queue_row::{self, QueueRow, key},
        },
    },
    session::Session,
    statement::Fixed,
    transactions::{TransactionRunner, Verdict},
};

/// Maximum number of users in one statement.
const BATCH_MAX: usize = 64;

const READ: &str = concat!(
    "SELECT STRAIGHT_JOIN ",
    now_us!(),
    ", @frontrow_server AS server, q.*, j.user_id, p.arrival, p.seq, p.phase, p.since_us, p.admitted_at_us, p.claimed_at_us \
     FROM queues q JOIN ",
    users_list!(),
    " LEFT JOIN queue_places p FORCE INDEX (PRIMARY) \
         ON p.concert_id = q.concert_id AND p.user_id = j.user_id \
     WHERE q.concert_id = ?"
);

/// A queue as one user sees it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) queue: Arc<QueueRow>,
    /// The user's row, whatever its phase.
    pub(super) row: Option<PlaceRow>,
}

/// The batched look-ups of places.
pub(in crate::queue) struct Reads(Batcher<Statements>);

impl Reads {
    /// Makes the look-ups. Each statement ends within `limit`, and no look-up waits longer than
    /// that for its statement to begin. At most `statements_max` run at once, so that look-ups
    /// leave connections for requests that change queues.
    pub(in crate::queue) fn new(
        calls: TransactionRunner,
        limit: Duration,
        statements_max: usize,
    ) -> Self {
        let limits = batch_limits::limits(BATCH_MAX, statements_max, statements_max, limit);
        Self(Batcher::new(limits, Statements { calls, limit }))
    }

    /// Returns the queue as the user of `ticket` sees it. None if the store does not have it.
    pub(super) async fn see(
        &self,
        ticket: &Ticket,
        priority: Priority,
    ) -> StoreResult<Stamped<Option<Seen>>> {
        let user = ticket.user.clone();
        let seen = self.0.submit(ticket.concert, user.clone(), priority, user);
        seen.await.map_err(batch_limits::store_error)
    }
}

/// Returns the place for each of these tickets, by one statement on its own connection. Changes
/// nothing.
pub(in crate::queue) async fn peek(
    session: &mut Session,
    concert: ConcertId,
    tickets: &[Ticket],
) -> QueryResult<Stamped<PeekOutcome>> {
    let users: Vec<UserId> = tickets.iter().map(|ticket| ticket.user.clone()).collect();
    let Stamped { as_of, value } = read(session, concert, &users).await?;
    let Some((queue, rows)) = value else {
        let value = PeekOutcome::NotSeeded;
        return Ok(Stamped { as_of, value });
    };
    let places = tickets.iter().map(|ticket| {
        let seen = Seen {
            queue: Arc::clone(&queue),
            row: rows.get(ticket.user.as_str()).copied(),
        };
        let row = seen.row_of(ticket, as_of)?;
        Some(place(concert, &ticket.user, &row, &queue, as_of))
    });
    let value = PeekOutcome::Seen(places.collect());
    Ok(Stamped { as_of, value })
}

/// Runs the statements.
struct Statements {
    calls: TransactionRunner,
    limit: Duration,
}

impl Execute for Statements {
    type Key = ConcertId;
    type User = UserId;
    type Request = UserId;
    type Response = Stamped<Option<Seen>>;
    type Error = StoreError;

    async fn execute(
        &self,
        concert: &ConcertId,
        mut batch: Batch<Self>,
    ) -> StoreResult<Vec<Stamped<Option<Seen>>>> {
        let users = Arc::new(batch.take());
        let Stamped { as_of, value } = self
            .calls
            .run(
                self.limit,
                (*concert, Arc::clone(&users)),
                |session, (concert, users)| {
                    read(session, *concert, users)
                        .map_ok(Verdict::Commit)
                        .boxed()
                },
            )
            .await?;
        let seen = users.iter().map(|user| Stamped {
            as_of,
            value: value.as_ref().map(|(queue, rows)| Seen {
                queue: Arc::clone(queue),
                row: rows.get(user.as_str()).copied(),
            }),
        });
        Ok(seen.collect())
    }

    fn spawn(&self, _: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.calls.at_home(task));
    }
}

type Rows = HashMap<String, PlaceRow>;

/// Reads the queue and the rows of these users, as of one instant.
async fn read(
    session: &mut Session,
    concert: ConcertId,
    users: &[UserId],
) -> QueryResult<Stamped<Option<(Arc<QueueRow>, Rows)>>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Line {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
        #[diesel(sql_type = Nullable<Text>)]
        server: Option<String>,
        #[diesel(embed)]
        queue: Columns,
        #[diesel(sql_type = Text)]
        user_id: String,
        #[diesel(embed)]
        place: PlaceColumns,
    }
    let list = list_of(users.iter()).unwrap_or_else(|| "[]".to_owned());
    let statement = sql_query(READ)
        .bind::<Text, _>(list)
        .bind::<Binary, _>(key(&concert));
    let lines: Vec<Line> = Fixed(statement).load(session.connection()).await?;
    let (mut queue, mut rows) = (None, Rows::with_capacity(lines.len()));
    for line in lines {
        if queue.is_none() {
            let as_of: Timestamp = session.now().at(line.now_us);
            queue = Some((
                as_of,
                Arc::new(line.queue.into_row(line.server.as_deref())?),
            ));
        }
        if let Some(row) = line.place.row()? {
            rows.insert(line.user_id, row);
        }
    }
    Ok(match queue {
        Some((as_of, queue)) => Stamped {
            as_of,
            value: Some((queue, rows)),
        },
        None => Stamped {
            as_of: queue_row::now(session).await?,
            value: None,
        },
    })
}
