//! The port [`QueueTicks`]: calls by which jobs move a queue on.

use async_trait::async_trait;
use diesel::{QueryResult, QueryableByName, mysql::Mysql, sql_query, sql_types::Binary};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, queue::Served},
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome},
};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::queue::{
    MySqlQueue,
    rows::{places, queue_row},
    tick::{self, Order},
};
use crate::{errors, session::Session, statement::Fixed, transactions::Verdict};

const BUSY: &str =
    "SELECT q.concert_id FROM queues q FORCE INDEX (queues_busy) WHERE q.busy = TRUE";

#[async_trait]
impl QueueTicks for MySqlQueue {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.job((), |session, ()| busy(session).boxed()).await
    }

    async fn admit(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.job(Order { concert, limit }, |session, order| {
            tick::admit(session, *order).boxed()
        })
        .await
    }

    async fn expire(&self, concert: ConcertId, limit: u32) -> StoreResult<Stamped<TickOutcome>> {
        self.job(Order { concert, limit }, |session, order| {
            tick::expire(session, *order).boxed()
        })
        .await
    }

    async fn served(&self, concert: ConcertId) -> StoreResult<Stamped<Option<Served>>> {
        self.job(concert, |session, concert| {
            served(session, *concert).boxed()
        })
        .await
    }
}

/// The queue's row is read before the line: a user who was admitted or has gone in between counts
/// as served.
async fn served(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Verdict<Stamped<Option<Served>>>> {
    let Some((as_of, queue)) = queue_row::read(session, concert).await? else {
        return Ok(Verdict::Commit(Stamped {
            as_of: queue_row::now(session).await?,
            value: None,
        }));
    };
    let waits = places::first_arrival(session, concert).await?;
    let admitted = queue.admitted_up_to.max(queue.at_once_up_to);
    let value = queue.terms.served(admitted, waits, as_of);
    Ok(Verdict::Commit(Stamped { as_of, value }))
}

async fn busy(session: &mut Session) -> QueryResult<Verdict<Vec<ConcertId>>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Busy {
        #[diesel(sql_type = Binary)]
        concert_id: Vec<u8>,
    }
    let rows: Vec<Busy> = Fixed(sql_query(BUSY)).load(session.connection()).await?;
    let concerts = rows.into_iter().map(|row| {
        let id = Uuid::from_slice(&row.concert_id);
        id.map(ConcertId)
            .map_err(|_| errors::broken("a concert's id is no UUID"))
    });
    concerts.collect::<QueryResult<_>>().map(Verdict::Commit)
}
