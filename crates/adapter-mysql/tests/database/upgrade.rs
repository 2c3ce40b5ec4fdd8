//! A database of the first edition: what it has is still good.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use frontrow_adapter_mysql::{MySqlDatabase, TimeOffset};
use frontrow_domain::{
    model::{
        Amount, Applied, IdempotencyKey, Keyed, LedgerEntryId, NewPerformance, PerformanceEdit,
        PerformanceId, PerformanceUse, Venue,
    },
    ports::{
        Books, Charge, ChargeOutcome, ConcertEditor, CreatePerformanceOutcome,
        DeletePerformanceOutcome, EditOutcome, Operator, Points,
    },
};
use frontrow_test_harness::MySqlTestDatabase;
use uuid::Uuid;

use crate::{
    one_database::settings,
    program::{execute, far, operator, plan, raw, user},
};

const FIRST: Uuid = Uuid::from_u128(0x11);
const SECOND: Uuid = Uuid::from_u128(0x12);
const ELSEWHERE: Uuid = Uuid::from_u128(0x13);
const CONCERT: Uuid = Uuid::from_u128(0x10);

/// Runs the migrations of the first edition, and fills the database.
async fn first_edition(url: &str) {
    let raw = &mut raw(url).await;
    let table = "CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    execute(raw, table).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mysql");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("2026-11-22-"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 20);
    for name in names {
        let sql = fs::read_to_string(format!("{folder}/{name}/up.sql")).unwrap();
        execute(raw, &sql).await.unwrap();
        let version = name.split('_').next().unwrap().replace('-', "");
        let note = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        execute(raw, &note).await.unwrap();
    }
    let id = |id: Uuid| format!("X'{}'", id.simple());
    let digest = |keyed: &Keyed| {
        let bytes = keyed.former.as_ref().unwrap().digest.0;
        let (high, low) = bytes.split_at(16);
        let hex = |half: &[u8]| Uuid::from_slice(half).unwrap().simple().to_string();
        format!("X'{}{}'", hex(high), hex(low))
    };
    let (own, theirs) = (digest(&own(100, "own")), digest(&by("ops", 7, "theirs")));
    let starts_at = far().strftime("%F %T");
    let (concert, first, second) = (id(CONCERT), id(FIRST), id(SECOND));
    let two = id(Uuid::from_u128(2));
    let one = id(Uuid::from_u128(1));
    let fill = format!(
        "INSERT INTO concerts (id, title, policy_version, policy_state, throughput_admit,
                               throughput_interval_us, waiting_ttl_us, claim_ttl_us, active_ttl_us)
         VALUES ({concert}, 'Old', 1, 'open', 500, 3000000, 300000000, 120000000, 600000000);
         INSERT INTO performances (id, concert_id, starts_at, venue, seats_total) VALUES
             ({first}, {concert}, '{starts_at}', 'Hall', 1),
             ({second}, {concert}, '{starts_at}', 'Hall', 1),
             ({}, {concert}, '{starts_at}', 'Barn', 1);
         INSERT INTO seats (performance_id, label, ordinal, section, price)
         SELECT id, 'A-1', 0, 'Stalls', 100 FROM performances;
         INSERT INTO balances VALUES ('ann', 107);
         INSERT INTO ledger VALUES ({two}, 'ann', 'charge', 100, 100, NULL, NOW()),
             ({one}, 'ann', 'charge', 7, 107, NULL, NOW());
         INSERT INTO idempotency_keys VALUES ('ann', 'own', {own}, {two}, NOW()),
             ('ann', 'theirs', {theirs}, {one}, NOW());",
        id(ELSEWHERE),
    );
    execute(raw, &fill).await.unwrap();
}

/// A name that nothing has.
fn name() -> Uuid {
    static NAMES: AtomicU64 = AtomicU64::new(0x100);
    Uuid::from_u128(NAMES.fetch_add(1, Ordering::Relaxed).into())
}

fn amount(points: i64) -> Amount {
    Amount::try_from(points).unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text).unwrap()
}

fn own(points: i64, text: &str) -> Keyed {
    Keyed::charge(&user("ann"), amount(points), key(text))
}

fn by(name: &str, points: i64, text: &str) -> Keyed {
    Keyed::operator_charge(name, &user("ann"), amount(points), key(text))
}

async fn upgraded() -> (MySqlTestDatabase, MySqlDatabase) {
    let empty = MySqlTestDatabase::create().await.unwrap();
    first_edition(empty.url()).await;
    MySqlDatabase::migrate(empty.url(), &settings())
        .await
        .unwrap();
    let database = MySqlDatabase::open(empty.url(), &settings(), TimeOffset::default())
        .await
        .unwrap();
    (empty, database)
}

