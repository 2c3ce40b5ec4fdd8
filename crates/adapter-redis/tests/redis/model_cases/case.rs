//! A case: a generated state of a queue, and the call that is made on it.

use std::time::Duration;

use frontrow_domain::model::queue::{
    Capacity, GatePurpose, PolicyState, QueuePolicy, SaleState, Throughput,
};

/// A case. Spans are milliseconds before the instant at which the case is written.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) policy: QueuePolicy,
    /// The time from that instant until the queue opens.
    pub(super) opens_in: Option<i64>,
    /// When the queue was lost, and how long it recovers.
    pub(super) lost: Option<(i64, Duration)>,
    /// The arrival up to which users were served before the loss, in microseconds after the arrival
    /// of the first place.
    pub(super) served: Option<i64>,
    /// The latest arrival that was admitted at once, in the same unit.
    pub(super) at_once: Option<i64>,
    /// The loss of last writes.
    pub(super) writes: LostWrites,
    pub(super) sale: SaleState,
    pub(super) serving_since: i64,
    pub(super) last_tick: i64,
    /// Start, length and count of the admission window.
    pub(super) window: Option<(i64, u64, u32)>,
    /// The places, in the order of arrival. Active places come first.
    pub(super) places: Vec<CasePlace>,
    /// True if the queue has recorded the earliest deadline.
    pub(super) knows_ends: bool,
    pub(super) call: Call,
}

/// A loss of last writes, as the queue knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostWrites {
    /// True if the queue knows no arrival after its places, so that later tickets were lost.
    pub(super) knows_no_later_arrival: bool,
    /// A gap after the places: when the loss was found, and whether the gap is confirmed.
    pub(super) gap: Option<(i64, bool)>,
    /// True if another server kept the queue until now.
    pub(super) moved: bool,
    /// The place that is recorded as ended, of the user of the call.
    pub(super) ended: Option<TicketKind>,
}

/// A place of a case.
#[derive(Debug, Clone, Copy)]
pub(super) enum CasePlace {
    Waiting {
        heartbeat: i64,
        turn: TurnState,
    },
    Unclaimed {
        admitted: i64,
    },
    /// The claim and the deadline.
    Claimed {
        claimed: i64,
        until: i64,
    },
}

/// The state of a waiting place in the order of admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnState {
    NotPassed,
    /// The user stands aside.
    Aside,
    /// The user stood aside, and has sent a heartbeat since.
    Returned,
}

/// The ticket that a call shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TicketKind {
    NoTicket,
    /// The ticket of the user's place.
    Current,
    /// A ticket of an earlier place of the user.
    Former,
    /// A ticket from before a loss of the queue.
    Lost,
    /// A ticket of this generation, later than all places.
    Later,
}

/// A call on the queue. Its number is that of the user's place, or of no place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Join(usize, TicketKind),
    LookUp(usize, TicketKind),
    Gate(usize, GatePurpose),
    Leave(usize, TicketKind),
    Admit(u32),
    Expire(u32),
    Change(Throughput),
    Served,
}

impl Call {
    /// Returns the number of the user of the call. None if it has no user.
    pub(super) fn user_number(self) -> Option<usize> {
        match self {
            Self::Join(user_number, _)
            | Self::LookUp(user_number, _)
            | Self::Gate(user_number, _)
            | Self::Leave(user_number, _) => Some(user_number),
            Self::Admit(_) | Self::Expire(_) | Self::Change(_) | Self::Served => None,
        }
    }
}

/// A generator of numbers, the same ones in every run.
struct Random(u64);

