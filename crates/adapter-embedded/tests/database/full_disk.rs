//! On a full disk nothing is changed, reads still work, and writes go on once there is space.

use std::fs;

use frontrow_domain::ports::{Cause, Charge, ChargeOutcome, Points, StoreError};
use frontrow_test_harness::SmallDisk;

use crate::{
    one_file::file_in,
    program::{Program, texts},
};

/// More charges than find room in the log after it was full for the first time.
const CHARGES: usize = 50;

/// Whoever asks is told that the disk is full, which disk it is, and what SQLite says.
fn is_full<T: std::fmt::Debug>(program: &Program, told: &Result<T, StoreError>) {
    let Err(error @ StoreError::NotApplied { .. }) = told else {
        panic!("nothing was changed: {told:?}");
    };
    assert_eq!(error.cause(), Cause::DiskFull, "{error}");
    let text = error.to_string();
    let file = program.file();
    for part in [file.to_str().unwrap(), "database or disk is full"] {
        assert!(text.contains(part), "{text}");
    }
}

/// Charges of users of their own, and what came of them while the disk was full.
struct Charges {
    made: Vec<Charge>,
    refused: Vec<Charge>,
}

impl Charges {
    async fn on_a_full_disk(program: &Program) -> Self {
        let (mut made, mut refused) = (Vec::new(), Vec::new());
        for number in 0..CHARGES {
            let charge = program.charge_of(&format!("user-{number}"), 7);
            match program.database.charge(&charge).await {
                Ok(_) => made.push(charge),
                told => {
                    is_full(program, &told);
                    refused.push(charge);
                }
            }
        }
        assert!(!refused.is_empty(), "the disk is full");
        Self { made, refused }
    }

    /// What the ledger of a file has is what was made.
    fn are_all_in(&self, program: &Program) {
        let charged = "SELECT user_id AS text FROM ledger ORDER BY id";
        let users = texts(&mut program.raw(), charged).unwrap();
        let made: Vec<_> = self.made.iter().map(|one| one.user.as_str()).collect();
        assert_eq!(users, made);
    }
}

#[tokio::test]
async fn what_a_full_disk_refuses_changes_nothing_and_can_be_asked_for_again() {
    let disk = SmallDisk::mount(4).unwrap();
    let program = Program::start_in(disk.path()).await;
    disk.fill().unwrap();
    let mut charges = Charges::on_a_full_disk(&program).await;
    charges.are_all_in(&program);
    for refused in &charges.refused {
        let balance = program.database.balance(&refused.user).await.unwrap();
        assert_eq!(balance.0.minor_units(), 0);
    }
    disk.make_room().unwrap();
    for refused in std::mem::take(&mut charges.refused) {
        let outcome = program.database.charge(&refused).await.unwrap();
        let ChargeOutcome::Charged(charged) = &outcome else {
            panic!("{outcome:?}");
        };
        assert!(!charged.replayed, "it had no effect before");
        charges.made.push(refused);
    }
    charges.are_all_in(&program);
}

/// The log holds pages of the transactions that were refused, and is read again from its start.
#[tokio::test]
async fn what_a_full_disk_refused_is_not_there_after_a_crash() {
    let disk = SmallDisk::mount(4).unwrap();
    let program = Program::start_in(disk.path()).await;
    disk.fill().unwrap();
    let charges = Charges::on_a_full_disk(&program).await;
    let elsewhere = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let file = |folder| {
            let mut file = file_in(folder).into_os_string();
            file.push(end);
            file
        };
        fs::copy(file(disk.path()), file(elsewhere.path())).unwrap();
    }
    charges.are_all_in(&Program::opened_in(elsewhere.path()).await);
}
