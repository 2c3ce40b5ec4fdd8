//! The scripts decide as the model does.
//!
//! Lua repeats the rules of `model/queue`: the deadlines of places, the outcome of a join, the
//! room, the admission window, and the effective state. A generator, which is the same in every
//! run, makes some hundreds of cases. Each is written to a server and decided there, and the result
//! is compared with that of the domain's own functions.

mod case;
mod expected;
mod setting;

use std::collections::BTreeMap;

use case::Case;
use setting::Setting;

use crate::one_store::OneStore;

const CASES: u64 = 1_500;

/// What may come of a case.
const KINDS: [&str; 22] = [
    "keep",
    "reenter",
    "admit at once",
    "wait",
    "refuse: closed",
    "refuse: ended",
    "refuse: sold out",
    "refuse: full",
    "find",
    "find none",
    "pass the gate",
    "wait at the gate",
    "leave",
    "leave nothing",
    "admit from the line",
    "admit nobody",
    "let stand aside",
    "expire",
    "change the window",
    "all may re-enter",
    "none was served",
    "some were served",
];

#[tokio::test]
async fn the_scripts_decide_as_the_model_does() {
    let one = OneStore::open().await;
    let mut setting = Setting::new(&one).await;
    let mut kinds = BTreeMap::new();
    for number in 0..CASES {
        let case = Case::generate(number);
        let kind = setting.decide(number, &case).await;
        *kinds.entry(kind).or_insert(0_u32) += 1;
    }
    // A table that hardly ever comes to an outcome proves nothing about it.
    for kind in KINDS {
        let times = kinds.remove(kind).unwrap_or(0);
        assert!(times >= 5, "only {times} cases {kind}");
    }
    assert!(kinds.is_empty(), "{kinds:?}");
}
