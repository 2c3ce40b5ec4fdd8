//! The expected results of a case, computed by the functions of the domain.

mod requests;
mod ticks;

use std::{collections::BTreeSet, time::Duration};

use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{
        Admission, AdmissionWindow, Arrival, Deadlines, EffectiveState, Gap, Gaps, Generation,
        Place, PlaceEnd, PolicyVersion, QueueTerms, Recovery, ReentryPeriod, SaleCount, Served,
        ServerId, Servers, Standing, Ticket, VersionedPolicy,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::case::{Ask, Case, Held, Passed, Shown};

pub(super) const GENERATION: Generation = Generation(7);

/// A queue as a case has it, at the instant at which it is asked.
pub(super) struct Expected<'a> {
    case: &'a Case,
    /// When the case was written.
    written: Timestamp,
    pub(super) now: Timestamp,
    concert: ConcertId,
    pub(super) terms: QueueTerms,
    pub(super) admission: Admission,
    /// The places that there are, by their numbers.
    pub(super) places: Vec<usize>,
    /// Those of them whose users stand aside, and those whose users stood aside and have returned.
    pub(super) aside: BTreeSet<usize>,
    pub(super) returned: BTreeSet<usize>,
    /// How many users were admitted from the line, or removed from it.
    admitted: u64,
    departed: u64,
}

/// So many milliseconds before `instant`.
pub(super) fn before(instant: Timestamp, millis: i64) -> Timestamp {
    instant - SignedDuration::from_millis(millis)
}

/// When the user of this number arrived; those of later numbers later.
pub(super) fn arrival(written: Timestamp, number: usize) -> Arrival {
    let number = i64::try_from(number).unwrap();
    Arrival::from_micros(before(written, 3_600_000).as_microsecond() + number)
}

/// The arrival of a ticket that the user of this number may show.
pub(super) fn arrival_of(shown: Shown, written: Timestamp, number: usize) -> Arrival {
    let arrival = arrival(written, number).micros();
    Arrival::from_micros(match shown {
        Shown::Nothing | Shown::Good => arrival,
        Shown::Stale => arrival - 1_000,
        Shown::Lost => arrival - 2_000,
        Shown::Later => arrival + 500_000,
    })
}

/// How the queue of a case recovers, if it was lost.
pub(super) fn recovery(case: &Case, written: Timestamp) -> Option<Recovery> {
    case.lost.map(|(_, lasts)| Recovery {
        served_up_to: case.served.map(|micros| after_first(written, micros)),
        ..Recovery::lasting(lasts)
    })
}

/// The arrival this number of microseconds after that of the first place.
pub(super) fn after_first(written: Timestamp, micros: i64) -> Arrival {
    Arrival::from_micros(arrival(written, 0).micros() + micros)
}

/// The latest arrival that the queue of a case knows.
pub(super) fn last_arrival(case: &Case, written: Timestamp, lost_at: Option<Timestamp>) -> Arrival {
    if case.writes.knows_no_later_arrival {
        last_known(written)
    } else {
        Arrival::before(lost_at.unwrap_or(written))
    }
}

/// An arrival after those of all places.
fn last_known(written: Timestamp) -> Arrival {
    Arrival::from_micros(arrival(written, 0).micros() + 100_000)
}

/// The gap of a case, which has the tickets that are later than all places.
pub(super) fn gap(case: &Case, written: Timestamp) -> Option<Gap> {
    case.writes.gap.map(|(found, confirmed)| Gap {
        after: last_known(written),
        until: Arrival::from_micros(last_known(written).micros() + 1_000_000),
        found_at: before(written, found),
        confirmed,
    })
}

/// The server that answers, or the one before.
fn server(before: bool) -> Option<ServerId> {
    ServerId::named(if before { "before" } else { "now" })
}

