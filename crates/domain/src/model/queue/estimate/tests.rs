//! Estimates case by case.

use super::{
    simulation::{Simulation, at, open},
    *,
};
use crate::model::queue::{PolicyState, SaleState};

const PER_3_S: Throughput = Throughput {
    admit: 500,
    interval: Duration::from_secs(3),
};

/// Returns a tick at `second` of a line in which users wait.
fn tick(second: u64, throughput: Option<Throughput>, window: Option<(u64, u32)>) -> LineTick {
    LineTick {
        as_of: at(second * 1_000),
        state: EffectiveState::Open,
        waiting: 100_000,
        aside: 0,
        admitted: 0,
        departed: 0,
        more: false,
        has_capacity: false,
        throughput,
        window: window.and_then(|(start, admitted)| {
            Some(AdmissionWindow {
                start: at(start * 1_000),
                interval: throughput?.interval,
                admitted,
            })
        }),
    }
}

fn shown(second: u64, position: u64, admitted: u64) -> ShownPosition {
    ShownPosition {
        as_of: at(second * 1_000),
        position,
        admitted,
    }
}

fn seconds(estimate: &WaitEstimate, shown: ShownPosition) -> Option<u64> {
    let wait = estimate.wait(&shown, &open())?;
    Some(wait.as_millis().div_ceil(1_000).try_into().unwrap())
}

/// Each row: users per window, the interval in seconds, the window's start and count as of a tick
/// at 5 s, the instant and position of a user, and the wait in seconds.
#[test]
fn the_rest_of_the_window_then_whole_windows() {
    for (admit, interval, window, second, position, wait) in [
        (60, 600, (0, 60), 5, 1, 595),
        (60, 600, (0, 60), 541, 1, 59),
        (60, 600, (0, 60), 541, 60, 59),
        (60, 600, (0, 60), 541, 61, 659),
        // The next window has begun, and no tick has run in it yet.
        (60, 600, (0, 60), 600, 1, 1),
        (60, 600, (0, 60), 600, 61, 600),
        // The room of the running window is used first.
        (60, 600, (0, 40), 5, 20, 1),
        (60, 600, (0, 40), 5, 21, 595),
        (60, 600, (0, 40), 5, 80, 595),
        (60, 600, (0, 40), 5, 81, 1_195),
        (5, 10, (0, 5), 5, 1, 5),
        (5, 10, (0, 5), 5, 9, 15),
        (500, 3, (3, 500), 5, 5_000, 28),
        (1, 3_600, (0, 1), 5, 1_000, 3_600_000 - 5),
    ] {
        let throughput = Throughput {
            admit,
            interval: Duration::from_secs(interval),
        };
        let mut estimate = WaitEstimate::default();
        estimate.note(&tick(5, Some(throughput), Some(window)));
        let estimated = seconds(&estimate, shown(second, position, 0));
        assert_eq!(
            estimated,
            Some(wait),
            "{admit} {interval} {window:?} {second} {position}"
        );
    }
}

#[test]
fn a_position_from_before_the_tick_counts_the_users_admitted_since() {
    let mut estimate = WaitEstimate::default();
    estimate.note(&LineTick {
        admitted: 1_500,
        departed: 1_500,
        ..tick(6, Some(PER_3_S), Some((6, 500)))
    });
    assert_eq!(seconds(&estimate, shown(5, 1_000, 1_000)), Some(3));
    assert_eq!(seconds(&estimate, shown(5, 1_001, 1_000)), Some(6));
    assert_eq!(seconds(&estimate, shown(5, 400, 1_000)), Some(3));
}

#[test]
fn a_tick_of_another_instance_counts_too() {
    let mut estimate = WaitEstimate::default();
    estimate.note(&tick(3, Some(PER_3_S), Some((3, 500))));
    // 400 of the next window's 500 were admitted meanwhile.
    assert_eq!(seconds(&estimate, shown(7, 100, 400)), Some(1));
    assert_eq!(seconds(&estimate, shown(7, 101, 400)), Some(2));
}

#[test]
fn before_the_first_tick_the_estimate_follows_from_the_policy() {
    let mut estimate = WaitEstimate::default();
    assert_eq!(seconds(&estimate, shown(0, 1, 0)), None);
    estimate.set_throughput(Some(PER_3_S));
    assert_eq!(seconds(&estimate, shown(0, 500, 0)), Some(3));
    assert_eq!(seconds(&estimate, shown(0, 501, 0)), Some(6));
}

