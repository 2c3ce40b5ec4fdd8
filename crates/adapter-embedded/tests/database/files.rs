//! Opening a file: a new one, an old one, and one that is not a database.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use diesel::{
    Connection, SqliteConnection, connection::SimpleConnection, migration::MigrationSource,
    sqlite::Sqlite,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use frontrow_adapter_embedded::{SqliteDatabase, SqliteMigrationStatus, SqliteOpenError};
use frontrow_domain::ports::{Concerts, Points, StoreError};
use jiff::Timestamp;

use crate::{
    one_file::{ShiftedClock, file_in},
    program::{Program, texts, user},
};

async fn open(file: &Path) -> Result<SqliteDatabase, SqliteOpenError> {
    SqliteDatabase::open(file, Arc::new(ShiftedClock::default())).await
}

/// Opens a file and returns the failure. Asserts that its text is one line that names the file.
async fn failure(file: &Path) -> SqliteOpenError {
    let Err(failure) = open(file).await else {
        panic!("{} was opened", file.display());
    };
    let text = failure.to_string();
    assert!(!text.contains('\n'), "{text}");
    assert!(text.contains(file.to_str().unwrap()), "{text}");
    failure
}

fn raw(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(file.to_str().unwrap()).unwrap()
}

fn migrations() -> FileBasedMigrations {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    FileBasedMigrations::from_path(folder).unwrap()
}

fn migration_names() -> Vec<String> {
    let all = MigrationSource::<Sqlite>::migrations(&migrations()).unwrap();
    let mut names: Vec<_> = all.iter().map(|one| one.name().to_string()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_new_file() {
    use std::os::unix::fs::PermissionsExt;

    let program = Program::start().await;
    program.charge("ann", 1).await;
    for beside in ["", "-wal", "-shm"] {
        let mut file = program.file().into_os_string();
        file.push(beside);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", PathBuf::from(file).display());
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    let text = "Not a database. ".repeat(1_000);
    fs::write(&file, &text).unwrap();
    let failure = failure(&file).await;
    assert!(
        matches!(failure, SqliteOpenError::NotADatabase { .. }),
        "{failure}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let program = Program::start().await;
    program.database.close().await;
    let mut bytes = fs::read(program.file()).unwrap();
    bytes
        .iter_mut()
        .take(4_096)
        .skip(100)
        .for_each(|byte| *byte = 0xff);
    fs::write(program.file(), bytes).unwrap();
    let failure = failure(&program.file()).await;
    assert!(
        matches!(failure, SqliteOpenError::NotADatabase { .. }),
        "{failure}"
    );
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    raw(&file)
        .batch_execute("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    let failure = failure(&file).await;
    assert!(
        matches!(failure, SqliteOpenError::OtherProgram { .. }),
        "{failure}"
    );
    let sql = "SELECT name AS text FROM sqlite_schema";
    assert_eq!(texts(&mut raw(&file), sql).unwrap(), ["bookmarks"]);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let program = Program::start().await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')";
    program.raw().batch_execute(newer).unwrap();
    program.database.close().await;
    let expected = SqliteOpenError::NewerSchema {
        path: program.file(),
        version: "20990101000001".into(),
    };
    assert_eq!(failure(&program.file()).await, expected);
    let status = SqliteDatabase::migration_status(&program.file()).await;
    assert_eq!(status, Err(expected));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    // Not even root can create files in the second or the third.
    for folder in [missing.as_path(), plain.as_path(), Path::new("/proc")] {
        let failure = failure(&file_in(folder)).await;
        assert!(
            matches!(failure, SqliteOpenError::Unwritable { .. }),
            "{failure}"
        );
    }
    let failure = failure(folder.path()).await;
    assert!(
        matches!(failure, SqliteOpenError::Unwritable { .. }),
        "{failure}"
    );
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    let in_the_way = "PRAGMA application_id = 1179799124; CREATE TABLE audit (x TEXT)";
    raw(&file).batch_execute(in_the_way).unwrap();
    let failure = failure(&file).await;
    assert!(
        matches!(failure, SqliteOpenError::MigrationFailed { .. }),
        "{failure}"
    );
    let sql = "SELECT name AS text FROM sqlite_schema WHERE name NOT LIKE '\\_\\_%' ESCAPE '\\'
               AND name NOT LIKE 'sqlite%'";
    assert_eq!(texts(&mut raw(&file), sql).unwrap(), ["audit"]);
}

#[tokio::test]
async fn reading_the_migration_status_creates_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    let expected = SqliteMigrationStatus {
        applied: Vec::new(),
        pending: migration_names(),
    };
    let status = SqliteDatabase::migration_status(&file).await;
    assert_eq!(status, Ok(expected.clone()));
    assert!(!file.exists());
    fs::write(&file, "").unwrap();
    let status = SqliteDatabase::migration_status(&file).await;
    assert_eq!(status, Ok(expected));
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
}

#[tokio::test]
async fn opening_runs_every_migration() {
    let program = Program::start().await;
    let status = SqliteDatabase::migration_status(&program.file()).await;
    let expected = SqliteMigrationStatus {
        applied: migration_names(),
        pending: Vec::new(),
    };
    assert_eq!(status, Ok(expected));
}

#[tokio::test]
async fn every_migration_can_be_reverted() {
    let folder = tempfile::tempdir().unwrap();
    let connection = &mut raw(&file_in(folder.path()));
    connection
        .batch_execute("PRAGMA foreign_keys = ON")
        .unwrap();
    for _ in 0..2 {
        connection.run_pending_migrations(migrations()).unwrap();
        connection.revert_all_migrations(migrations()).unwrap();
        let sql = "SELECT name AS text FROM sqlite_schema
                   WHERE name NOT LIKE '%diesel%' AND name NOT LIKE 'sqlite%'";
        assert_eq!(texts(connection, sql).unwrap(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(folder.path());
    let (one, other) = tokio::join!(open(&file), open(&file));
    let (one, other) = (one.unwrap(), other.unwrap());
    for database in [one, other] {
        let catalogue = database.catalogue(Timestamp::MIN).await.unwrap();
        assert_eq!(catalogue.concerts, []);
    }
}

#[tokio::test]
async fn two_instances_share_one_file() {
    let program = Program::start().await;
    let other = open(&program.file()).await.unwrap();
    program.charge("ann", 7).await;
    let balance = other.balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0.minor_units(), 7);
    other.charge(&program.charge_of("ann", 3)).await.unwrap();
    let balance = program.database.balance(&user("ann")).await.unwrap();
    assert_eq!(balance.0.minor_units(), 10);
}

#[tokio::test]
async fn a_call_on_a_closed_database_fails_as_not_applied() {
    let program = Program::start().await;
    program.database.close().await;
    let failed = program.database.balance(&user("ann")).await;
    assert!(
        matches!(failed, Err(StoreError::NotApplied { .. })),
        "{failed:?}"
    );
    let failed = program.database.charge(&program.charge_of("ann", 1)).await;
    assert!(
        matches!(failed, Err(StoreError::NotApplied { .. })),
        "{failed:?}"
    );
    let wal = program.file().with_extension("sqlite-wal");
    assert!(!wal.exists(), "the log is merged into the file");
}
