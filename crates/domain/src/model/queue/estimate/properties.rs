//! What holds for every line that is simulated.

use std::time::Duration;

use proptest::prelude::*;

use super::{Hazards, simulation::Simulation};
use crate::model::queue::Throughput;

/// A throughput under which the line moves at 1 to 300 users a second, and how many windows it takes
/// to admit all who join.
fn line() -> impl Strategy<Value = (Throughput, u64)> {
    (100_u64..30_000, 1_u64..300, 5_u64..40).prop_map(|(millis, speed, windows)| {
        let admit = (millis * speed / 1_000).max(1);
        let throughput = Throughput {
            admit: u32::try_from(admit).unwrap(),
            interval: Duration::from_millis(millis),
        };
        (throughput, (admit * windows).min(6_000))
    })
}

/// Which share of the users at each depth gives up each second.
fn leaving() -> impl Strategy<Value = [f64; Hazards::DEPTHS]> {
    prop::collection::vec(0.0..0.01, Hazards::DEPTHS).prop_map(|all| all.try_into().unwrap())
}

/// For how long answers are made from snapshots, in milliseconds: not at all, or as on a shared store.
fn snapshots() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(30_000)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
        prop_assert!(line.first_wrong(0).is_none(), "{:?}", line.first_wrong(0));
    }

    /// Users who leave behind a user do not change what that user is told.
    #[test]
    fn a_mass_departure_is_over_within_three_windows(
        (throughput, users) in line(),
        at in 0.0..0.5,
        snapshots in snapshots(),
        half in any::<bool>(),
    ) {
        let mut line = Simulation::new(Some(throughput), None, snapshots);
        line.join(users);
        let lasts = line.interval() * users / u64::from(throughput.admit);
        line.run(Duration::from_millis(lasts).mul_f64(at).as_millis().try_into().unwrap());
        if half {
            line.thin_out();
        } else {
            line.leave(line.waiting() / 3, line.waiting() / 3);
        }
        // Less than two seconds tell nothing.
        let settled = line.now + 3 * line.interval().max(2_000);
        line.run_out();
        let wrong = line.first_wrong(settled);
        prop_assert!(wrong.is_none(), "{wrong:?}");
    }

    /// Users give up all the time, at any depth.
    #[test]
    fn in_a_steady_line_each_is_told_the_truth(
        (throughput, users) in line(),
        leaving in leaving(),
        snapshots in snapshots(),
    ) {
        let mut line = Simulation::new(Some(throughput), None, snapshots);
        line.leaving = leaving;
        line.join(users);
        let settled = 3 * line.interval() + 60_000;
        line.run_out();
        let wrong = line.first_wrong(settled);
        prop_assert!(wrong.is_none(), "{wrong:?}");
    }

    /// By capacity alone, nothing tells how fast the line will move before it has moved.
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
