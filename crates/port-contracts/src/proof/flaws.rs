//! Flaws of a queue. Each breaks a promise by one small error.

use frontrow_domain::model::queue::{Arrival, GatePurpose, Throughput};
use jiff::Timestamp;

use super::{store::Call, torn::Torn};
use crate::model::{Claim, ModelQueue};

/// When a flaw tampers with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

type Tamper = Box<dyn FnMut(Moment, &mut ModelQueue, Timestamp, &mut Call) + Send>;

/// The flaw of a store. The default is none.
pub(crate) struct Flaw {
    pub(super) tamper: Tamper,
    pub(super) torn: Option<Torn>,
    /// Not a flaw: positions count users who left.
    pub(super) over_states: bool,
    /// Not a flaw: closing the store loses all data.
    pub(super) is_volatile: bool,
}

impl Default for Flaw {
    fn default() -> Self {
        Self {
            tamper: Box::new(|_, _, _, _| {}),
            torn: None,
            over_states: false,
            is_volatile: false,
        }
    }
}

impl Flaw {
    /// Applies this before every call.
    pub(crate) fn before(
        mut tamper: impl FnMut(&mut ModelQueue, Timestamp, &mut Call) + Send + 'static,
    ) -> Self {
        Self::around(move |moment, queue, now, call| {
            if moment == Moment::Before {
                tamper(queue, now, call);
            }
        })
    }

    pub(crate) fn around(
        tamper: impl FnMut(Moment, &mut ModelQueue, Timestamp, &mut Call) + Send + 'static,
    ) -> Self {
        Self {
            tamper: Box::new(tamper),
            ..Self::default()
        }
    }

    pub(crate) fn torn(torn: Torn) -> Self {
        Self {
            torn: Some(torn),
            ..Self::default()
        }
    }
}

/// Not a flaw: removes an expired place in any call that finds it, except for ticks, which have a
/// limit to keep.
pub(crate) fn eager_and_volatile() -> Flaw {
    Flaw {
        is_volatile: true,
        ..Flaw::before(|queue, now, call| {
            if matches!(call, Call::Admit(_) | Call::Expire(_)) {
                return;
            }
            for user in queue.expired(now) {
                queue.end_place_of(&user);
            }
        })
    }
}

/// Not a flaw: counts users who left in positions.
pub(crate) fn over_stating() -> Flaw {
    Flaw {
        over_states: true,
        ..Flaw::default()
    }
}

pub(crate) fn lets_served_users_re_enter() -> Flaw {
    Flaw::before(|queue, _, _| {
        if let Some(reentry) = &mut queue.reentry {
            reentry.served_up_to = None;
        }
    })
}

pub(crate) fn forgets_immediate_admissions() -> Flaw {
    Flaw::around(|_, queue, _, _| queue.at_once = None)
}

pub(crate) fn accepts_older_counts() -> Flaw {
    Flaw::before(|queue, _, _| queue.sale.counted_at = Timestamp::MIN)
}

/// Changes the rate during an admission.
fn admits(more: impl Fn(&ModelQueue, Throughput, Timestamp) -> u32 + Send + 'static) -> Flaw {
    let mut kept = None;
    Flaw::around(move |moment, queue, now, call| {
        if !matches!(call, Call::Join(..) | Call::Admit(_)) {
            return;
        }
        match (moment, queue.policy.policy.throughput) {
            (Moment::Before, Some(throughput)) => {
                let admit = more(queue, throughput, now);
                kept = queue.policy.policy.throughput.replace(Throughput {
                    admit,
                    ..throughput
                });
            }
            (Moment::After, Some(_)) => queue.policy.policy.throughput = kept.take(),
            (_, None) => {}
        }
    })
}

pub(crate) fn admits_one_user_too_many() -> Flaw {
    admits(|_, throughput, _| throughput.admit + 1)
}

