//! Whether the observations of a queue are consistent with its guarantees.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{History, Stay};

/// The limits that a queue must keep. They do not change during the test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) throughput: Option<Throughput>,
    /// The most users who may be active at once.
    pub(super) max_active: Option<usize>,
}

/// The most admissions in each window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throughput {
    pub(super) admit: usize,
    pub(super) interval_us: i64,
}

/// A violation of a guarantee. Instants are microseconds since 1970.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// The number of admissions in the window that began then.
    CrowdedWindow { start: i64, admitted: usize },
    /// The store has a window that began then, which is not a whole number of windows after the
    /// first.
    MovedWindow { start: i64 },
    /// At least this many users were active at that time.
    OverCapacity { active: usize },
    /// The first user arrived before the second, and was admitted later.
    Overtaken { user: String, by: String },
    /// Both users arrived at the same microsecond.
    Tie { users: [String; 2] },
    /// A user was seen with several arrivals.
    SeveralPlaces { user: String },
    /// A user was seen with several admissions.
    AdmittedTwice { user: String },
    /// A source saw the user waiting after having seen them active.
    BackInLine { user: String },
    /// The store counted this many moves from the line, but this many users made one.
    Miscounted { moves: usize, users: usize },
    /// The user joined and was never admitted, though no user waits any more.
    Lost { user: String },
    /// The user is in the queue without having joined.
    NeverJoined { user: String },
}

/// A user with one arrival and one admission.
struct Admitted<'a> {
    user: &'a str,
    arrival: i64,
    at: i64,
    /// The last instant at which the user was seen active.
    until: i64,
}

/// Returns all violations in a history at whose end all of `users` must have been admitted.
pub(super) fn violations(
    history: &History,
    users: &BTreeSet<String>,
    limits: &Limits,
) -> Vec<Violation> {
    let mut found: Vec<_> = history
        .stays
        .iter()
        .flat_map(|(user, stay)| of_one_place(user, stay))
        .collect();
    found.extend(lost_and_unknown(history, users));
    let mut admitted: Vec<_> = history.stays.iter().filter_map(admission).collect();
    admitted.sort_by_key(|one| one.arrival);
    found.extend(out_of_order(&admitted));
    // A user who is admitted immediately arrives at their admission, or after others of that
    // microsecond.
    let from_line = admitted.iter().filter(|one| one.at > one.arrival).count();
    if from_line != history.moved {
        found.push(Violation::Miscounted {
            moves: history.moved,
            users: from_line,
        });
    }
    if let Some(throughput) = limits.throughput {
        found.extend(out_of_pace(&admitted, throughput, history));
    }
    if let Some(max_active) = limits.max_active {
        let active = most_active(&admitted).max(history.most_active);
        found.extend((active > max_active).then_some(Violation::OverCapacity { active }));
    }
    found
}

/// The number of admissions in each window with admissions, by its beginning.
pub(super) fn windows(history: &History, throughput: Throughput) -> BTreeMap<i64, usize> {
    let admitted: Vec<_> = history.stays.iter().filter_map(admission).collect();
    by_window(&admitted, throughput)
}

fn admission<'a>((user, stay): (&'a String, &'a Stay)) -> Option<Admitted<'a>> {
    Some(Admitted {
        user,
        arrival: *stay.arrivals.first()?,
        at: *stay.admissions.first()?,
        until: stay.active_until?,
    })
}

fn of_one_place(user: &str, stay: &Stay) -> Vec<Violation> {
    let user = || user.to_owned();
    let mut found = Vec::new();
    if stay.arrivals.len() > 1 {
        found.push(Violation::SeveralPlaces { user: user() });
    }
    if stay.admissions.len() > 1 {
        found.push(Violation::AdmittedTwice { user: user() });
    }
    if stay.back_in_line {
        found.push(Violation::BackInLine { user: user() });
    }
    found
}

fn lost_and_unknown(history: &History, users: &BTreeSet<String>) -> Vec<Violation> {
    let was_admitted = |user: &String| {
        let stay = history.stays.get(user);
        stay.is_some_and(|stay| !stay.admissions.is_empty())
    };
    let lost = users.iter().filter(|user| !was_admitted(user));
    let lost = lost.map(|user| Violation::Lost { user: user.clone() });
    let strangers = history.stays.keys().filter(|user| !users.contains(*user));
    let never_joined = strangers.map(|user| Violation::NeverJoined { user: user.clone() });
    lost.chain(never_joined).collect()
}

/// `admitted` is in the order of arrival.
fn out_of_order(admitted: &[Admitted<'_>]) -> Vec<Violation> {
    let pairs = admitted.iter().zip(admitted.iter().skip(1));
    pairs
        .filter_map(|(first, second)| {
            let (user, by) = (first.user.to_owned(), second.user.to_owned());
            if first.arrival == second.arrival {
                Some(Violation::Tie { users: [user, by] })
            } else {
                (first.at > second.at).then_some(Violation::Overtaken { user, by })
            }
        })
        .collect()
}

/// Windows follow each other, and the first admission begins the first one.
fn by_window(admitted: &[Admitted<'_>], throughput: Throughput) -> BTreeMap<i64, usize> {
    let first = admitted.iter().map(|one| one.at).min().unwrap_or_default();
    let mut windows = BTreeMap::new();
    for one in admitted {
        let start = one.at - (one.at - first) % throughput.interval_us;
        *windows.entry(start).or_default() += 1;
    }
    windows
}

fn out_of_pace(
    admitted: &[Admitted<'_>],
    throughput: Throughput,
    history: &History,
) -> Vec<Violation> {
    let windows = by_window(admitted, throughput);
    let first = windows.keys().next().copied().unwrap_or_default();
    let crowded = windows
        .into_iter()
        .filter(|(_, admitted)| *admitted > throughput.admit)
        .map(|(start, admitted)| Violation::CrowdedWindow { start, admitted });
    let starts = history.window_starts.iter().copied();
    let moved = starts
        .filter(|start| (start - first) % throughput.interval_us != 0)
        .map(|start| Violation::MovedWindow { start });
    crowded.chain(moved).collect()
}

/// The largest number of users who were certainly active at once: from their admission until they
/// were last seen.
fn most_active(admitted: &[Admitted<'_>]) -> usize {
    let comes = admitted.iter().map(|one| (one.at, 0));
    let goes = admitted.iter().map(|one| (one.until, 1));
    let mut steps: Vec<_> = comes.chain(goes).collect();
    // At the same microsecond, admissions come before departures: users who leave then are still
    // active.
    steps.sort_unstable();
    let (mut active, mut most) = (0_usize, 0);
    for (_, goes) in steps {
        active = if goes == 1 {
            active.saturating_sub(1)
        } else {
            active + 1
        };
        most = most.max(active);
    }
    most
}