/// Each row: state, `opens_at` in seconds, position, and the wait in seconds at 5 s.
#[test]
fn the_state_and_the_opening_count() {
    let mut estimate = WaitEstimate::default();
    estimate.note(&tick(5, Some(PER_3_S), None));
    for (state, opens_at, position, wait) in [
        (PolicyState::Open, None, 500, Some(1)),
        (PolicyState::Open, Some(3), 500, Some(1)),
        (PolicyState::Open, Some(65), 500, Some(61)),
        (PolicyState::Open, Some(65), 501, Some(63)),
        (PolicyState::Bypass, None, 100_000, Some(1)),
        (PolicyState::Bypass, Some(65), 100_000, Some(61)),
        (PolicyState::Paused, None, 1, None),
        (PolicyState::Paused, Some(65), 1, None),
        (PolicyState::Closed, None, 1, None),
    ] {
        let queue = QueueView {
            state,
            opens_at: opens_at.map(|second| at(second * 1_000)),
            ..open()
        };
        let estimated = estimate.wait(&shown(5, position, 0), &queue);
        let estimated =
            estimated.map(|wait| u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap());
        assert_eq!(estimated, wait, "{state:?} {opens_at:?} {position}");
    }
    for queue in [
        QueueView {
            sale: SaleState::SoldOut,
            ..open()
        },
        QueueView {
            sale: SaleState::Unplanned,
            ..open()
        },
        QueueView {
            sale: SaleState::Ended,
            ..open()
        },
        QueueView {
            recovering: true,
            ..open()
        },
    ] {
        assert_eq!(estimate.wait(&shown(5, 1, 0), &queue), None);
    }
}

/// 500 users per 3 s. For a minute at most one user joins every 5 s, then a rush begins.
#[test]
fn idle_time_makes_no_wait_longer() {
    for idle_users in [0, 12] {
        let mut line = Simulation::new(Some(PER_3_S), None, 0);
        for minute in 1..=12 {
            line.join(idle_users / 12);
            line.run(minute * 5_000);
        }
        line.join(7_000);
        for second in 60..=75 {
            line.run(second * 1_000);
            let wait = line.wait(5_000).unwrap().as_secs();
            assert!((24..=33).contains(&wait), "{second}: {wait} s");
        }
    }
}

/// 100 users per 3 s. For a minute one user joins every 5 s, then 2,000 at once.
#[test]
fn after_a_rush_the_estimates_of_users_far_back_are_right() {
    let mut line = Simulation::new(
        Some(Throughput {
            admit: 100,
            ..PER_3_S
        }),
        None,
        0,
    );
    for joined in 1..=12 {
        line.join(1);
        line.run(joined * 5_000);
    }
    line.join(2_000);
    line.run(63_000);
    for (position, truth) in [(1_800, 54), (400, 12)] {
        let wait = line.wait(position).unwrap().as_secs();
        assert!(wait.abs_diff(truth) <= 3, "{position}: {wait} s");
    }
}

/// 500 users per 3 s. 100,000 users behind the others leave at once.
#[test]
fn users_behind_who_leave_make_no_wait_shorter() {
    let mut line = Simulation::new(Some(PER_3_S), None, 0);
    line.join(120_000);
    line.run(20_000);
    line.leave(10_000, 100_000);
    for second in 20..=30 {
        line.run(second * 1_000);
        let wait = line.wait(5_000).unwrap().as_secs();
        assert!((27..=33).contains(&wait), "{second}: {wait} s");
    }
}

/// 60 users per 600 s. 61 users join.
#[test]
fn the_first_user_beyond_a_full_window_waits_for_the_next_one() {
    let mut line = Simulation::new(
        Some(Throughput {
            admit: 60,
            interval: Duration::from_mins(10),
        }),
        None,
        0,
    );
    line.run(0);
    line.join(61);
    for second in 1..600 {
        line.run(second * 1_000);
        let wait = line.wait(1).unwrap().as_secs();
        assert_eq!(wait, 600 - second);
    }
    line.run(600_000);
    assert_eq!(line.waiting(), 0);
}

