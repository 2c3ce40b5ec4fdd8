//! `frontrow restore`: the files afterwards, and that it notices other processes that use the
//! database.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use diesel::connection::SimpleConnection;
use frontrow_test_harness::{App, Process, RedisKeyspace};
use serde_json::json;

use super::folder::{Folder, execute, fails, mode, open, points, succeeds};
use crate::{
    clock::Stopwatch,
    stores::Stores,
    test_app::{PRICE, TestApp, start},
};

/// A server that was killed, so that its last payment is in the write-ahead log, and an earlier
/// backup. The balance was 100 points in the backup and is 300 now.
async fn killed(folder: &Folder) -> Result<TestApp> {
    let mut test_app = folder.test_app().await?;
    let ann = test_app.join("ann").await?;
    ann.charge(PRICE, "before").await?.expect_status(201)?;
    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    ann.charge(2 * PRICE, "after").await?.expect_status(201)?;
    test_app.app.sigkill()?;
    ensure!(folder.path("data/frontrow.db-wal").metadata()?.len() > 0);
    Ok(test_app)
}

/// The one database that was moved aside.
fn moved(folder: &Folder) -> Result<std::path::PathBuf> {
    let mut moved = folder.named("frontrow.db.before-")?;
    moved.retain(|path| !path.to_string_lossy().ends_with("-wal"));
    ensure!(moved.len() == 1, "{moved:?}");
    moved.pop().context("one")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backup_is_in_place_and_nothing_is_lost() -> Result<()> {
    let folder = Folder::new()?;
    let mut test_app = killed(&folder).await?;
    let copy = fs::read(folder.path("copy"))?;
    let said = succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    ensure!(said.contains(&*moved(&folder)?.to_string_lossy()), "{said}");

    assert_eq!(points(&folder.database())?, PRICE);
    assert_eq!(mode(&folder.database())?, 0o600);
    assert_eq!(
        points(&moved(&folder)?)?,
        3 * PRICE,
        "with what was in its log"
    );
    assert_eq!(fs::read(folder.path("copy"))?, copy);
    let data = folder.named("frontrow.db")?.len() + folder.named(".frontrow")?.len();
    assert_eq!(data, 2, "{:?}", folder.named("")?);

    test_app.app.restart().await?;
    let points = test_app.user("ann").get("/v1/points").await?;
    assert_eq!(points.expect_status(200)?.at("/balance")?, PRICE);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_opened_is_moved_aside() -> Result<()> {
    let folder = Folder::new()?;
    killed(&folder).await?;
    // SQLite would repair the file with a whole log.
    fs::write(folder.database(), "whatever was here, it is not any more")?;
    fs::write(folder.path("data/frontrow.db-wal"), "nor is this a log")?;
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    assert_eq!(points(&folder.database())?, PRICE);
    ensure!(fs::read(moved(&folder)?)?.starts_with(b"whatever"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_makes_a_data_folder_where_there_is_none() -> Result<()> {
    let (folder, elsewhere) = (Folder::new()?, Folder::new()?);
    killed(&folder).await?;
    succeeds(&elsewhere.config(), &["restore", &folder.text("copy")]).await?;
    let app = start(elsewhere.config()).await?;
    let points = app.client().user("ann").get("/v1/points").await?;
    assert_eq!(points.expect_status(200)?.at("/balance")?, PRICE);
    Ok(())
}

/// SQLite would use it as the log of the restored database.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_database_is_moved_aside() -> Result<()> {
    let folder = Folder::new()?;
    killed(&folder).await?;
    let log = fs::read(folder.path("data/frontrow.db-wal"))?;
    fs::remove_file(folder.database())?;
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    assert_eq!(points(&folder.database())?, PRICE);
    let moved = folder.named("frontrow.db.before-")?;
    ensure!(moved.len() == 1 && fs::read(&moved[0])? == log, "{moved:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_noticed_wherever_its_queues_are() -> Result<()> {
    let folder = Folder::new()?;
    folder.migrated().await?;
    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    let keyspace = RedisKeyspace::create().await?;
    let on_redis = Stores::with_redis(folder.config(), keyspace.url())
        .env("FRONTROW_REDIS__KEY_PREFIX", keyspace.prefix())
        .env("FRONTROW_ADMIN__KEYS__OPS", crate::test_app::ADMIN_KEY);
    let restore = ["restore", &*folder.text("copy")];
    for (server, restoring) in [
        (folder.config(), folder.config()),
        (on_redis.clone(), on_redis.clone()),
        (on_redis.clone(), folder.config()),
    ] {
        let app = start(server).await?;
        let why = fails(&restoring, &restore).await?;
        ensure!(why.contains("another frontrow"), "{why}");
        ensure!(folder.named("frontrow.db.before")?.is_empty());
        app.client().get("/readyz").await?.expect_status(200)?;
        drop(app);
    }
    // Several programs may serve the file together while their queues are elsewhere. Each of them
    // blocks a restore.
    let (one, other) = (
        start(on_redis.clone()).await?,
        start(on_redis.clone()).await?,
    );
    let why = fails(&folder.config(), &["serve"]).await?;
    ensure!(why.contains("another frontrow"), "{why}");
    drop(one);
    fails(&on_redis, &restore).await?;
    drop(other);
    succeeds(&on_redis, &restore).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_that_has_the_file_open_is_noticed() -> Result<()> {
    let folder = Folder::new()?;
    folder.migrated().await?;
    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    let mut visitor = open(&folder.database())?;
    visitor.batch_execute("PRAGMA journal_mode = WAL; SELECT count(*) FROM concerts")?;
    let why = fails(&folder.config(), &["restore", &folder.text("copy")]).await?;
    ensure!(why.contains("open in another process"), "{why}");
    ensure!(folder.named("frontrow.db.before")?.is_empty());
    visitor.batch_execute("SELECT count(*) FROM concerts")?;
    drop(visitor);
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    Ok(())
}

/// A crash at a moment without a database would leave none.
#[tokio::test(flavor = "multi_thread")]
async fn at_every_moment_of_a_restore_there_is_a_database() -> Result<()> {
    let folder = Folder::new()?;
    drop(killed(&folder).await?);
    let done = Arc::new(AtomicBool::new(false));
    let watch = {
        let (database, done) = (folder.database(), Arc::clone(&done));
        std::thread::spawn(move || {
            let mut missed = 0_u32;
            while !done.load(Ordering::Relaxed) {
                missed += u32::from(!database.exists());
            }
            missed
        })
    };
    for _ in 0..10 {
        succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    }
    done.store(true, Ordering::Relaxed);
    let missed = watch.join().ok().context("the watch panicked")?;
    assert_eq!(missed, 0);
    Ok(())
}

/// Each run begins with the killed server's files, and is killed a little later than the previous
/// run.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_leaves_one_of_the_two_in_place() -> Result<()> {
    const STEPS: u32 = 50;
    let folder = Folder::new()?;
    drop(killed(&folder).await?);
    let database = fs::read(folder.database())?;
    let changes = fs::read(folder.path("data/frontrow.db-wal"))?;
    let whole = Stopwatch::start();
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    let whole = whole.elapsed();
    for step in 0..=STEPS {
        for file in ["", "-wal", "-shm", "-journal"] {
            let path = folder.path(&format!("data/frontrow.db{file}"));
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        fs::write(folder.database(), &database)?;
        fs::write(folder.path("data/frontrow.db-wal"), &changes)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontrow"));
        command
            .env("FRONTROW_DATA_DIR", folder.path("data"))
            .args(["restore", &folder.text("copy")]);
        let log = folder.path("log");
        let mut process = Process::spawn("the restore", &mut command, &log)?;
        tokio::time::sleep(whole * step / STEPS).await;
        process.kill()?;
        let points = points(&folder.database())?;
        ensure!([PRICE, 3 * PRICE].contains(&points), "{points}");
    }
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    assert_eq!(points(&folder.database())?, PRICE);
    execute(&folder.database(), "PRAGMA journal_mode = WAL")?;
    let app: App = start(folder.config()).await?;
    app.client().get("/v1/concerts").await?.expect_status(200)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_get_their_places_back_though_the_backup_was_made_before_the_sale() -> Result<()> {
    let folder = Folder::new()?;
    let mut test_app = folder.test_app().await?;
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    // No user is in the line, so the database records that there is nothing to recover.
    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    test_app.app.restart().await?;
    let mut ann = test_app.join("ann").await?;
    let joined_at = ann.place["joined_at"].clone();
    test_app.app.sigkill()?;
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    test_app.app.restart().await?;
    ann.look_up().await?.expect_status(200)?;
    assert_eq!(ann.place["joined_at"], joined_at);
    assert_eq!(ann.place["queue"]["recovering"], json!(true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_symbolic_link_the_file_itself_is_replaced() -> Result<()> {
    let folder = Folder::new()?;
    folder.migrated().await?;
    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    fs::rename(folder.database(), folder.path("disk"))?;
    std::os::unix::fs::symlink(folder.path("disk"), folder.database())?;
    execute(
        &folder.path("disk"),
        "INSERT INTO balances (user_id, balance) VALUES ('ann', 5)",
    )?;
    succeeds(&folder.config(), &["restore", &folder.text("copy")]).await?;
    ensure!(fs::symlink_metadata(folder.database())?.is_symlink());
    assert_eq!(points(Path::new(&folder.text("disk")))?, 0);
    Ok(())
}
