//! Expiry: removes places past their end, and what is remembered for no use.

use std::time::Duration;

use diesel::QueryResult;
use frontrow_domain::ports::{Stamped, TickOutcome};
use jiff::Timestamp;

use super::{
    Order,
    begin::{self, Begun, Found},
    expired,
};
use crate::{
    calls::Turn,
    queue::rows::{departures, places::Phase, queue_row::QueueRow},
    session::Session,
};

/// A queue without places for so long needs no record of departures.
const IDLE_MAX: Duration = Duration::from_hours(1);

/// Its ticks record nothing, so each of them tries within this time.
const FORGETTING: Duration = Duration::from_mins(10);

/// Everything that a tick may remove.
const PHASES: [Phase; 5] = [
    Phase::Reentered,
    Phase::Waiting,
    Phase::Admitted,
    Phase::Claimed,
    Phase::Ended,
];

/// True where the record of departures is of no more use: the queue has been idle since its last
/// recorded tick.
fn forgets_departures(queue: &QueueRow, now: Timestamp) -> bool {
    let idle_for = now.duration_since(queue.terms.last_tick);
    let idle_for = Duration::try_from(idle_for).unwrap_or_default();
    !queue.is_busy()
        && queue.departures > 0
        && (IDLE_MAX..IDLE_MAX + FORGETTING).contains(&idle_for)
}

/// Removes at most `order.limit` places past their end.
pub(in crate::queue) async fn expire(
    session: &mut Session,
    order: Order,
) -> QueryResult<Turn<Stamped<TickOutcome>>> {
    let Order { concert, limit } = order;
    // Most ticks find nothing to remove and need no lock.
    let found_at = match begin::find(session, concert).await? {
        Found::Nothing(outcome) => return Ok(Turn::Done(outcome)),
        Found::Queue(now, queue) => {
            if forgets_departures(&queue, now) {
                departures::forget(session, concert).await?;
            }
            let idle = !queue.is_busy()
                || (!queue.terms.tick_is_due(now)
                    && expired::find(session, concert, &queue, &PHASES, 1, now)
                        .await?
                        .is_empty());
            if idle {
                let report = begin::report(&queue, 0, false, now);
                return Ok(Turn::Done(begin::stamped(report, now)));
            }
            now
        }
    };
    let mut tick = match begin::begin(session, concert, found_at).await? {
        Begun::Tick(tick) => *tick,
        Begun::Not(outcome) => return Ok(Turn::Refused(outcome)),
    };
    // One more than may be removed tells whether there is more.
    let now = tick.now;
    let mut expired = expired::find(
        session,
        concert,
        &tick.queue,
        &PHASES,
        limit.saturating_add(1),
        now,
    )
    .await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = expired.len() > most;
    expired.truncate(most);
    expired::remove(session, concert, &mut tick.queue, &expired, now).await?;
    let done = u32::try_from(expired.len()).unwrap_or(u32::MAX);
    tick.end(session, done, more).await
}
