//! A case: a generated state of a queue, and the requests that are sent to it.

use std::time::Duration;

use frontrow_domain::model::queue::{
    Capacity, GatePurpose, PolicyState, QueuePolicy, SaleState, Throughput,
};

/// A case. Spans are milliseconds before the instant at which it is written.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) policy: QueuePolicy,
    /// When the queue opens, from then on.
    pub(super) opens_in: Option<i64>,
    /// When the queue was lost, and for how long it recovers.
    pub(super) lost: Option<(i64, Duration)>,
    /// Up to which arrival users were served before that, and the latest that was admitted at once:
    /// in microseconds after the first place's.
    pub(super) served: Option<i64>,
    pub(super) at_once: Option<i64>,
    /// What the store has lost of its last writes.
    pub(super) writes: LostWrites,
    pub(super) sale: SaleState,
    pub(super) serving_since: i64,
    pub(super) last_tick: i64,
    /// Start, length and count.
    pub(super) window: Option<(i64, u64, u32)>,
    /// The places, in the order of arrival. Those who were admitted come first.
    pub(super) places: Vec<Held>,
    /// Whether the queue knows before which instant no place ends.
    pub(super) knows_ends: bool,
    pub(super) ask: Ask,
}

/// What a queue knows of last writes that were lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostWrites {
    /// True where the last arrival is that of the places, so that later tickets were lost.
    pub(super) knows_no_later_arrival: bool,
    /// A gap after the places: when it was found, and whether it is confirmed.
    pub(super) gap: Option<(i64, bool)>,
    /// True where another server kept the queue until now.
    pub(super) moved: bool,
    /// Which place is remembered to have ended, of the user who is asked about.
    pub(super) ended: Option<Shown>,
}

/// A place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held {
    Waiting {
        heartbeat: i64,
        passed: Passed,
    },
    Unclaimed {
        admitted: i64,
    },
    /// When it was claimed, and how long before now it ends.
    Claimed {
        claimed: i64,
        until: i64,
    },
}

/// Whether admission has passed a waiting place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    No,
    /// The user stands aside.
    Aside,
    /// The user stood aside, and has sent a heartbeat since.
    Returned,
}

/// The ticket that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    /// That of the user's place.
    Good,
    /// One of a place that the user had before.
    Stale,
    /// One of before a loss.
    Lost,
    /// One of this generation, later than all places.
    Later,
}

/// What is asked, about the user of the place of this number, or about a user without a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    Join(usize, Shown),
    LookUp(usize, Shown),
    Gate(usize, GatePurpose),
    Leave(usize, Shown),
    Admit(u32),
    Expire(u32),
    Change(Throughput),
    Served,
}

impl Ask {
    /// The number of the user who is asked about.
    pub(super) fn who(self) -> Option<usize> {
        match self {
            Self::Join(who, _)
            | Self::LookUp(who, _)
            | Self::Gate(who, _)
            | Self::Leave(who, _) => Some(who),
            Self::Admit(_) | Self::Expire(_) | Self::Change(_) | Self::Served => None,
        }
    }
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
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
    /// The case of this number.
    pub(super) fn generate(number: u64) -> Self {
        let mut any = Numbers(number);
        let places = places(&mut any);
        let ask = ask(&mut any, places.len());
        Self {
            policy: policy(&mut any),
            opens_in: any.chance(15).then(|| any.one_of(&[-MINUTE, -1, MINUTE])),
            lost: any.chance(40).then(|| {
                let ago = any.one_of(&[0, 30 * SECOND, 2 * MINUTE, 20 * MINUTE]);
                (ago, Duration::from_secs(any.one_of(&[0, 60])))
            }),
            // Lost tickets are 2 ms before their users' places.
            served: any
                .chance(60)
                .then(|| any.one_of(&[-3_000, -2_000, -1_998, 10])),
            at_once: any.chance(40).then(|| any.one_of(&[-1, 2, 500])),
            writes: lost_writes(&mut any),
            sale: if any.chance(20) {
                any.one_of(&SaleState::ALL)
            } else {
                SaleState::OnSale
            },
            // Service was never broken, was broken lately, or the clock has stepped back since.
            serving_since: any.one_of(&[
                60 * MINUTE,
                60 * MINUTE,
                60 * MINUTE,
                MINUTE,
                10 * SECOND,
                -5 * SECOND,
            ]),
            last_tick: any.one_of(&[0, 500, 900, 1_500, 4 * SECOND, 6 * SECOND, MINUTE, -SECOND]),
            window: any.chance(75).then(|| {
                (
                    any.one_of(&[0, SECOND, 9 * SECOND, 11 * SECOND, 95 * SECOND, -SECOND]),
                    any.one_of(&[10_000, 10_000, 3_000, 100_000]),
                    u32::try_from(any.below(6)).unwrap(),
                )
            }),
            places,
            knows_ends: any.chance(50),
            ask,
        }
    }
}

