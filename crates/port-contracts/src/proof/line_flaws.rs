//! Flaws of a line as a whole: each breaks its promises by one small slip.

use frontrow_domain::model::queue::Heartbeat;
use jiff::Timestamp;

use super::{
    flaws::{Flaw, Moment},
    store::Call,
};
use crate::model::{ModelQueue, Waiting};

pub(crate) fn forgets_to_note_a_leaver() -> Flaw {
    Flaw::around(|moment, queue, _, call| {
        if (moment, &*call) == (Moment::After, &Call::Leave) {
            queue.left.pop();
        }
    })
}

pub(crate) fn remembers_few_leavers() -> Flaw {
    Flaw::before(|queue, _, call| {
        if let (Call::Look, Some(last)) = (call, queue.left.last().copied()) {
            let forgotten = queue.left.len().saturating_sub(100);
            queue.left[..forgotten].fill(last);
        }
    })
}

pub(crate) fn notes_who_leaves_an_active_place() -> Flaw {
    let mut active = Vec::new();
    Flaw::around(move |moment, queue, _, call| {
        if *call == Call::Leave {
            let now: Vec<_> = queue.active.iter().map(|place| place.arrival).collect();
            if moment == Moment::After {
                let left = active.iter().filter(|arrival| !now.contains(arrival));
                queue.left.extend(left);
            }
            active = now;
        }
    })
}

pub(crate) fn counts_who_walks_in_as_admitted() -> Flaw {
    Flaw::around(|moment, queue, now, call| {
        if let (Moment::After, Call::Join(user, _)) = (moment, call) {
            let walked_in = queue
                .active
                .iter()
                .find(|place| place.user == *user && place.admitted_at == now);
            let arrival = walked_in.map(|place| place.arrival);
            queue.admitted.extend(arrival);
        }
    })
}

pub(crate) fn counts_heads_that_gave_up_as_admitted() -> Flaw {
    Flaw::before(|queue, now, call| {
        if matches!(call, Call::Admit(_)) {
            let over = queue
                .waiting
                .iter()
                .filter(|place| !queue.waits(place, now));
            let over: Vec<_> = over.map(|place| place.arrival).collect();
            queue.admitted.extend(over);
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
fn hears(
    believes: impl Fn(&ModelQueue, &Waiting, &Heartbeat, Timestamp) -> Option<Timestamp>
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
                && let Some(at) = believes(queue, &queue.waiting[number], heartbeat, now)
            {
                queue.waiting[number].last_seen = at;
            }
            // This heartbeat is older than every other, so it has no other effect.
            heartbeat.at = Timestamp::MIN;
        }
    })
}

fn is_the_same(place: &Waiting, heartbeat: &Heartbeat) -> bool {
    place.arrival == heartbeat.arrival
}

pub(crate) fn believes_older_signs() -> Flaw {
    hears(|queue, place, heartbeat, now| {
        (is_the_same(place, heartbeat) && queue.waits(place, now)).then(|| heartbeat.at.min(now))
    })
}

pub(crate) fn revives_the_dead() -> Flaw {
    hears(|_, place, heartbeat, now| {
        is_the_same(place, heartbeat).then(|| place.last_seen.max(heartbeat.at.min(now)))
    })
}

pub(crate) fn believes_signs_from_the_future() -> Flaw {
    hears(|queue, place, heartbeat, now| {
        (is_the_same(place, heartbeat) && queue.waits(place, now))
            .then(|| place.last_seen.max(heartbeat.at))
    })
}

pub(crate) fn hears_of_users_and_not_of_places() -> Flaw {
    hears(|queue, place, heartbeat, now| {
        queue
            .waits(place, now)
            .then(|| place.last_seen.max(heartbeat.at.min(now)))
    })
}

pub(crate) fn counts_signs_from_when_they_are_told() -> Flaw {
    hears(|queue, place, heartbeat, now| {
        (is_the_same(place, heartbeat) && queue.waits(place, now)).then_some(now)
    })
}

pub(crate) fn keeps_who_is_looked_at() -> Flaw {
    Flaw::before(|queue, now, call| {
        if *call == Call::Look {
            for place in &mut queue.waiting {
                place.last_seen = now;
            }
        }
    })
}

pub(crate) fn serves_when_looked_at() -> Flaw {
    serves_when(|call| *call == Call::Look)
}

pub(crate) fn serves_when_told_of_signs() -> Flaw {
    serves_when(|call| matches!(call, Call::RecordHeartbeats(_)))
}

fn serves_when(serves: impl Fn(&Call) -> bool + Send + 'static) -> Flaw {
    Flaw::before(move |queue, now, call| {
        if serves(call) {
            queue.serving_since = queue.serving_since_at(now);
            queue.last_tick = now;
        }
    })
}

pub(crate) fn keeps_who_is_peeked_at() -> Flaw {
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

pub(crate) fn brings_back_who_is_peeked_at() -> Flaw {
    Flaw::before(|queue, now, call| {
        if let Call::Peek(tickets) = call {
            for ticket in tickets {
                queue.look_up(now, ticket);
            }
        }
    })
}
