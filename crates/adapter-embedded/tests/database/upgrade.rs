//! A file of the first edition is migrated, and its data stays valid.

use std::{fs, path::Path, sync::Arc};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_domain::{model::RequestDigest, ports::Clock};
use frontrow_port_contracts::{
    DatabasePorts,
    database::first_edition::{
        self, CONCERT, ELSEWHERE, FIRST, OWN_ENTRY, SECOND, THEIR_ENTRY, own_digest, starts_at,
        their_digest,
    },
};
use uuid::Uuid;

use crate::{
    one_file::{file_in, ports},
    program::{StoppedClock, noon},
};

/// Runs the migrations of the first edition, and fills the file.
fn fill(file: &Path) {
    let mut raw = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let table = "CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    raw.batch_execute(table).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("2026-11-22-"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 6);
    for name in names {
        let sql = fs::read_to_string(format!("{folder}/{name}/up.sql")).unwrap();
        raw.batch_execute(&sql).unwrap();
        let version = name.split('_').next().unwrap().replace('-', "");
        let note = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        raw.batch_execute(&note).unwrap();
    }
    let id = |id: Uuid| format!("X'{}'", id.simple());
    let digest = |digest: RequestDigest| {
        let (high, low) = digest.0.split_at(16);
        let hex = |half: &[u8]| Uuid::from_slice(half).unwrap().simple().to_string();
        format!("X'{}{}'", hex(high), hex(low))
    };
    let (own, theirs) = (digest(own_digest()), digest(their_digest()));
    let starts_at_us = starts_at().as_microsecond();
    let (own_entry, their_entry) = (id(OWN_ENTRY.0), id(THEIR_ENTRY.0));
    let (concert, first, second) = (id(CONCERT.0), id(FIRST.0), id(SECOND.0));
    raw.batch_execute(&format!(
        "INSERT INTO concerts (id, title, policy_version, policy_state, throughput_admit,
                               throughput_interval_us, waiting_ttl_us, claim_ttl_us, active_ttl_us,
                               seeded)
         VALUES ({concert}, 'Old', 1, 'open', 500, 3000000, 300000000, 120000000, 600000000,
                 TRUE);
         INSERT INTO performances (id, concert_id, starts_at, venue, seats_total) VALUES
             ({first}, {concert}, {starts_at_us}, 'Hall', 1),
             ({second}, {concert}, {starts_at_us}, 'Hall', 1),
             ({}, {concert}, {starts_at_us}, 'Barn', 1);
         INSERT INTO seats (performance_id, label, ordinal, section, price)
         SELECT id, 'A-1', 0, 'Stalls', 100 FROM performances;
         INSERT INTO balances VALUES ('ann', 107);
         INSERT INTO ledger VALUES ({own_entry}, 'ann', 'charge', 100, 100, NULL, 1),
             ({their_entry}, 'ann', 'charge', 7, 107, NULL, 2);
         INSERT INTO idempotency_keys VALUES
             ('ann', 'own', {own}, {own_entry}, 1),
             ('ann', 'theirs', {theirs}, {their_entry}, 2);",
        id(ELSEWHERE.0),
    ))
    .unwrap();
}

async fn upgraded() -> (tempfile::TempDir, DatabasePorts) {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    fill(&file);
    let clock: Arc<dyn Clock> = Arc::new(StoppedClock::at(noon()));
    let database = SqliteDatabase::open(&file, clock).await.unwrap();
    (folder, ports(&database))
}

#[tokio::test]
async fn keys_of_the_first_edition_are_honoured() {
    let (_folder, ports) = upgraded().await;
    first_edition::its_keys_are_honoured(&ports).await;
}

#[tokio::test]
async fn the_ledger_of_the_first_edition_continues_in_order() {
    let (_folder, ports) = upgraded().await;
    first_edition::its_ledger_goes_on_in_order(&ports).await;
}

#[tokio::test]
async fn duplicates_of_the_first_edition_stay_and_no_new_ones_are_created() {
    let (_folder, ports) = upgraded().await;
    first_edition::its_duplicates_stay_and_no_more_come(&ports).await;
}

#[tokio::test]
async fn the_queue_of_the_first_edition_counts_as_seeded() {
    let (_folder, ports) = upgraded().await;
    first_edition::its_queue_counts_as_seeded(&ports).await;
}
