//! The instants in an answer. They may reveal the instants of earlier calls.

use std::time::Duration;

use frontrow_domain::{
    model::queue::{Departures, GatePurpose, Place, Standing},
    ports::{GateOutcome, JoinOutcome, LookUpOutcome, SnapshotOutcome},
};
use jiff::Timestamp;

use super::{
    super::steps::{ACTIVE_S, CLAIM_S},
    call::{Answer, Call},
};

/// How much longer than the hold a place lasts.
const TO_PAY: Duration = Duration::from_secs(30);

/// Returns every instant at which some call may have been applied to cause this answer. `calls` are
/// all calls that were made, including the last one.
pub(super) fn instants<'a>(
    answer: &Answer,
    calls: impl Iterator<Item = &'a Call>,
) -> Vec<Timestamp> {
    match answer {
        Answer::Join(JoinOutcome::Joined(place) | JoinOutcome::Held(place))
        | Answer::LookUp(LookUpOutcome::Found(place))
        | Answer::Gate(GateOutcome::Passed(place) | GateOutcome::Waiting(place)) => {
            of_place(place, &calls.collect::<Vec<_>>())
        }
        Answer::Heartbeats(found) => {
            let calls: Vec<_> = calls.collect();
            let places = found.iter().filter_map(|found| match found {
                LookUpOutcome::Found(place) => Some(place),
                LookUpOutcome::Gone | LookUpOutcome::NotSeeded => None,
            });
            places.flat_map(|place| of_place(place, &calls)).collect()
        }
        Answer::Line(SnapshotOutcome::Seen(line)) => {
            let mut arrivals = Vec::from_iter(line.admitted_up_to);
            if let Departures::These(left) = &line.left {
                arrivals.extend(left);
            }
            arrivals.iter().map(|arrival| arrival.at()).collect()
        }
        _ => Vec::new(),
    }
}

fn of_place(place: &Place, calls: &[&Call]) -> Vec<Timestamp> {
    let joins = calls.iter().filter(|call| matches!(call, Call::Join(..)));
    // If the clock stepped back, an arrival is a microsecond later than that of the join before.
    let arrival = place.ticket.arrival.at();
    let mut found: Vec<_> = (0..=joins.count() as u64)
        .map(|earlier| arrival - Duration::from_micros(earlier))
        .collect();
    if let Standing::Active {
        admitted_at, until, ..
    } = place.standing
    {
        found.push(admitted_at);
        found.extend(
            lifetimes(calls)
                .into_iter()
                .map(|lifetime| until - lifetime),
        );
    }
    found
}

/// Returns how long before the deadline of a place the operation may have been applied that set it:
/// the admission, the claim, or a hold.
fn lifetimes(calls: &[&Call]) -> Vec<Duration> {
    let active = ACTIVE_S.map(Duration::from_secs);
    let claims = CLAIM_S.map(Duration::from_secs);
    let mut lifetimes: Vec<_> = active.into_iter().chain(claims).collect();
    for call in calls {
        if let Call::Gate(_, GatePurpose::Hold { hold_for }) = call {
            let extension = *hold_for + TO_PAY;
            lifetimes.push(extension);
            lifetimes.extend(active.map(|active| active + extension));
        }
    }
    lifetimes
}
