//! Opening a database that is empty, older or newer, and a URL without a database.

use diesel::migration::MigrationSource;
use diesel::mysql::Mysql;
use diesel_async::AsyncMysqlConnection;
use diesel_migrations::FileBasedMigrations;
use frontrow_adapter_mysql::{
    MySqlDatabase, MySqlMigrationStatus, MySqlOpenError, MySqlSettings, TimeOffset, TlsMode,
};
use frontrow_domain::ports::{Points, StoreError};
use frontrow_test_harness::MySqlTestDatabase;

use crate::{
    one_database::settings,
    program::{Program, execute, raw, texts, user},
};

/// Returns the failure to open `url`. Its text must be one line without the password.
async fn failure(url: &str, settings: &MySqlSettings) -> MySqlOpenError {
    let Err(failure) = MySqlDatabase::open(url, settings, TimeOffset::default()).await else {
        panic!("{url} should not open");
    };
    let text = failure.to_string();
    assert!(!text.contains('\n'), "{text}");
    assert!(!text.contains("secret"), "{text}");
    failure
}

fn migration_names() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mysql");
    let migrations = FileBasedMigrations::from_path(folder).unwrap();
    let all = MigrationSource::<Mysql>::migrations(&migrations).unwrap();
    let mut names: Vec<_> = all.iter().map(|one| one.name().to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_older_schema_is_refused_unless_it_may_be_migrated() {
    let empty = MySqlTestDatabase::create().await.unwrap();
    let url = empty.url();
    let refuse = MySqlSettings::default();
    let expected = MySqlMigrationStatus {
        applied: Vec::new(),
        pending: migration_names(),
    };
    let status = MySqlDatabase::migration_status(url, &refuse).await;
    assert_eq!(status, Ok(expected));
    let failure = failure(url, &refuse).await;
    let all = migration_names().len();
    assert!(
        matches!(failure, MySqlOpenError::OlderSchema { count, .. } if count == all),
        "{failure}"
    );
    let tables = "SELECT table_name AS text FROM information_schema.tables
                  WHERE table_schema = DATABASE()";
    assert_eq!(
        texts(&mut raw(url).await, tables).await,
        Vec::<String>::new()
    );

    MySqlDatabase::migrate(url, &refuse).await.unwrap();
    let expected = MySqlMigrationStatus {
        applied: migration_names(),
        pending: Vec::new(),
    };
    let status = MySqlDatabase::migration_status(url, &refuse).await;
    assert_eq!(status, Ok(expected));
    let opened = MySqlDatabase::open(url, &refuse, TimeOffset::default()).await;
    assert!(opened.is_ok());
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let program = Program::start().await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')";
    execute(&mut program.raw().await, newer).await.unwrap();
    let failure = failure(program.url(), &settings()).await;
    let MySqlOpenError::NewerSchema { version, .. } = &failure else {
        panic!("{failure}");
    };
    assert_eq!(version, "20990101000001");
    let status = MySqlDatabase::migration_status(program.url(), &settings()).await;
    assert_eq!(status, Err(failure));
}

/// Runs a file of a migration twice, as happens after a crash between the migration and the record
/// of it.
async fn run_twice(raw: &mut AsyncMysqlConnection, name: &str, file: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mysql");
    let sql = std::fs::read_to_string(format!("{folder}/{name}/{file}")).unwrap();
    for _ in 0..2 {
        execute(raw, &sql).await.unwrap();
    }
}

#[tokio::test]
async fn every_migration_can_be_run_again() {
    let empty = MySqlTestDatabase::create().await.unwrap();
    let raw = &mut raw(empty.url()).await;
    let table = "CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
    execute(raw, table).await.unwrap();
    for name in migration_names() {
        run_twice(raw, &name, "up.sql").await;
        let version = name.split('_').next().unwrap().replace('-', "");
        let note = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        execute(raw, &note).await.unwrap();
    }
    let database = MySqlDatabase::open(empty.url(), &settings(), TimeOffset::default()).await;
    let balance = database.unwrap().balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0.minor_units(), 0);
}

#[tokio::test]
async fn every_migration_can_be_taken_back() {
    let empty = MySqlTestDatabase::create().await.unwrap();
    MySqlDatabase::migrate(empty.url(), &settings())
        .await
        .unwrap();
    let raw = &mut raw(empty.url()).await;
    for name in migration_names().iter().rev() {
        run_twice(raw, name, "down.sql").await;
    }
    let tables = "SELECT table_name AS text FROM information_schema.tables
                  WHERE table_schema = DATABASE()";
    assert_eq!(texts(raw, tables).await, ["__diesel_schema_migrations"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_may_open_an_empty_database_at_once() {
    let empty = MySqlTestDatabase::create().await.unwrap();
    let settings = settings();
    let open = || MySqlDatabase::open(empty.url(), &settings, TimeOffset::default());
    let (one, two, three) = tokio::join!(open(), open(), open());
    for database in [one, two, three] {
        let balance = database.unwrap().balance(&user("ann")).await.unwrap();
        assert_eq!(balance.0.minor_units(), 0);
    }
}

#[tokio::test]
async fn a_url_of_no_database_is_refused_without_showing_its_password() {
    for url in [
        "mysql://ann:secret@127.0.0.1:3306",
        "mysql://ann:secret@:::",
        "ann:secret",
    ] {
        let failure = failure(url, &settings()).await;
        assert!(
            matches!(failure, MySqlOpenError::BadUrl { .. }),
            "{failure}"
        );
    }
    let nowhere = "mysql://ann:secret@127.0.0.1:1/frontrow";
    let unreachable = failure(nowhere, &settings()).await;
    assert!(
        matches!(unreachable, MySqlOpenError::Unreachable { .. }),
        "{unreachable}"
    );
    let empty = MySqlTestDatabase::create().await.unwrap();
    let missing = format!("{}_not", empty.url());
    let unreachable = failure(&missing, &settings()).await;
    assert!(unreachable.to_string().contains("_not"), "{unreachable}");
}

/// The servers of the tests have a certificate that no client trusts, or no encryption at all.
#[tokio::test]
async fn a_connection_that_must_be_encrypted_is_never_plain() {
    let empty = MySqlTestDatabase::create().await.unwrap();
    let with = |tls| MySqlSettings { tls, ..settings() };
    let failure = failure(empty.url(), &with(TlsMode::Verify)).await;
    assert!(
        matches!(failure, MySqlOpenError::Unreachable { .. }),
        "{failure}"
    );
    let encrypt = with(TlsMode::Encrypt);
    let opened = MySqlDatabase::open(empty.url(), &encrypt, TimeOffset::default()).await;
    let offered = texts(
        &mut raw(empty.url()).await,
        "SELECT IF(@@ssl_cert > '', 'yes', 'no') AS text",
    )
    .await;
    match opened {
        Ok(_) => assert_eq!(offered, ["yes"]),
        Err(failure) => {
            assert_eq!(offered, ["no"], "{failure}");
            assert!(
                matches!(failure, MySqlOpenError::Unreachable { .. }),
                "{failure}"
            );
        }
    }
}

#[tokio::test]
async fn a_call_on_a_closed_database_fails_as_not_applied() {
    let program = Program::start().await;
    program.database.close();
    let failed = program.database.charge(&program.charge_of("ann", 1)).await;
    assert!(
        matches!(failed, Err(StoreError::NotApplied { .. })),
        "{failed:?}"
    );
}
