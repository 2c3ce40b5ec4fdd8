//! Setting seats aside: the facts are read, the domain decides, and its decision is written.

use diesel::QueryResult;
use frontrow_domain::{
    model::{HoldDecision, HoldRequest},
    ports::HoldOutcome,
};

use super::{facts, take};
use crate::{calls::Turn, errors, session::Session};

/// Sets the seats of `request` aside, all or none.
pub(super) async fn hold(
    session: &mut Session,
    request: &HoldRequest,
) -> QueryResult<Turn<HoldOutcome>> {
    let facts = facts::facts(session, request).await?;
    let new = match request
        .decide(facts)
        .map_err(|error| errors::broken(error.to_string()))?
    {
        HoldDecision::Take(new) => new,
        HoldDecision::AlreadyHeld(reservation) => {
            return Ok(Turn::Done(HoldOutcome::AlreadyHeld(reservation)));
        }
        HoldDecision::Refused(refusal) => return Ok(Turn::Done(HoldOutcome::Refused(refusal))),
    };
    session.begin().await?;
    Ok(if take::take(session, &new).await? {
        Turn::Done(HoldOutcome::Held(new.reservation))
    } else {
        Turn::Again
    })
}