/// Each row: users per window of 3 s, and users who join. A few leave all the time, then half of
/// all leave at once.
#[test]
fn a_mass_departure_is_over_within_three_windows() {
    for (admit, users) in [(10, 4_000), (100, 8_000)] {
        for snapshots in [0, 30_000] {
            let throughput = Throughput { admit, ..PER_3_S };
            let mut line = Simulation::new(Some(throughput), None, snapshots);
            line.leaving = [0.0002; Hazards::DEPTHS];
            line.join(users);
            line.run(60_500);
            line.thin_out();
            line.run(70_000);
            for position in [100, 500, 1_500] {
                let truth = position * 3 / u64::from(admit);
                let wait = line.wait(position).unwrap().as_secs();
                assert!(
                    wait.abs_diff(truth) <= 3 + truth / 5,
                    "{admit} {snapshots} {position}: {wait} s, not {truth} s"
                );
            }
        }
    }
}

/// 100 users per 3 s. 1 % of the waiting users leave each second.
#[test]
fn users_who_keep_giving_up_make_the_wait_shorter() {
    for snapshots in [0, 30_000] {
        let throughput = Throughput {
            admit: 100,
            ..PER_3_S
        };
        let mut line = Simulation::new(Some(throughput), None, snapshots);
        line.leaving = [0.01; Hazards::DEPTHS];
        line.join(12_000);
        line.run(90_000);
        // ln(1 + 0.01 · 2,000 ÷ 33.3) ÷ 0.01. If all stayed, it would be 60 s.
        let wait = line.wait(2_000).unwrap().as_secs();
        assert!((44..=53).contains(&wait), "{snapshots}: {wait} s");
    }
}

/// 10 places, each for 5 s. Two users a second join at first, so places end evenly.
#[test]
fn by_capacity_alone_the_rate_is_known_after_ten_admissions() {
    let mut line = Simulation::new(None, Some((10, 5_000)), 0);
    for second in 0..5 {
        line.run(second * 1_000);
        line.join(2);
    }
    line.join(200);
    assert_eq!(line.wait(100), None);
    for second in 5..60 {
        line.run(second * 1_000);
        let wait = line.wait(20).map(|wait| wait.as_secs());
        match line.admitted() {
            0..10 => assert_eq!(wait, None, "{second}"),
            // The first tick that finds users waiting does not count.
            10..=12 => {}
            _ => assert!((9..=11).contains(&wait.unwrap()), "{second}: {wait:?}"),
        }
    }
}

/// 500 users per 3 s, but 100 places, each for 30 s.
#[test]
fn where_capacity_is_the_tighter_limit_it_decides_the_wait() {
    let mut line = Simulation::new(Some(PER_3_S), Some((100, 30_000)), 0);
    for second in 0..30 {
        line.run(second * 1_000);
        line.join(3);
    }
    line.join(1_000);
    line.run(90_000);
    let wait = line.wait(300).unwrap().as_secs();
    assert!((80..=110).contains(&wait), "{wait} s");
}

/// 500 users per 3 s, and more places than they can use.
#[test]
fn where_the_throughput_is_the_tighter_limit_it_decides_the_wait() {
    let mut line = Simulation::new(Some(PER_3_S), Some((5_000, 3_000)), 0);
    line.join(20_000);
    line.run(16_500);
    let wait = line.wait(5_000).unwrap();
    assert_eq!(wait, Duration::from_millis(28_500));
}

#[test]
fn a_loss_a_pause_and_an_empty_line_restart_the_measurement() {
    let capacity = |second, admitted| LineTick {
        admitted,
        departed: admitted,
        ..tick(second, None, None)
    };
    let changes: [(&str, LineTick); 3] = [
        ("lost", capacity(21, 0)),
        (
            "paused",
            LineTick {
                state: EffectiveState::Paused,
                ..capacity(21, 40)
            },
        ),
        (
            "empty",
            LineTick {
                waiting: 0,
                ..capacity(21, 40)
            },
        ),
    ];
    for (change, after) in changes {
        let mut estimate = WaitEstimate::default();
        for second in 0..=20 {
            estimate.note(&capacity(second, second * 2));
        }
        assert_eq!(seconds(&estimate, shown(20, 20, 40)), Some(10));
        estimate.note(&after);
        estimate.note(&capacity(22, after.admitted + 1));
        estimate.note(&capacity(23, after.admitted + 2));
        assert_eq!(seconds(&estimate, shown(23, 20, 42)), None, "{change}");
    }
}
