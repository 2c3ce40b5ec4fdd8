//! A queue behaves after a clean restart as if there had been no restart, for any calls before and
//! after it.

use frontrow_domain::model::queue::SaleState;
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*};

use crate::test_queue::{Step, TestQueue};

const USERS: u8 = 8;

/// The variable with the number of random histories.
const CASES: &str = "FRONTROW_RESTART_CASES";

/// Returns the configuration. The default number of cases is small, because each case writes a file
/// and waits for the disk.
fn cases() -> ProptestConfig {
    let cases = std::env::var(CASES).map_or(64, |text| text.parse().unwrap());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS;
    prop_oneof![
        6 => user.clone().prop_map(Step::Join),
        1 => user.clone().prop_map(Step::Return),
        2 => user.clone().prop_map(Step::Reenter),
        2 => user.clone().prop_map(Step::LookUp),
        2 => user.clone().prop_map(Step::Gate),
        1 => user.clone().prop_map(Step::Hold),
        2 => user.clone().prop_map(Step::Leave),
        2 => (user, 0..30_u8).prop_map(|(user, ago)| Step::Heartbeat(user, ago)),
        4 => (0..4_u8).prop_map(Step::Admit),
        3 => (0..4_u8).prop_map(Step::Expire),
        1 => Just(Step::Look),
        1 => (1..4_u8).prop_map(Step::Capacity),
        1 => prop_oneof![Just(SaleState::OnSale), Just(SaleState::SoldOut)].prop_map(Step::Sale),
        4 => (0..15_u8).prop_map(Step::Pass),
        1 => (0..60_u8).prop_map(Step::Pass),
    ]
}

async fn compare(
    recovers: bool,
    looks_up: bool,
    before: &[Step],
    after: &[Step],
    downtime: SignedDuration,
) {
    let folder = tempfile::tempdir().unwrap();
    let unbroken = TestQueue::begin(recovers).await;
    let mut restarted = TestQueue::begin(recovers).await;
    for step in before {
        assert_eq!(unbroken.run(step).await, restarted.run(step).await);
    }
    restarted.restart(folder.path(), downtime).await;
    // A look-up is a heartbeat, so after a look-up of all users none is absent.
    if looks_up {
        assert_eq!(unbroken.all(USERS).await, restarted.all(USERS).await);
    }
    // Later arrivals differ from those before the restart.
    for test_queue in [&unbroken, &restarted] {
        test_queue.run(&Step::Pass(1)).await;
    }
    for (number, step) in after.iter().enumerate() {
        let (expected, seen) = (unbroken.run(step).await, restarted.run(step).await);
        assert_eq!(expected, seen, "after the restart, step {number}: {step:?}");
    }
    assert_eq!(unbroken.all(USERS).await, restarted.all(USERS).await);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_restart_changes_no_answer(
        recovers: bool,
        looks_up: bool,
        before in vec(step(), 0..60),
        after in vec(step(), 0..60),
        downtime_s in prop_oneof![0..10_i64, 0..100_000_i64],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let downtime = SignedDuration::from_secs(downtime_s);
        runtime.block_on(compare(recovers, looks_up, &before, &after, downtime));
    }
}
