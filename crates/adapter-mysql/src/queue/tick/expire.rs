//! Expiry: removes expired places, and remembered ends that are no longer needed.

use diesel::QueryResult;
use frontrow_domain::ports::{Stamped, TickOutcome};

use super::{Order, begin, expired};
use crate::{
    queue::rows::{places::Phase, queue_row},
    session::Session,
    transactions::Verdict,
};

/// The phases whose rows a tick may remove.
const PHASES: [Phase; 5] = [
    Phase::Reentered,
    Phase::Waiting,
    Phase::Admitted,
    Phase::Claimed,
    Phase::Ended,
];

/// Removes at most `order.limit` expired places.
pub(in crate::queue) async fn expire(
    session: &mut Session,
    order: Order,
) -> QueryResult<Verdict<Stamped<TickOutcome>>> {
    let Order { concert, limit } = order;
    // Most ticks find nothing to remove and need no lock.
    let Some((now, queue)) = queue_row::read(session, concert).await? else {
        return Ok(Verdict::Commit(begin::not_seeded(session).await?));
    };
    let idle = !queue.is_busy()
        || (!queue.terms.tick_is_due(now)
            && queue.passed_ends.is_none()
            && expired::find(session, concert, &queue, &PHASES, 1, now)
                .await?
                .is_empty());
    if idle && !queue.is_on_another_server(now) {
        let report = begin::report(&queue, 0, false, now);
        return Ok(Verdict::Commit(begin::stamped(report, now)));
    }
    let Some(mut tick) = begin::begin(session, concert).await? else {
        return Ok(Verdict::Rollback(begin::not_seeded(session).await?));
    };
    // Asks for one more than the limit, to learn whether there are more.
    let (now, wanted) = (tick.now, limit.saturating_add(1));
    let mut expired = expired::find(session, concert, &tick.queue, &PHASES, wanted, now).await?;
    if expired.is_empty() {
        expired = expired::find_passed(session, concert, &tick.queue, wanted).await?;
        if expired.is_empty() {
            // None is left. The bound is cleared because the clock may step back, and a place that
            // is passed later must not be taken for one of these.
            tick.queue.passed_ends = None;
        }
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = expired.len() > most;
    expired.truncate(most);
    expired::remove(session, concert, &mut tick.queue, &expired, now).await?;
    let done = u32::try_from(expired.len()).unwrap_or(u32::MAX);
    tick.end(session, done, more).await
}
