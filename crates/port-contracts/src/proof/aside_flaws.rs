//! Wrong ways to treat absent users.

use std::time::Duration;

use super::{
    flaws::{Flaw, Moment},
    store::Call,
};

/// Admits absent users when their turn comes.
pub(crate) fn admits_absent_users() -> Flaw {
    Flaw::before(|queue, now, call| {
        if matches!(call, Call::Admit(_)) {
            for place in &mut queue.waiting {
                place.last_seen = now;
            }
        }
    })
}

/// Never lets a user who stands aside return.
pub(crate) fn keeps_users_aside() -> Flaw {
    let mut aside = Vec::new();
    Flaw::around(move |moment, queue, _, call| match moment {
        Moment::Before => {
            let places = queue.waiting.iter().filter(|place| place.is_aside);
            aside = places.map(|place| place.arrival).collect();
        }
        Moment::After if !matches!(call, Call::Admit(_)) => {
            for place in &mut queue.waiting {
                place.is_aside |= aside.contains(&place.arrival);
            }
        }
        Moment::After => {}
    })
}

/// Admits users who return after all others.
pub(crate) fn sends_users_who_return_to_the_back() -> Flaw {
    let mut was_aside = Vec::new();
    Flaw::around(move |moment, queue, _, call| {
        let aside = queue.waiting.iter().filter(|place| place.is_aside);
        was_aside.extend(aside.map(|place| place.user.clone()));
        if !matches!(call, Call::Admit(_)) {
            return;
        }
        queue.waiting.sort_by_key(|place| {
            let is_last = moment == Moment::Before && was_aside.contains(&place.user);
            (is_last, place.arrival)
        });
    })
}

/// Forgets when the place of a user who stands aside ends.
pub(crate) fn keeps_places_aside_for_ever() -> Flaw {
    Flaw::before(|queue, now, _| {
        for place in queue.waiting.iter_mut().filter(|place| place.is_aside) {
            place.last_seen = now;
        }
    })
}

/// Counts users who stand aside as a line.
pub(crate) fn counts_users_aside_as_a_line() -> Flaw {
    let mut aside = Vec::new();
    Flaw::around(move |moment, queue, _, call| {
        if !matches!(call, Call::Join(..)) {
            return;
        }
        match moment {
            Moment::Before => {
                aside.clear();
                for place in queue.waiting.iter_mut().filter(|place| place.is_aside) {
                    place.is_aside = false;
                    aside.push(place.arrival);
                }
            }
            Moment::After => {
                for place in &mut queue.waiting {
                    place.is_aside |= aside.contains(&place.arrival);
                }
            }
        }
    })
}

/// Treats every user without a recent heartbeat as absent, regardless of the policy.
pub(crate) fn ignores_the_absence_of_the_policy() -> Flaw {
    Flaw::before(|queue, _, _| {
        queue.policy.policy.absent_after = Some(Duration::from_secs(15));
    })
}

/// Leaves users aside also in *bypass*.
pub(crate) fn leaves_users_aside_in_bypass() -> Flaw {
    let mut aside = Vec::new();
    Flaw::around(move |moment, queue, _, call| {
        if !matches!(call, Call::Admit(_)) {
            return;
        }
        match moment {
            Moment::Before => {
                aside = queue.waiting.clone();
                aside.retain(|place| place.is_aside);
                queue.waiting.retain(|place| !place.is_aside);
            }
            Moment::After => {
                queue.waiting.append(&mut aside);
                queue.waiting.sort_by_key(|place| place.arrival);
            }
        }
    })
}
