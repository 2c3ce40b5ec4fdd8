//! On a full disk nothing is changed, reads still work, and writes work again once there is space.

use std::fs;

use frontrow_domain::ports::{Cause, Charge, ChargeOutcome, Points, StoreError};
use frontrow_test_harness::SmallDisk;

use crate::{
    one_file::file_in,
    program::{Program, texts},
};

/// More charges than fit into the log after it was full for the first time.
const CHARGES: usize = 50;

/// Asserts that the error states that the disk is full, the file, and the message of SQLite.
fn assert_disk_full<T: std::fmt::Debug>(program: &Program, result: &Result<T, StoreError>) {
    let Err(error @ StoreError::NotApplied { .. }) = result else {
        panic!("nothing was changed: {result:?}");
    };
    assert_eq!(error.cause(), Cause::DiskFull, "{error}");
    let text = error.to_string();
    let file = program.file();
    for part in [file.to_str().unwrap(), "database or disk is full"] {
        assert!(text.contains(part), "{text}");
    }
}

/// Charges of different users, by their outcome while the disk was full.
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
                result => {
                    assert_disk_full(program, &result);
                    refused.push(charge);
                }
            }
        }
        assert!(!refused.is_empty(), "the disk is full");
        Self { made, refused }
    }

    /// Asserts that the ledger has exactly the charges that were made.
    fn assert_in_ledger(&self, program: &Program) {
        let charged = "SELECT user_id AS text FROM ledger ORDER BY id";
        let users = texts(&mut program.raw(), charged).unwrap();
        let made: Vec<_> = self.made.iter().map(|one| one.user.as_str()).collect();
        assert_eq!(users, made);
    }
}

#[tokio::test]
async fn a_charge_refused_by_a_full_disk_changes_nothing_and_can_be_repeated() {
    let disk = SmallDisk::mount(4).unwrap();
    let program = Program::start_in(disk.path()).await;
    disk.fill().unwrap();
    let mut charges = Charges::on_a_full_disk(&program).await;
    charges.assert_in_ledger(&program);
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
    charges.assert_in_ledger(&program);
}

/// The log has pages of the refused transactions, and a new process reads it from its start.
#[tokio::test]
async fn a_charge_refused_by_a_full_disk_is_not_in_the_file_after_a_crash() {
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
    charges.assert_in_ledger(&Program::opened_in(elsewhere.path()).await);
}