async fn charge(database: &MySqlDatabase, points: i64, keyed: Keyed) -> ChargeOutcome {
    let by = match &keyed.sender {
        frontrow_domain::model::Sender::User(_) => None,
        frontrow_domain::model::Sender::Operator(name) => Some(Operator {
            name: name.clone(),
            ..operator()
        }),
    };
    let charge = Charge {
        entry: LedgerEntryId(name()),
        user: keyed.former.as_ref().unwrap().account.clone(),
        amount: amount(points),
        keyed,
        operator: by,
    };
    database.charge(&charge).await.unwrap()
}

#[tokio::test]
async fn its_keys_are_honoured_for_their_owner_and_for_every_operator() {
    let (_server, database) = upgraded().await;
    // Operators could use one key for several accounts: that it is used for another one hides no charge.
    let key = by("ops", 7, "theirs").key;
    let bens = Keyed::operator_charge("ops", &user("ben"), amount(7), key);
    let outcome = charge(&database, 7, bens).await;
    assert!(matches!(&outcome, ChargeOutcome::Charged(done) if !done.replayed));
    for (points, keyed) in [
        (100, own(100, "own")),
        (7, by("ops", 7, "theirs")),
        (7, by("web", 7, "theirs")),
    ] {
        let outcome = charge(&database, points, keyed).await;
        assert!(
            matches!(
                outcome,
                ChargeOutcome::Charged(Applied { replayed: true, .. })
            ),
            "{outcome:?}"
        );
    }
    for (points, keyed) in [(101, own(101, "own")), (8, by("ops", 8, "theirs"))] {
        let outcome = charge(&database, points, keyed).await;
        assert_eq!(outcome, ChargeOutcome::KeyReused);
    }
    // The other's key is as good as any.
    for (points, keyed) in [(1, own(1, "theirs")), (2, by("ops", 2, "own"))] {
        for replayed in [false, true] {
            let outcome = charge(&database, points, keyed.clone()).await;
            assert!(
                matches!(&outcome, ChargeOutcome::Charged(done) if done.replayed == replayed),
                "{outcome:?}"
            );
        }
    }
    let balance = database.balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0, amount(110));
}

#[tokio::test]
async fn its_ledger_goes_on_in_order() {
    let (_server, database) = upgraded().await;
    charge(&database, 5, own(5, "new")).await;
    let accounts = database.accounts(None, 10).await.unwrap();
    let numbers: Vec<_> = accounts[0].entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [None, None, Some(1)]);
    assert_eq!(accounts[0].differences(), []);
}

#[tokio::test]
async fn its_duplicates_stay_and_no_more_come() {
    let (_server, database) = upgraded().await;
    let concert = frontrow_domain::model::ConcertId(CONCERT);
    let by = operator();
    let [first, second, elsewhere] = [FIRST, SECOND, ELSEWHERE].map(PerformanceId);
    let duplicates = database.duplicate_performances().await.unwrap();
    let listed: Vec<_> = duplicates
        .iter()
        .map(|one| (one.id, one.concert, one.used))
        .collect();
    let none = PerformanceUse::default();
    assert_eq!(listed, [(first, concert, none), (second, concert, none)]);

    let new = |seats| NewPerformance {
        id: PerformanceId(name()),
        concert,
        starts_at: far(),
        venue: Venue::try_from("Hall").unwrap(),
        seats: plan(seats),
    };
    for (seats, expected) in [
        (1, CreatePerformanceOutcome::Exists(first)),
        (2, CreatePerformanceOutcome::SlotTaken(first)),
    ] {
        let new = new(seats);
        let created = database.create_performance(&new, &by, None);
        assert_eq!(created.await.unwrap(), expected);
    }
    let to_hall = PerformanceEdit {
        venue: Some(Venue::try_from("Hall").unwrap()),
        ..PerformanceEdit::default()
    };
    let to_tent = PerformanceEdit {
        venue: Some(Venue::try_from("Tent").unwrap()),
        ..PerformanceEdit::default()
    };
    let edit = async |id, edit: &PerformanceEdit| {
        let edited = database.edit_performance(concert, id, edit, &by);
        edited.await.unwrap()
    };
    assert_eq!(
        edit(elsewhere, &to_hall).await,
        EditOutcome::SlotTaken(first)
    );
    // Where it is, a duplicate may be edited. Once the first is gone, the second has the slot alone.
    assert_eq!(edit(second, &to_hall).await, EditOutcome::Done);
    let deleted = database.delete_performance(concert, first, &by);
    assert_eq!(deleted.await.unwrap(), DeletePerformanceOutcome::Deleted);
    assert_eq!(
        edit(elsewhere, &to_hall).await,
        EditOutcome::SlotTaken(second)
    );
    assert_eq!(edit(second, &to_tent).await, EditOutcome::Done);
    assert_eq!(
        edit(elsewhere, &to_tent).await,
        EditOutcome::SlotTaken(second)
    );
    assert_eq!(edit(elsewhere, &to_hall).await, EditOutcome::Done);
    assert_eq!(database.duplicate_performances().await.unwrap(), []);
}
