//! Flaws of a line as a whole. Each breaks a promise by one small error.

use frontrow_domain::model::queue::Heartbeat;
use jiff::Timestamp;

use super::{
    flaws::{Flaw, Moment},
    store::Call,
};
use crate::model::{ModelQueue, Waiting};

pub(crate) fn records_no_departure() -> Flaw {
    Flaw::around(|moment, queue, _, call| {
        if (moment, &*call) == (Moment::After, &Call::Leave) {
            queue.departures.pop();
        }
    })
}

pub(crate) fn remembers_few_departures() -> Flaw {
    Flaw::before(|queue, _, call| {
        if let (Call::Look, Some(last)) = (call, queue.departures.last().copied()) {
            let forgotten = queue.departures.len().saturating_sub(100);
            queue.departures[..forgotten].fill(last);
        }
    })
}

pub(crate) fn records_left_active_places_as_departures() -> Flaw {
    let mut active = Vec::new();
    Flaw::around(move |moment, queue, _, call| {
        if *call == Call::Leave {
            let now: Vec<_> = queue.active.iter().map(|place| place.arrival).collect();
            if moment == Moment::After {
                let left = active.iter().filter(|arrival| !now.contains(arrival));
                queue.departures.extend(left);
            }
            active = now;
        }
    })
}

pub(crate) fn counts_immediate_admissions_as_passed() -> Flaw {
    Flaw::around(|moment, queue, now, call| {
        if let (Moment::After, Call::Join(user, _)) = (moment, call) {
            let admitted_at_once = queue
                .active
                .iter()
                .find(|place| place.user == *user && place.admitted_at == now);
            let arrival = admitted_at_once.map(|place| place.arrival);
            queue.admitted.extend(arrival);
        }
    })
}

pub(crate) fn counts_expired_heads_as_passed() -> Flaw {
    Flaw::before(|queue, now, call| {
        if matches!(call, Call::Admit(_)) {
            let expired = queue
                .waiting
                .iter()
                .filter(|place| !queue.waits(place, now));
            let expired: Vec<_> = expired.map(|place| place.arrival).collect();
            queue.admitted.extend(expired);
        }
    })
}

pub(crate) fn counts_admissions_one_tick_late() -> Flaw {
    let mut held_back = Vec::new();
    let mut before = 0;
    Flaw::around(move |moment, queue, _, call| {
        if matches!(call, Call::Admit(_)) {
            match moment {
                Moment::Before => {
                    queue.admitted.append(&mut held_back);
                    before = queue.admitted.len();
                }
                Moment::After => held_back = queue.admitted.split_off(before),
            }
        }
    })
}

/// Replaces the rule by which heartbeats are accepted.
fn accepts_heartbeats(
    accepted_at: impl Fn(&ModelQueue, &Waiting, &Heartbeat, Timestamp) -> Option<Timestamp>
    + Send
    + 'static,
) -> Flaw {
    Flaw::before(move |queue, now, call| {
        let Call::RecordHeartbeats(heartbeats) = call else {
            return;
        };
        for heartbeat in heartbeats {
            let number = queue
                .waiting
                .iter()
                .position(|place| place.user == heartbeat.user);
            if let Some(number) = number
                && let Some(at) = accepted_at(queue, &queue.waiting[number], heartbeat, now)
            {
                queue.waiting[number].last_seen = at;
            }
            // This heartbeat is older than every other, so it has no other effect.
            heartbeat.at = Timestamp::MIN;
        }
    })
}

fn is_of_place(place: &Waiting, heartbeat: &Heartbeat) -> bool {
    place.arrival == heartbeat.arrival
}

pub(crate) fn accepts_older_heartbeats() -> Flaw {
    accepts_heartbeats(|queue, place, heartbeat, now| {
        (is_of_place(place, heartbeat) && queue.waits(place, now)).then(|| heartbeat.at.min(now))
    })
}

pub(crate) fn revives_expired_places() -> Flaw {
    accepts_heartbeats(|_, place, heartbeat, now| {
        is_of_place(place, heartbeat).then(|| place.last_seen.max(heartbeat.at.min(now)))
    })
}

pub(crate) fn accepts_heartbeats_from_the_future() -> Flaw {
    accepts_heartbeats(|queue, place, heartbeat, now| {
        (is_of_place(place, heartbeat) && queue.waits(place, now))
            .then(|| place.last_seen.max(heartbeat.at))
    })
}

pub(crate) fn accepts_heartbeats_of_other_places() -> Flaw {
    accepts_heartbeats(|queue, place, heartbeat, now| {
        queue
            .waits(place, now)
            .then(|| place.last_seen.max(heartbeat.at.min(now)))
    })
}

pub(crate) fn counts_heartbeats_from_their_recording() -> Flaw {
    accepts_heartbeats(|queue, place, heartbeat, now| {
        (is_of_place(place, heartbeat) && queue.waits(place, now)).then_some(now)
    })
}

pub(crate) fn counts_snapshots_as_heartbeats() -> Flaw {
    Flaw::before(|queue, now, call| {
        if *call == Call::Look {
            for place in &mut queue.waiting {
                place.last_seen = now;
            }
        }
    })
}

pub(crate) fn counts_snapshots_as_service() -> Flaw {
    counts_as_service(|call| *call == Call::Look)
}

pub(crate) fn counts_recorded_heartbeats_as_service() -> Flaw {
    counts_as_service(|call| matches!(call, Call::RecordHeartbeats(_)))
}

fn counts_as_service(is_service: impl Fn(&Call) -> bool + Send + 'static) -> Flaw {
    Flaw::before(move |queue, now, call| {
        if is_service(call) {
            queue.serving_since = queue.serving_since_at(now);
            queue.last_tick = now;
        }
    })
}

pub(crate) fn counts_peeks_as_heartbeats() -> Flaw {
    Flaw::before(|queue, now, call| {
        if let Call::Peek(tickets) = call {
            for place in &mut queue.waiting {
                if tickets.iter().any(|ticket| ticket.user == place.user) {
                    place.last_seen = now;
                    place.is_aside = false;
                }
            }
        }
    })
}

pub(crate) fn restores_lost_places_by_peeks() -> Flaw {
    Flaw::before(|queue, now, call| {
        if let Call::Peek(tickets) = call {
            for ticket in tickets {
                queue.look_up(now, ticket);
            }
        }
    })
}
