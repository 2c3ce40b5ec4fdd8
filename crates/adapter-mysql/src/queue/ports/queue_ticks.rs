//! The queues as the jobs move them on.

use async_trait::async_trait;
use diesel::{QueryResult, QueryableByName, mysql::Mysql, sql_query, sql_types::Binary};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::ConcertId,
    ports::{QueueTicks, Stamped, StoreResult, TickOutcome},
};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::queue::{
    MySqlQueue,
    tick::{self, Order},
};
use crate::{calls::Turn, errors, session::Session, statement::Fixed};

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
}

async fn busy(session: &mut Session) -> QueryResult<Turn<Vec<ConcertId>>> {
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
    concerts.collect::<QueryResult<_>>().map(Turn::Done)
}