fn lost_writes(any: &mut Numbers) -> LostWrites {
    LostWrites {
        knows_no_later_arrival: any.chance(30),
        gap: any.chance(40).then(|| {
            let found = any.one_of(&[0, 80 * SECOND, 100 * SECOND, 20 * MINUTE]);
            (found, any.chance(50))
        }),
        moved: any.chance(20),
        ended: any
            .chance(30)
            .then(|| any.one_of(&[Shown::Stale, Shown::Good, Shown::Later])),
    }
}

fn throughput(any: &mut Numbers) -> Throughput {
    Throughput {
        admit: any.one_of(&[1, 3, 5, 100]),
        interval: Duration::from_secs(any.one_of(&[3, 10, 10, 100])),
    }
}

fn policy(any: &mut Numbers) -> QueuePolicy {
    use PolicyState::{Bypass, Closed, Open, Paused};
    let throughput = any.chance(75).then(|| throughput(any));
    let capacity = (throughput.is_none() || any.chance(40)).then(|| Capacity {
        max_active: any.one_of(&[1, 2, 3, 6]),
    });
    QueuePolicy {
        state: any.one_of(&[Open, Open, Open, Open, Open, Paused, Bypass, Closed]),
        opens_at: None,
        throughput,
        capacity,
        waiting_ttl: Duration::from_secs(any.one_of(&[300, 90])),
        claim_ttl: Duration::from_secs(any.one_of(&[120, 60])),
        active_ttl: Duration::from_secs(any.one_of(&[600, 60])),
        max_waiting: any.chance(30).then(|| any.one_of(&[0, 1, 3, 8])),
        absent_after: any
            .chance(50)
            .then(|| Duration::from_secs(any.one_of(&[19, 45, 90]))),
    }
}

fn places(any: &mut Numbers) -> Vec<Held> {
    let mut places = Vec::new();
    for _ in 0..any.below(5) {
        places.push(if any.chance(50) {
            let admitted = any.one_of(&[0, 30, 59, 61, 119, 121, 400]) * SECOND;
            Held::Unclaimed { admitted }
        } else {
            Held::Claimed {
                claimed: any.one_of(&[30, 300, 900]) * SECOND,
                until: any.one_of(&[-200, -30, -1, 1, 100]) * SECOND,
            }
        });
    }
    let (most, all_over) = (any.one_of(&[0, 0, 3, 12]), any.chance(15));
    let waiting = any.below(most + 1);
    let passed = if any.chance(50) {
        any.below(waiting + 1)
    } else {
        0
    };
    for number in 0..waiting {
        let ago = if all_over {
            400
        } else {
            any.one_of(&[0, 20, 89, 91, 200, 299, 301, 900])
        };
        places.push(Held::Waiting {
            // No two are silent for equally long, so that it is clear who was for longest.
            heartbeat: ago * SECOND + i64::try_from(number).unwrap(),
            passed: if number >= passed {
                Passed::No
            } else {
                any.one_of(&[Passed::Aside, Passed::Aside, Passed::Returned])
            },
        });
    }
    places
}

fn ask(any: &mut Numbers, places: usize) -> Ask {
    use Shown::{Good, Later, Lost, Nothing, Stale};
    // Some have no place.
    let who = any.below(places + 2);
    match any.below(22) {
        0..7 => Ask::Join(
            who,
            any.one_of(&[Nothing, Nothing, Good, Stale, Lost, Later]),
        ),
        7..9 => Ask::LookUp(who, any.one_of(&[Good, Good, Stale, Lost, Later])),
        9..12 => {
            let hold_for = Duration::from_secs(any.one_of(&[1, 60, 300, 1_200]));
            let hold = GatePurpose::Hold { hold_for };
            Ask::Gate(
                who,
                any.one_of(&[hold, hold, GatePurpose::Browse, GatePurpose::Pay]),
            )
        }
        12..14 => Ask::Leave(who, any.one_of(&[Good, Good, Stale, Lost, Later])),
        14..17 => Ask::Admit(any.one_of(&[1, 2, 5, 100])),
        17..19 => Ask::Expire(any.one_of(&[0, 1, 3, 100])),
        19..20 => Ask::Change(throughput(any)),
        _ => Ask::Served,
    }
}
