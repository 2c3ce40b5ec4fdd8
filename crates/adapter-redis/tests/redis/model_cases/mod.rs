//! The scripts decide as the domain's functions do.
//!
//! Lua repeats the rules of `model/queue`: the deadlines of places, the outcome of a join, the
//! room, the admission window, and the effective state. A generator, which is the same in every
//! run, makes the cases. Each is written to a server and decided there, and the result is compared
//! with that of the domain's own functions.

mod case;
mod case_runner;
mod expected;

use std::collections::BTreeMap;

use case::Case;
use case_runner::CaseRunner;

use crate::store_fixture::StoreFixture;

const CASES: u64 = 1_500;

/// The kinds of results of a case.
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
    "admit no user",
    "let stand aside",
    "expire",
    "change the window",
    "all may re-enter",
    "no user was served",
    "some users were served",
];

#[tokio::test]
async fn the_scripts_decide_as_the_model_does() {
    let fixture = StoreFixture::open().await;
    let mut runner = CaseRunner::new(&fixture).await;
    let mut kinds = BTreeMap::new();
    for number in 0..CASES {
        let case = Case::generate(number);
        let kind = runner.decide(number, &case).await;
        *kinds.entry(kind).or_insert(0_u32) += 1;
    }
    // Cases that rarely have a result prove nothing about it.
    for kind in KINDS {
        let times = kinds.remove(kind).unwrap_or(0);
        assert!(times >= 5, "only {times} cases {kind}");
    }
    assert!(kinds.is_empty(), "{kinds:?}");
}
