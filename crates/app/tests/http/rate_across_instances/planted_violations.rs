//! Tests that the check finds every violation in a history.

use std::collections::BTreeSet;

use super::{
    history::{History, Seen, Source},
    violations::{Limits, Throughput, Violation, violations},
};

const WINDOW_US: i64 = 1_000;
const LIMITS: Limits = Limits {
    throughput: Some(Throughput {
        admit: 3,
        interval_us: WINDOW_US,
    }),
    max_active: Some(5),
};
const USERS: i64 = 12;
/// The admission of the first user.
const OPENED: i64 = 10_000;

/// Twelve users who arrived one after the other and were admitted by threes. Each left before the
/// three after the next three were admitted.
struct Planted {
    looks: Vec<Seen>,
    moved: usize,
    window_starts: BTreeSet<i64>,
}

fn user(number: i64) -> String {
    format!("user-{number:02}")
}

impl Planted {
    fn faultless() -> Self {
        let looks = (0..USERS).flat_map(|number| {
            let admitted_at = OPENED + number / 3 * WINDOW_US;
            let seen = |as_of, admitted_at| Seen {
                by: Source::Answer,
                user: user(number),
                arrival: number,
                admitted_at,
                as_of,
            };
            [
                seen(OPENED - 1, None),
                seen(admitted_at + WINDOW_US / 2, Some(admitted_at)),
            ]
        });
        Self {
            looks: looks.collect(),
            moved: 12,
            window_starts: [OPENED, OPENED + 3 * WINDOW_US].into(),
        }
    }

    /// The observations of an active place of that user.
    fn active(&mut self, number: i64) -> impl Iterator<Item = &mut Seen> {
        let looks = self.looks.iter_mut();
        looks.filter(move |seen| seen.user == user(number) && seen.admitted_at.is_some())
    }

    fn admit_at(&mut self, number: i64, at: i64) {
        for seen in self.active(number) {
            *seen = Seen {
                admitted_at: Some(at),
                as_of: at,
                ..seen.clone()
            };
        }
    }

    fn found(self) -> Vec<Violation> {
        let mut history = History {
            moved: self.moved,
            window_starts: self.window_starts,
            ..History::default()
        };
        for seen in self.looks {
            history.note(seen);
        }
        let users = (0..USERS).map(user).collect();
        violations(&history, &users, &LIMITS)
    }
}

#[test]
fn no_violation_is_found_in_a_faultless_history() {
    assert_eq!(Planted::faultless().found(), []);
}

#[test]
fn an_admission_too_many_in_a_window_is_found() {
    let mut planted = Planted::faultless();
    planted.admit_at(3, OPENED + WINDOW_US - 1);
    let crowded = Violation::CrowdedWindow {
        start: OPENED,
        admitted: 4,
    };
    assert_eq!(planted.found(), [crowded]);
}

#[test]
fn the_first_instant_of_the_next_window_is_not_too_early() {
    let mut planted = Planted::faultless();
    planted.admit_at(3, OPENED + WINDOW_US);
    assert_eq!(planted.found(), []);
}

#[test]
fn windows_that_do_not_follow_each_other_are_found() {
    let mut planted = Planted::faultless();
    let start = OPENED + 2 * WINDOW_US + 1;
    planted.window_starts.insert(start);
    assert_eq!(planted.found(), [Violation::MovedWindow { start }]);
}

#[test]
fn a_swap_in_the_order_is_found() {
    let mut planted = Planted::faultless();
    planted.admit_at(5, OPENED + 2 * WINDOW_US);
    planted.admit_at(6, OPENED + WINDOW_US);
    let overtaken = Violation::Overtaken {
        user: user(5),
        by: user(6),
    };
    assert_eq!(planted.found(), [overtaken]);
}

#[test]
fn an_active_user_too_many_is_found() {
    let mut planted = Planted::faultless();
    for number in 0..3 {
        // The next three users are admitted while these are still active.
        for seen in planted.active(number) {
            seen.as_of = OPENED + WINDOW_US;
        }
    }
    assert_eq!(planted.found(), [Violation::OverCapacity { active: 6 }]);
}

#[test]
fn two_arrivals_at_once_are_found() {
    let mut planted = Planted::faultless();
    for seen in &mut planted.looks {
        if seen.user == user(1) {
            seen.arrival = 0;
        }
    }
    let users = [user(0), user(1)];
    assert_eq!(planted.found(), [Violation::Tie { users }]);
}

#[test]
fn a_user_with_two_places_is_found() {
    let mut planted = Planted::faultless();
    let mut again = planted.looks[0].clone();
    again.arrival = 100;
    planted.looks.push(again);
    assert_eq!(
        planted.found(),
        [Violation::SeveralPlaces { user: user(0) }]
    );
}

#[test]
fn a_user_who_is_admitted_twice_is_found() {
    let mut planted = Planted::faultless();
    let again = planted.active(4).next().cloned();
    planted.looks.extend(again.map(|seen| Seen {
        admitted_at: seen.admitted_at.map(|at| at + 1),
        ..seen
    }));
    let twice = Violation::AdmittedTwice { user: user(4) };
    assert_eq!(planted.found(), [twice]);
}

#[test]
fn a_user_whom_the_store_moved_twice_is_found() {
    let mut planted = Planted::faultless();
    planted.moved += 1;
    let miscounted = Violation::Miscounted {
        moves: 13,
        users: 12,
    };
    assert_eq!(planted.found(), [miscounted]);
}

#[test]
fn a_user_who_waits_again_is_found() {
    let mut planted = Planted::faultless();
    let again = planted.active(4).next().cloned();
    planted.looks.extend(again.map(|seen| Seen {
        admitted_at: None,
        ..seen
    }));
    let back = Violation::BackInLine { user: user(4) };
    assert_eq!(planted.found(), [back]);
}

#[test]
fn a_user_who_is_lost_is_found() {
    let mut planted = Planted::faultless();
    planted.looks.retain(|seen| seen.user != user(7));
    planted.moved -= 1;
    assert_eq!(planted.found(), [Violation::Lost { user: user(7) }]);
}

#[test]
fn a_user_who_never_joined_is_found() {
    let mut planted = Planted::faultless();
    planted.looks.push(Seen {
        by: Source::Store,
        user: "stranger".to_owned(),
        arrival: 100,
        admitted_at: None,
        as_of: OPENED,
    });
    let never_joined = Violation::NeverJoined {
        user: "stranger".to_owned(),
    };
    assert_eq!(planted.found(), [never_joined]);
}