impl Random {
    /// Returns a number below `end`.
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

impl Case {
    /// Returns the case of this number.
    pub(super) fn generate(number: u64) -> Self {
        let mut random = Random(number);
        let places = places(&mut random);
        let call = call(&mut random, places.len());
        Self {
            policy: policy(&mut random),
            opens_in: random
                .chance(15)
                .then(|| random.one_of(&[-MINUTE, -1, MINUTE])),
            lost: random.chance(40).then(|| {
                let ago = random.one_of(&[0, 30 * SECOND, 2 * MINUTE, 20 * MINUTE]);
                (ago, Duration::from_secs(random.one_of(&[0, 60])))
            }),
            // Lost tickets are 2 ms before their users' places.
            served: random
                .chance(60)
                .then(|| random.one_of(&[-3_000, -2_000, -1_998, 10])),
            at_once: random.chance(40).then(|| random.one_of(&[-1, 2, 500])),
            writes: lost_writes(&mut random),
            sale: if random.chance(20) {
                random.one_of(&SaleState::ALL)
            } else {
                SaleState::OnSale
            },
            // Service had no outage, had one lately, or the clock has stepped back since.
            serving_since: random.one_of(&[
                60 * MINUTE,
                60 * MINUTE,
                60 * MINUTE,
                MINUTE,
                10 * SECOND,
                -5 * SECOND,
            ]),
            last_tick: random.one_of(&[
                0,
                500,
                900,
                1_500,
                4 * SECOND,
                6 * SECOND,
                MINUTE,
                -SECOND,
            ]),
            window: random.chance(75).then(|| {
                (
                    random.one_of(&[0, SECOND, 9 * SECOND, 11 * SECOND, 95 * SECOND, -SECOND]),
                    random.one_of(&[10_000, 10_000, 3_000, 100_000]),
                    u32::try_from(random.below(6)).unwrap(),
                )
            }),
            places,
            knows_ends: random.chance(50),
            call,
        }
    }
}

fn lost_writes(random: &mut Random) -> LostWrites {
    LostWrites {
        knows_no_later_arrival: random.chance(30),
        gap: random.chance(40).then(|| {
            let found = random.one_of(&[0, 80 * SECOND, 100 * SECOND, 20 * MINUTE]);
            (found, random.chance(50))
        }),
        moved: random.chance(20),
        ended: random
            .chance(30)
            .then(|| random.one_of(&[TicketKind::Former, TicketKind::Current, TicketKind::Later])),
    }
}

fn throughput(random: &mut Random) -> Throughput {
    Throughput {
        admit: random.one_of(&[1, 3, 5, 100]),
        interval: Duration::from_secs(random.one_of(&[3, 10, 10, 100])),
    }
}

fn policy(random: &mut Random) -> QueuePolicy {
    use PolicyState::{Bypass, Closed, Open, Paused};
    let throughput = random.chance(75).then(|| throughput(random));
    let capacity = (throughput.is_none() || random.chance(40)).then(|| Capacity {
        max_active: random.one_of(&[1, 2, 3, 6]),
    });
    QueuePolicy {
        state: random.one_of(&[Open, Open, Open, Open, Open, Paused, Bypass, Closed]),
        opens_at: None,
        throughput,
        capacity,
        waiting_ttl: Duration::from_secs(random.one_of(&[300, 90])),
        claim_ttl: Duration::from_secs(random.one_of(&[120, 60])),
        active_ttl: Duration::from_secs(random.one_of(&[600, 60])),
        max_waiting: random.chance(30).then(|| random.one_of(&[0, 1, 3, 8])),
        absent_after: random
            .chance(50)
            .then(|| Duration::from_secs(random.one_of(&[19, 45, 90]))),
    }
}

fn places(random: &mut Random) -> Vec<CasePlace> {
    let mut places = Vec::new();
    for _ in 0..random.below(5) {
        places.push(if random.chance(50) {
            let admitted = random.one_of(&[0, 30, 59, 61, 119, 121, 400]) * SECOND;
            CasePlace::Unclaimed { admitted }
        } else {
            CasePlace::Claimed {
                claimed: random.one_of(&[30, 300, 900]) * SECOND,
                until: random.one_of(&[-200, -30, -1, 1, 100]) * SECOND,
            }
        });
    }
    let (most, all_over) = (random.one_of(&[0, 0, 3, 12]), random.chance(15));
    let waiting = random.below(most + 1);
    let passed = if random.chance(50) {
        random.below(waiting + 1)
    } else {
        0
    };
    for number in 0..waiting {
        let ago = if all_over {
            400
        } else {
            random.one_of(&[0, 20, 89, 91, 200, 299, 301, 900])
        };
        places.push(CasePlace::Waiting {
            // The heartbeats differ, so that the order in which the places expire is certain.
            heartbeat: ago * SECOND + i64::try_from(number).unwrap(),
            turn: if number >= passed {
                TurnState::NotPassed
            } else {
                random.one_of(&[TurnState::Aside, TurnState::Aside, TurnState::Returned])
            },
        });
    }
    places
}

fn call(random: &mut Random, places: usize) -> Call {
    use TicketKind::{Current, Former, Later, Lost, NoTicket};
    // Two of the numbers belong to users without a place.
    let user_number = random.below(places + 2);
    match random.below(22) {
        0..7 => Call::Join(
            user_number,
            random.one_of(&[NoTicket, NoTicket, Current, Former, Lost, Later]),
        ),
        7..9 => Call::LookUp(
            user_number,
            random.one_of(&[Current, Current, Former, Lost, Later]),
        ),
        9..12 => {
            let hold_for = Duration::from_secs(random.one_of(&[1, 60, 300, 1_200]));
            let hold = GatePurpose::Hold { hold_for };
            Call::Gate(
                user_number,
                random.one_of(&[hold, hold, GatePurpose::Browse, GatePurpose::Pay]),
            )
        }
        12..14 => Call::Leave(
            user_number,
            random.one_of(&[Current, Current, Former, Lost, Later]),
        ),
        14..17 => Call::Admit(random.one_of(&[1, 2, 5, 100])),
        17..19 => Call::Expire(random.one_of(&[0, 1, 3, 100])),
        19..20 => Call::Change(throughput(random)),
        _ => Call::Served,
    }
}