impl<'a> Expected<'a> {
    pub(super) fn new(
        case: &'a Case,
        concert: ConcertId,
        written: Timestamp,
        now: Timestamp,
        lost_at: Option<Timestamp>,
    ) -> Self {
        let mut policy = case.policy.clone();
        policy.opens_at = case.opens_in.map(|millis| before(written, -millis));
        let reentry = recovery(case, written).zip(lost_at);
        let reentry = reentry
            .map(|(recovery, lost_at)| ReentryPeriod::begin(lost_at, recovery, policy.waiting_ttl));
        let with = |wanted| {
            let places = case.places.iter().enumerate();
            places
                .filter(
                    |(_, held)| matches!(held, Held::Waiting { passed, .. } if *passed == wanted),
                )
                .map(|(number, _)| number)
                .collect()
        };
        let mut expected = Self {
            terms: QueueTerms {
                generation: GENERATION,
                policy: VersionedPolicy {
                    policy,
                    version: PolicyVersion(1),
                },
                sale: SaleCount {
                    sale: case.sale,
                    ..SaleCount::default()
                },
                serving_since: before(written, case.serving_since),
                last_tick: before(written, case.last_tick),
                reentry,
                last_arrival: last_arrival(case, written, lost_at),
                servers: Servers::first(server(case.writes.moved).as_ref(), written),
                gaps: Gaps::kept(gap(case, written).into_iter().collect()),
            },
            admission: Admission {
                window: case
                    .window
                    .map(|(start, millis, admitted)| AdmissionWindow {
                        start: before(written, start),
                        interval: Duration::from_millis(millis),
                        admitted,
                    }),
            },
            places: (0..case.places.len()).collect(),
            aside: with(Passed::Aside),
            returned: with(Passed::Returned),
            admitted: 0,
            departed: 0,
            case,
            written,
            now,
            concert,
        };
        if !matches!(case.ask, Ask::Change(_) | Ask::Served) {
            // Ticks of a queue without places look for no silence.
            let ticks = matches!(case.ask, Ask::Admit(_) | Ask::Expire(_));
            let recorded = expected.terms.last_tick;
            if ticks && case.places.is_empty() {
                expected.terms.last_tick = now;
            }
            expected.terms.find_losses(server(false).as_ref(), now);
            expected.terms.last_tick = recorded;
        }
        expected
    }

    /// True where a ticket brings back the place of a user who has none, or whose place of this
    /// number is removed because it is past its end.
    fn reenters(&self, ticket: &Ticket, removed: Option<usize>) -> bool {
        let ended = self.case.writes.ended.zip(self.case.ask.who());
        let ended = ended.map(|(ended, who)| arrival_of(ended, self.written, who));
        let removed = removed.filter(|_| self.terms.accepts_reentry(self.now));
        let removed = removed.map(|number| arrival(self.written, number));
        self.terms.reenters(ticket, removed.or(ended), self.now)
    }

    pub(super) fn served(&self) -> (&'static str, Option<Served>) {
        let passed = self.aside.iter().chain(&self.returned).max();
        let passed = passed.map(|number| arrival(self.written, *number));
        let at_once = self.case.at_once;
        let at_once = at_once.map(|micros| after_first(self.written, micros));
        let waits = self.places.iter().find(|number| self.waits(**number));
        let waits = waits.map(|number| arrival(self.written, *number));
        let served = self.terms.served(passed.max(at_once), waits, self.now);
        let after_loss = self
            .terms
            .reentry
            .filter(|period| self.now < period.open_until);
        let kind = match (served, after_loss) {
            (_, Some(_)) => "all may re-enter",
            (None, None) => "none was served",
            (Some(_), None) => "some were served",
        };
        (kind, served)
    }