pub(crate) fn saves_up_admissions_of_idle_windows() -> Flaw {
    admits(|queue, throughput, now| {
        let idle = queue.window.map_or(0, |window| {
            now.duration_since(window.start).as_secs() / throughput.interval.as_secs().cast_signed()
        });
        throughput.admit * u32::try_from(idle.max(1)).unwrap_or(1)
    })
}

pub(crate) fn starts_a_window_after_a_step_back() -> Flaw {
    Flaw::before(|queue, now, _| {
        queue.window = queue.window.filter(|window| window.start <= now);
    })
}

pub(crate) fn starts_windows_when_a_user_comes() -> Flaw {
    Flaw::before(|queue, now, _| {
        queue.window = queue
            .window
            .filter(|window| now < window.start + window.length);
    })
}

pub(crate) fn does_not_count_immediate_admissions() -> Flaw {
    let mut counted = 0;
    Flaw::around(move |moment, queue, _, call| {
        if let (Call::Join(..), Some(window)) = (call, &mut queue.window) {
            match moment {
                Moment::Before => counted = window.admitted,
                Moment::After => window.admitted = counted,
            }
        }
    })
}

pub(crate) fn ignores_the_capacity() -> Flaw {
    Flaw::before(|queue, _, _| queue.policy.policy.capacity = None)
}

pub(crate) fn sends_users_who_join_again_to_the_back() -> Flaw {
    Flaw::before(|queue, _, call| {
        if let Call::Join(user, _) = call {
            queue.waiting.retain(|place| place.user != *user);
        }
    })
}

pub(crate) fn admits_by_name() -> Flaw {
    Flaw::before(|queue, _, call| {
        if matches!(call, Call::Admit(_)) {
            queue
                .waiting
                .sort_by(|one, other| one.user.cmp(&other.user));
        }
    })
}

pub(crate) fn gives_out_earlier_arrivals_after_a_step_back() -> Flaw {
    Flaw::before(|queue, _, _| queue.last_arrival = Arrival::from_micros(1))
}

pub(crate) fn keeps_users_without_heartbeats() -> Flaw {
    Flaw::before(|queue, now, _| {
        for place in &mut queue.waiting {
            place.last_seen = now;
        }
    })
}

pub(crate) fn counts_time_without_service() -> Flaw {
    Flaw::before(|queue, now, _| queue.last_tick = now)
}

pub(crate) fn claims_places_by_look_ups() -> Flaw {
    Flaw::before(|queue, now, call| {
        let until = now + queue.rules().active_ttl;
        if let Call::LookUp(ticket) = call {
            for place in &mut queue.active {
                if place.user == ticket.user {
                    place.claim = place.claim.or(Some(Claim { at: now, until }));
                }
            }
        }
    })
}

pub(crate) fn extends_no_place_for_a_hold() -> Flaw {
    Flaw::before(|_, _, call| {
        if let Call::Gate(_, purpose) = call {
            *purpose = GatePurpose::Browse;
        }
    })
}

pub(crate) fn accepts_any_ticket() -> Flaw {
    Flaw::before(|queue, now, call| {
        if let Call::LookUp(ticket) | Call::Gate(ticket, _) = call
            && let Some(place) = queue.place_of(&ticket.user, now)
        {
            *ticket = place.ticket;
        }
    })
}

pub(crate) fn admits_users_during_a_recovery() -> Flaw {
    Flaw::before(|queue, _, _| {
        if let Some(reentry) = &mut queue.reentry {
            reentry.recovery_ends_at = Timestamp::MIN;
        }
    })
}

pub(crate) fn takes_re_entries_for_ever() -> Flaw {
    Flaw::before(|queue, _, _| {
        if let Some(reentry) = &mut queue.reentry {
            reentry.ends_at = Timestamp::MAX;
        }
    })
}

pub(crate) fn forgets_ended_places() -> Flaw {
    Flaw::before(|queue, _, _| queue.ended.clear())
}
