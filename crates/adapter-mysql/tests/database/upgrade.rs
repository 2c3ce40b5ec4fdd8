//! A migrated database of the first edition keeps its data valid.

use frontrow_adapter_mysql::{MySqlDatabase, TimeOffset};
use frontrow_domain::model::RequestDigest;
use frontrow_port_contracts::{
    DatabasePorts,
    database::first_edition::{
        self, CONCERT, ELSEWHERE, FIRST, OWN_ENTRY, SECOND, THEIR_ENTRY, own_digest, starts_at,
        their_digest,
    },
};
use frontrow_test_harness::MySqlTestDatabase;
use uuid::Uuid;

use crate::{
    earlier::migrate_before,
    one_database::{ports, settings},
    program::{execute, raw},
};

/// Runs the migrations of the first edition and inserts its data.
async fn fill(url: &str) {
    let raw = &mut raw(url).await;
    assert_eq!(migrate_before(raw, "2026-11-23").await, 20);
    let id = |id: Uuid| format!("X'{}'", id.simple());
    let digest = |digest: RequestDigest| {
        let (high, low) = digest.0.split_at(16);
        let hex = |half: &[u8]| Uuid::from_slice(half).unwrap().simple().to_string();
        format!("X'{}{}'", hex(high), hex(low))
    };
    let (own, theirs) = (digest(own_digest()), digest(their_digest()));
    let starts_at = starts_at().strftime("%F %T");
    let (concert, first, second) = (id(CONCERT.0), id(FIRST.0), id(SECOND.0));
    let (own_entry, their_entry) = (id(OWN_ENTRY.0), id(THEIR_ENTRY.0));
    let fill = format!(
        "INSERT INTO concerts (id, title, policy_version, policy_state, throughput_admit,
                               throughput_interval_us, waiting_ttl_us, claim_ttl_us, active_ttl_us,
                               seeded)
         VALUES ({concert}, 'Old', 1, 'open', 500, 3000000, 300000000, 120000000, 600000000,
                 TRUE);
         INSERT INTO performances (id, concert_id, starts_at, venue, seats_total) VALUES
             ({first}, {concert}, '{starts_at}', 'Hall', 1),
             ({second}, {concert}, '{starts_at}', 'Hall', 1),
             ({}, {concert}, '{starts_at}', 'Barn', 1);
         INSERT INTO seats (performance_id, label, ordinal, section, price)
         SELECT id, 'A-1', 0, 'Stalls', 100 FROM performances;
         INSERT INTO balances VALUES ('ann', 107);
         INSERT INTO ledger VALUES ({own_entry}, 'ann', 'charge', 100, 100, NULL, NOW()),
             ({their_entry}, 'ann', 'charge', 7, 107, NULL, NOW());
         INSERT INTO idempotency_keys VALUES ('ann', 'own', {own}, {own_entry}, NOW()),
             ('ann', 'theirs', {theirs}, {their_entry}, NOW());",
        id(ELSEWHERE.0),
    );
    execute(raw, &fill).await.unwrap();
}

/// Creates a database of the first edition and migrates it.
async fn upgraded() -> (MySqlTestDatabase, DatabasePorts) {
    let empty = MySqlTestDatabase::create().await.unwrap();
    fill(empty.url()).await;
    MySqlDatabase::migrate(empty.url(), &settings())
        .await
        .unwrap();
    let database = MySqlDatabase::open(empty.url(), &settings(), TimeOffset::default())
        .await
        .unwrap();
    (empty, ports(&database))
}

#[tokio::test]
async fn its_keys_are_honoured() {
    let (_server, ports) = upgraded().await;
    first_edition::its_keys_are_honoured(&ports).await;
}

#[tokio::test]
async fn its_ledger_goes_on_in_order() {
    let (_server, ports) = upgraded().await;
    first_edition::its_ledger_goes_on_in_order(&ports).await;
}

#[tokio::test]
async fn its_duplicates_stay_and_no_more_come() {
    let (_server, ports) = upgraded().await;
    first_edition::its_duplicates_stay_and_no_more_come(&ports).await;
}

#[tokio::test]
async fn its_queue_counts_as_seeded() {
    let (_server, ports) = upgraded().await;
    first_edition::its_queue_counts_as_seeded(&ports).await;
}
