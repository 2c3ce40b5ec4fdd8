//! Holds seats: reads the facts, lets the domain decide, and writes its decision.

use diesel::QueryResult;
use frontrow_domain::{
    model::{HoldDecision, HoldRequest},
    ports::HoldOutcome,
};

use super::{facts, take};
use crate::{errors, session::Session, transactions::Verdict};

/// Holds the seats of `request`, all or none.
pub(super) async fn hold(
    session: &mut Session,
    request: &HoldRequest,
) -> QueryResult<Verdict<HoldOutcome>> {
    let facts = facts::facts(session, request).await?;
    let new = match request
        .decide(facts)
        .map_err(|error| errors::broken(error.to_string()))?
    {
        HoldDecision::Take(new) => new,
        HoldDecision::AlreadyHeld(reservation) => {
            return Ok(Verdict::Commit(HoldOutcome::AlreadyHeld(reservation)));
        }
        HoldDecision::Refused(refusal) => {
            return Ok(Verdict::Commit(HoldOutcome::Refused(refusal)));
        }
    };
    session.begin().await?;
    Ok(if take::take(session, &new).await? {
        Verdict::Commit(HoldOutcome::Held(new.reservation))
    } else {
        Verdict::Retry
    })
}
