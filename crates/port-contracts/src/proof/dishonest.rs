//! Honest stores pass random sequences on a broken way, and those that are not are caught.

use super::{
    StoreFixture, flaws,
    shaky::{Manner, ShakyFixture},
};
use crate::model::{Positions, try_queue_model_with_faults};

/// In memory they cost little.
const SEQUENCES: u32 = 2_000;

/// What is found in a sound store with this manner.
fn found_in(manner: Manner) -> Option<String> {
    let make = async || ShakyFixture::new(StoreFixture::sound(), manner);
    try_queue_model_with_faults(make, Positions::Exact, SEQUENCES).err()
}

#[test]
fn honest_stores_pass() {
    assert_eq!(found_in(Manner::Honest), None);
    let eager = async || ShakyFixture::new(StoreFixture::eager_and_fleeting(), Manner::Honest);
    let tally =
        try_queue_model_with_faults(eager, Positions::Exact, SEQUENCES).expect("a sound store");
    // Undecided is only what began about five seconds after a tick.
    assert!(tally.undecided * 5 < SEQUENCES, "{tally:?}");
}

#[test]
fn positions_may_be_over_stated_where_that_is_said() {
    let over_stating = async || ShakyFixture::new(StoreFixture::over_stating(), Manner::Honest);
    assert!(try_queue_model_with_faults(over_stating, Positions::OverStated, SEQUENCES).is_ok());
    assert!(try_queue_model_with_faults(over_stating, Positions::Exact, SEQUENCES).is_err());
}

/// They are cut down to the steps that it takes, too.
#[test]
fn lies_are_caught() {
    for manner in [
        Manner::DeniesWhatIsDone,
        Manner::AsksAgain,
        Manner::AsksAgainInVain,
    ] {
        let found = found_in(manner).expect("a lie");
        let steps = found.lines().filter(|line| line.contains(". ")).count();
        assert!(steps <= 12, "that could be shorter:\n{found}");
    }
}

#[test]
fn flaws_are_caught_behind_a_broken_way_too() {
    let flawed = async || {
        let store = StoreFixture::with(flaws::admits_one_too_many());
        ShakyFixture::new(store, Manner::Honest)
    };
    assert!(try_queue_model_with_faults(flawed, Positions::Exact, SEQUENCES).is_err());
}
