//! `frontrow backup`: the content of the copy, its output, and that a failed backup leaves no
//! files.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use frontrow_test_harness::{App, Client, eventually};
use tokio::task::JoinSet;

use super::folder::{Folder, execute, fails, mode, number, points, run, succeeds};
use crate::{stores::Stores, test_app::start};

/// Users who charge points at the same time.
#[derive(Default)]
struct ChargingUsers {
    /// The number of points whose charge was acknowledged.
    answered: AtomicI64,
    stop: AtomicBool,
}

impl ChargingUsers {
    fn answered(&self) -> i64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// Charges one point after the other until `stop` is set.
    async fn charge_until_stopped(self: Arc<Self>, client: Client) -> Result<()> {
        let mut charges = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let charge = client
                .post("/v1/points/charges")
                .idempotency_key(&format!("charge {charges}"))
                .json(&serde_json::json!({"amount": 1}));
            charge.await?.expect_status(201)?;
            charges += 1;
            self.answered.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_busy_database_has_every_change_that_was_acknowledged_before() -> Result<()> {
    let folder = Folder::new()?;
    let test_app = folder.test_app().await?;
    let charging = Arc::new(ChargingUsers::default());
    let mut tasks = JoinSet::new();
    for name in ["ann", "bob", "carl", "dora"] {
        tasks.spawn(Arc::clone(&charging).charge_until_stopped(test_app.user(name)));
    }
    eventually("users charge", Duration::from_secs(30), async || {
        Ok((charging.answered() > 12).then_some(()))
    })
    .await?;

    // The file alone lacks the content of the write-ahead log, so a copy of it is not a backup.
    let before = charging.answered();
    fs::copy(folder.database(), folder.path("half"))?;
    ensure!(points(&folder.path("half")).unwrap_or(0) < before);

    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    charging.stop.store(true, Ordering::SeqCst);
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let charged = charging.answered();
    let copied = points(&folder.path("copy"))?;
    ensure!(
        (before..=charged).contains(&copied),
        "{before} {copied} {charged}"
    );
    let ledger = "SELECT sum(amount) AS number FROM ledger";
    ensure!(number(&folder.path("copy"), ledger)? == copied);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_readable_by_its_owner_alone_and_replaces_no_file() -> Result<()> {
    let folder = Folder::new()?;
    folder.migrated().await?;
    let copy = folder.text("copy");
    succeeds(&folder.config(), &["backup", &copy]).await?;
    assert_eq!(mode(Path::new(&copy))?, 0o600);
    std::os::unix::fs::symlink("nowhere", folder.path("link"))?;
    fs::write(folder.path("other"), "another file")?;
    let files = folder.files()?;
    for name in ["copy", "other", "link"] {
        let why = fails(&folder.config(), &["backup", &folder.text(name)]).await?;
        ensure!(why.contains("there already"), "{why}");
    }
    assert_eq!(folder.files()?, files);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_leaves_nothing() -> Result<()> {
    let folder = Folder::new()?;
    let config = |database: &str| {
        let url = format!("sqlite:{}", folder.text(database));
        folder.config().env("FRONTROW_DATABASE__URL", url)
    };
    fs::create_dir(folder.path("data"))?;
    fs::write(
        folder.path("text"),
        "this is no database, whatever its name says",
    )?;
    fs::write(folder.path("empty"), "")?;
    fs::write(folder.path("strange"), "")?;
    execute(&folder.path("strange"), "CREATE TABLE strange (column)")?;
    succeeds(&config("good"), &["migrate"]).await?;
    succeeds(&config("newer"), &["migrate"]).await?;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')";
    execute(&folder.path("newer"), newer)?;

    let files = folder.files()?;
    for (database, file, says) in [
        ("missing", "copy", "there is no database"),
        ("missing/missing", "copy", "there is no database"),
        ("text", "copy", "not an SQLite database"),
        ("empty", "copy", "is an empty database"),
        ("strange", "copy", "database of another program"),
        ("newer", "copy", "newer version"),
        ("good", "missing/copy", "cannot write into the folder"),
        ("good", "text/copy", "cannot write into the folder"),
    ] {
        let why = fails(&config(database), &["backup", &folder.text(file)]).await?;
        ensure!(why.contains(says), "{database}: {why}");
        assert_eq!(folder.files()?, files, "{database}");
    }
    Ok(())
}

/// The shell sets the limit, and ignores the signal so that the program gets an error instead.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_does_not_fit_leaves_nothing() -> Result<()> {
    let folder = Folder::new()?;
    let _running = start(folder.config()).await?;
    let names = || anyhow::Ok(folder.files()?.into_keys().collect::<Vec<_>>());
    let before = names()?;
    let copy = async |blocks: u32| {
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {} backup {}",
            env!("CARGO_BIN_EXE_frontrow"),
            folder.text("copy"),
        );
        let config = folder.config().arg("-c").arg(script);
        App::run(Path::new("/bin/sh"), &config).await
    };
    for blocks in [1, 16, 64] {
        let done = copy(blocks).await?;
        let why = String::from_utf8(done.stderr)?;
        ensure!(!done.status.success() && why.contains("cannot "), "{why}");
        ensure!(why.lines().count() == 1, "{why}");
        assert_eq!(names()?, before);
    }
    ensure!(copy(1_000_000).await?.status.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_reports_what_it_leaves_out() -> Result<()> {
    let folder = Folder::new()?;
    folder.test_app().await?;
    let config = folder.config();
    let plain = succeeds(&config, &["backup", &folder.text("plain")]).await?;
    for part in [
        "plain",
        "frontrow.db",
        "data/keys: identity, queue-token",
        "--with-keys",
        "401",
        "re-enter with their tokens",
    ] {
        ensure!(plain.contains(part), "{part}: {plain}");
    }
    ensure!(
        !plain.contains("configuration") && !plain.contains("secret"),
        "{plain}"
    );

    let with_keys = succeeds(&config, &["backup", &folder.text("keys"), "--with-keys"]).await?;
    ensure!(with_keys.contains("secret"), "{with_keys}");
    ensure!(
        !with_keys.contains("401") && !with_keys.contains("operator"),
        "{with_keys}"
    );

    let shared = Stores::with_redis(config, "redis://127.0.0.1:1")
        .env("FRONTROW_ADMIN__KEYS__OPS", crate::test_app::ADMIN_KEY);
    let shared = succeeds(&shared, &["backup", &folder.text("shared")]).await?;
    for part in [
        "in the configuration: queue.token_keys, admin.keys",
        "Redis",
    ] {
        ensure!(shared.contains(part), "{part}: {shared}");
    }
    ensure!(
        !shared.contains("401") && !shared.contains("re-enter with their tokens"),
        "{shared}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_referred_to_the_manual() -> Result<()> {
    let folder = Folder::new()?;
    folder.migrated().await?;
    succeeds(&folder.config(), &["backup", &folder.text("copy")]).await?;
    let files = folder.files()?;
    let config = folder
        .config()
        .env("FRONTROW_DATABASE__URL", "mysql://root@127.0.0.1:1/x");
    for arguments in [
        &["backup", &*folder.text("other")][..],
        &["backup", &*folder.text("other"), "--with-keys"],
        &["restore", &*folder.text("copy")],
    ] {
        let why = fails(&config, arguments).await?;
        ensure!(why.contains("docs/OPERATIONS.md"), "{why}");
    }
    assert_eq!(folder.files()?, files);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_is_copied_and_restored_as_it_is() -> Result<()> {
    let folder = Folder::new()?;
    folder.migrated().await?;
    execute(
        &folder.database(),
        "DROP TRIGGER added_reservations_are_counted;
         DELETE FROM __diesel_schema_migrations WHERE version = '20261122000021'",
    )?;
    let config = folder.config();
    let pending = async || {
        let status = succeeds(&config, &["migrate", "--status"]).await?;
        anyhow::Ok(status.matches("to be applied").count())
    };
    assert_eq!(pending().await?, 1);
    succeeds(&config, &["backup", &folder.text("copy")]).await?;
    assert_eq!(pending().await?, 1, "the source is not migrated");
    let migrated = run(&config, &["migrate"]).await?;
    ensure!(migrated.status.success() && pending().await? == 0);
    succeeds(&config, &["restore", &folder.text("copy")]).await?;
    assert_eq!(pending().await?, 1);
    start(config.clone()).await?;
    assert_eq!(pending().await?, 0, "the next start does it");
    Ok(())
}
