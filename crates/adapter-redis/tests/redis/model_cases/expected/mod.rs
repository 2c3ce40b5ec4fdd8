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

use super::case::{Call, Case, CasePlace, TicketKind, TurnState};

pub(super) const GENERATION: Generation = Generation(7);

/// The queue of a case, at the instant of its call.
pub(super) struct Expected<'a> {
    case: &'a Case,
    /// When the case was written.
    written: Timestamp,
    pub(super) now: Timestamp,
    concert: ConcertId,
    pub(super) terms: QueueTerms,
    pub(super) admission: Admission,
    /// The numbers of the places.
    pub(super) places: Vec<usize>,
    /// The places whose users stand aside.
    pub(super) aside: BTreeSet<usize>,
    /// The places whose users stood aside and have returned.
    pub(super) returned: BTreeSet<usize>,
    /// The number of users who were admitted from the line.
    admitted: u64,
    /// The number of users who were removed from the line, admitted ones included.
    departed: u64,
}

/// Returns the instant `millis` milliseconds before `instant`.
pub(super) fn before(instant: Timestamp, millis: i64) -> Timestamp {
    instant - SignedDuration::from_millis(millis)
}

/// Returns the arrival of the user of this number. A larger number arrives later.
pub(super) fn arrival(written: Timestamp, number: usize) -> Arrival {
    let number = i64::try_from(number).unwrap();
    Arrival::from_micros(before(written, 3_600_000).as_microsecond() + number)
}

/// Returns the arrival of the ticket of this kind of the user of this number.
pub(super) fn arrival_of(kind: TicketKind, written: Timestamp, number: usize) -> Arrival {
    let arrival = arrival(written, number).micros();
    Arrival::from_micros(match kind {
        TicketKind::NoTicket | TicketKind::Current => arrival,
        TicketKind::Former => arrival - 1_000,
        TicketKind::Lost => arrival - 2_000,
        TicketKind::Later => arrival + 500_000,
    })
}

/// Returns the recovery of the queue of a case. None if the queue was not lost.
pub(super) fn recovery(case: &Case, written: Timestamp) -> Option<Recovery> {
    case.lost.map(|(_, lasts)| Recovery {
        served_up_to: case.served.map(|micros| after_first(written, micros)),
        ..Recovery::lasting(lasts)
    })
}

/// Returns the arrival this number of microseconds after that of the first place.
pub(super) fn after_first(written: Timestamp, micros: i64) -> Arrival {
    Arrival::from_micros(arrival(written, 0).micros() + micros)
}

/// Returns the latest arrival that the queue of a case knows.
pub(super) fn last_arrival(case: &Case, written: Timestamp, lost_at: Option<Timestamp>) -> Arrival {
    if case.writes.knows_no_later_arrival {
        last_known(written)
    } else {
        Arrival::before(lost_at.unwrap_or(written))
    }
}

/// Returns an arrival after those of all places.
fn last_known(written: Timestamp) -> Arrival {
    Arrival::from_micros(arrival(written, 0).micros() + 100_000)
}

/// Returns the gap of a case, in which tickets later than all places are.
pub(super) fn gap(case: &Case, written: Timestamp) -> Option<Gap> {
    case.writes.gap.map(|(found, confirmed)| Gap {
        after: last_known(written),
        until: Arrival::from_micros(last_known(written).micros() + 1_000_000),
        found_at: before(written, found),
        confirmed,
    })
}