    fn deadlines(&self) -> Deadlines<'_> {
        self.terms.deadlines(self.now)
    }

    fn end(&self, number: usize) -> PlaceEnd {
        match self.case.places[number] {
            Held::Waiting { heartbeat, .. } => PlaceEnd::Waiting {
                heartbeat: before(self.written, heartbeat),
            },
            Held::Unclaimed { admitted } => PlaceEnd::Unclaimed {
                admitted_at: before(self.written, admitted),
            },
            Held::Claimed { until, .. } => PlaceEnd::Claimed {
                until: before(self.written, until),
            },
        }
    }

    fn is_over(&self, number: usize) -> bool {
        self.end(number).is_over(&self.deadlines(), self.now)
    }

    fn waits(&self, number: usize) -> bool {
        matches!(self.case.places[number], Held::Waiting { .. })
    }

    /// Removes active places past their end where a capacity counts. True where there were any.
    fn make_room(&mut self) -> bool {
        let counts = self.terms.policy().capacity.is_some()
            && self.terms.state(self.now) == EffectiveState::Open;
        let over = |number: &usize| counts && !self.waits(*number) && self.is_over(*number);
        let kept: Vec<_> = self.places.iter().copied().filter(|n| !over(n)).collect();
        let removed = kept.len() < self.places.len();
        self.places = kept;
        removed
    }

    /// How many wait and how many are active, without places past their end.
    fn counts(&self) -> (u64, u64) {
        let live = self
            .places
            .iter()
            .copied()
            .filter(|number| !self.is_over(*number));
        let (waiting, active): (Vec<usize>, Vec<usize>) =
            live.partition(|number| self.waits(*number));
        (waiting.len() as u64, active.len() as u64)
    }

    /// Whether any user waits for their turn.
    fn has_line(&self) -> bool {
        let in_line = |number: &&usize| self.waits(**number) && !self.aside.contains(number);
        let mut line = self.places.iter().filter(in_line);
        line.any(|number| !self.is_over(*number))
    }

    /// A user who stood aside sends a heartbeat.
    fn return_to_line(&mut self, number: usize) {
        if self.aside.remove(&number) {
            self.returned.insert(number);
        }
    }

    /// Keeps those of the places that are `kept`.
    fn keep(&mut self, kept: impl Fn(usize) -> bool) {
        self.places.retain(|number| kept(*number));
        self.aside.retain(|number| kept(*number));
        self.returned.retain(|number| kept(*number));
    }

    /// Whether there is an entry, past its end or not; and whether it is a place.
    fn has(&self, number: usize) -> (bool, bool) {
        let entry = self.places.contains(&number);
        (entry, entry && !self.is_over(number))
    }

    pub(super) fn ticket(&self, user: &UserId, number: usize, shown: Shown) -> Option<Ticket> {
        let generation = match shown {
            Shown::Nothing => return None,
            Shown::Good | Shown::Stale | Shown::Later => GENERATION,
            Shown::Lost => Generation(6),
        };
        Some(Ticket {
            concert: self.concert,
            user: user.clone(),
            arrival: arrival_of(shown, self.written, number),
            generation,
        })
    }

    fn place(&self, user: &UserId, arrival: Arrival, standing: Standing) -> Place {
        Place {
            ticket: Ticket {
                concert: self.concert,
                user: user.clone(),
                arrival,
                generation: GENERATION,
            },
            standing,
            queue: self.terms.view(self.now),
        }
    }

    /// The standing of a user who arrived at `arrival` and waits.
    fn in_line(&self, arrival: Arrival) -> Standing {
        let line = self.places.iter().filter(|number| self.waits(**number));
        let (mut ahead, mut behind) = (0, 0);
        for other in line.map(|number| self::arrival(self.written, *number)) {
            ahead += u64::from(other < arrival);
            behind += u64::from(other > arrival);
        }
        Standing::Waiting {
            position: ahead + 1,
            behind,
            admitted: self.admitted,
        }
    }

    fn place_of(&self, user: &UserId, number: usize) -> Place {
        let arrival = arrival(self.written, number);
        let until = self.end(number).at(&self.deadlines());
        let standing = match self.case.places[number] {
            Held::Waiting { .. } => self.in_line(arrival),
            Held::Unclaimed { admitted } => Standing::Active {
                admitted_at: before(self.written, admitted),
                until,
                claimed: false,
            },
            Held::Claimed { claimed, .. } => Standing::Active {
                admitted_at: before(self.written, claimed),
                until,
                claimed: true,
            },
        };
        self.place(user, arrival, standing)
    }

    /// A place is made: in a queue without one, service counts from it.
    fn note_first_place(&mut self) {
        if self.places.is_empty() && self.terms.tick_is_due(self.now) {
            self.record_service();
        }
    }

    fn record_service(&mut self) {
        self.terms.tick(self.now);
    }
}