/// Returns the server that answers, or the one before it.
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
        let in_turn_state = |turn_state: TurnState| {
            let is_in_it = |place: &CasePlace| match place {
                CasePlace::Waiting { turn, .. } => *turn == turn_state,
                CasePlace::Unclaimed { .. } | CasePlace::Claimed { .. } => false,
            };
            let places = case.places.iter().enumerate();
            places
                .filter(|(_, place)| is_in_it(place))
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
            aside: in_turn_state(TurnState::Aside),
            returned: in_turn_state(TurnState::Returned),
            admitted: 0,
            departed: 0,
            case,
            written,
            now,
            concert,
        };
        if !matches!(case.call, Call::Change(_) | Call::Served) {
            // A tick of a queue without places does not end a silence.
            let is_tick = matches!(case.call, Call::Admit(_) | Call::Expire(_));
            let recorded = expected.terms.last_tick;
            if is_tick && case.places.is_empty() {
                expected.terms.last_tick = now;
            }
            expected.terms.find_losses(server(false).as_ref(), now);
            expected.terms.last_tick = recorded;
        }
        expected
    }

    /// Returns true if a ticket re-enters for a user without a place, or for a user whose expired
    /// place `removed` is removed.
    fn reenters(&self, ticket: &Ticket, removed: Option<usize>) -> bool {
        let ended = self.case.writes.ended.zip(self.case.call.user_number());
        let ended = ended.map(|(kind, number)| arrival_of(kind, self.written, number));
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
            (None, None) => "no user was served",
            (Some(_), None) => "some users were served",
        };
        (kind, served)
    }

    fn deadlines(&self) -> Deadlines<'_> {
        self.terms.deadlines(self.now)
    }

    fn end(&self, number: usize) -> PlaceEnd {
        match self.case.places[number] {
            CasePlace::Waiting { heartbeat, .. } => PlaceEnd::Waiting {
                heartbeat: before(self.written, heartbeat),
            },
            CasePlace::Unclaimed { admitted } => PlaceEnd::Unclaimed {
                admitted_at: before(self.written, admitted),
            },
            CasePlace::Claimed { until, .. } => PlaceEnd::Claimed {
                until: before(self.written, until),
            },
        }
    }

    fn is_over(&self, number: usize) -> bool {
        self.end(number).is_over(&self.deadlines(), self.now)
    }

    fn waits(&self, number: usize) -> bool {
        matches!(self.case.places[number], CasePlace::Waiting { .. })
    }

    /// Removes expired active places if the state is open with a capacity. Returns true if there
    /// were any.
    fn make_room(&mut self) -> bool {
        let counts = self.terms.policy().capacity.is_some()
            && self.terms.state(self.now) == EffectiveState::Open;
        let expired = |number: &usize| counts && !self.waits(*number) && self.is_over(*number);
        let kept: Vec<_> = self
            .places
            .iter()
            .copied()
            .filter(|n| !expired(n))
            .collect();
        let removed = kept.len() < self.places.len();
        self.places = kept;
        removed
    }

    /// Returns the numbers of waiting and of active users, without expired places.
    fn counts(&self) -> (u64, u64) {
        let unexpired = self
            .places
            .iter()
            .copied()
            .filter(|number| !self.is_over(*number));
        let (waiting, active): (Vec<usize>, Vec<usize>) =
            unexpired.partition(|number| self.waits(*number));
        (waiting.len() as u64, active.len() as u64)
    }

    /// Returns true if any user waits for their turn.
    fn has_line(&self) -> bool {
        let in_line = |number: &&usize| self.waits(**number) && !self.aside.contains(number);
        let mut line = self.places.iter().filter(in_line);
        line.any(|number| !self.is_over(*number))
    }

    /// Records a heartbeat of a user, who may have stood aside.
    fn return_to_line(&mut self, number: usize) {
        if self.aside.remove(&number) {
            self.returned.insert(number);
        }
    }

    /// Keeps only the places for which `kept` is true.
    fn keep(&mut self, kept: impl Fn(usize) -> bool) {
        self.places.retain(|number| kept(*number));
        self.aside.retain(|number| kept(*number));
        self.returned.retain(|number| kept(*number));
    }

    /// Returns whether the user has a place, expired or not, and whether it has not expired.
    fn has(&self, number: usize) -> (bool, bool) {
        let entry = self.places.contains(&number);
        (entry, entry && !self.is_over(number))
    }

    pub(super) fn ticket(&self, user: &UserId, number: usize, kind: TicketKind) -> Option<Ticket> {
        let generation = match kind {
            TicketKind::NoTicket => return None,
            TicketKind::Current | TicketKind::Former | TicketKind::Later => GENERATION,
            TicketKind::Lost => Generation(6),
        };
        Some(Ticket {
            concert: self.concert,
            user: user.clone(),
            arrival: arrival_of(kind, self.written, number),
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

    /// Returns the standing of a user who arrived at `arrival` and waits.
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
            CasePlace::Waiting { .. } => self.in_line(arrival),
            CasePlace::Unclaimed { admitted } => Standing::Active {
                admitted_at: before(self.written, admitted),
                until,
                claimed: false,
            },
            CasePlace::Claimed { claimed, .. } => Standing::Active {
                admitted_at: before(self.written, claimed),
                until,
                claimed: true,
            },
        };
        self.place(user, arrival, standing)
    }

    /// Records the first place of a queue, with which its service begins.
    fn note_first_place(&mut self) {
        if self.places.is_empty() && self.terms.tick_is_due(self.now) {
            self.record_service();
        }
    }

    fn record_service(&mut self) {
        self.terms.tick(self.now);
    }
}
