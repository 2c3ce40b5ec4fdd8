//! Restoring something that is not a good backup changes nothing.

use std::fs;

use anyhow::{Result, ensure};

use super::folder::{Folder, execute, fails, run, succeeds};

/// A data folder with a database, and a backup of it with some sales.
async fn with_backup() -> Result<Folder> {
    let folder = Folder::new()?;
    let test_app = folder.test_app().await?;
    let ann = crate::buyer::Buyer::at(&test_app, "ann", "R1-1").await?;
    ann.pay("payment").await?.expect_status(200)?;
    drop(test_app);
    succeeds(&folder.config(), &["backup", &folder.text("good")]).await?;
    Ok(folder)
}

/// Tries to restore `name`, which must fail. No file may have changed.
async fn is_refused(folder: &Folder, name: &str, says: &str) -> Result<()> {
    let files = folder.files()?;
    let why = fails(&folder.config(), &["restore", &folder.text(name)]).await?;
    ensure!(why.contains(says), "{name}: {why}");
    let shown = name == "data/frontrow.db" || why.contains(&folder.text(name));
    ensure!(shown, "it says which file: {why}");
    ensure!(folder.files()? == files, "{name} changed something");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_backup_is_refused() -> Result<()> {
    let folder = with_backup().await?;
    let changed = |name: &str, statements: &str| {
        fs::copy(folder.path("good"), folder.path(name))?;
        execute(&folder.path(name), statements)
    };
    fs::create_dir(folder.path("folder"))?;
    fs::write(
        folder.path("text"),
        "this is no database, whatever its name says",
    )?;
    fs::write(folder.path("empty"), "")?;
    changed("strange", "PRAGMA application_id = 77")?;
    changed(
        "newer",
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')",
    )?;
    changed(
        "stray",
        "PRAGMA foreign_keys = OFF; DELETE FROM performances",
    )?;
    changed(
        "key",
        "CREATE TABLE backup_keys (name TEXT NOT NULL PRIMARY KEY, secret TEXT NOT NULL) STRICT;
         INSERT INTO backup_keys VALUES ('../../outside', hex(randomblob(32)))",
    )?;
    fs::copy(folder.path("good"), folder.path("with-log"))?;
    fs::write(folder.path("with-log-wal"), "some changes")?;
    for (name, says) in [
        ("missing", "cannot read"),
        ("folder", "cannot"),
        ("text", "not an SQLite database"),
        ("empty", "is an empty database"),
        ("strange", "database of another program"),
        ("newer", "newer version"),
        ("stray", "rows refer to others"),
        ("key", "a key that does not belong to this program"),
        ("with-log", "not the whole database"),
        ("data/frontrow.db", "itself"),
    ] {
        is_refused(&folder, name, says).await?;
    }
    succeeds(&folder.config(), &["restore", &folder.text("good")]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_cut_short_is_refused() -> Result<()> {
    let folder = with_backup().await?;
    let whole = fs::read(folder.path("good"))?;
    for length in [
        10,
        512,
        4096,
        4097,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        fs::write(folder.path("short"), &whole[..length])?;
        is_refused(&folder, "short", "damaged").await?;
    }
    Ok(())
}

/// Flips one bit of the first byte of each page, which is the type of the page, and of the pointers
/// behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_with_a_wrong_bit_in_its_structure_is_refused() -> Result<()> {
    const PAGE: usize = 4096;
    let folder = with_backup().await?;
    let good = fs::read(folder.path("good"))?;
    let files = folder.files()?;
    for page in 1..good.len() / PAGE {
        for offset in [0, 4] {
            let mut bytes = good.clone();
            bytes[page * PAGE + offset] ^= 0b100;
            fs::write(folder.path("flipped"), &bytes)?;
            let done = run(&folder.config(), &["restore", &folder.text("flipped")]).await?;
            let why = String::from_utf8(done.stderr)?;
            ensure!(!done.status.success(), "page {page}, byte {offset}");
            ensure!(why.contains("damaged") && why.lines().count() == 1, "{why}");
            fs::remove_file(folder.path("flipped"))?;
            ensure!(folder.files()? == files, "page {page} changed something");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_not_backed_up() -> Result<()> {
    let folder = with_backup().await?;
    succeeds(&folder.config(), &["restore", &folder.text("good")]).await?;
    execute(
        &folder.database(),
        "PRAGMA foreign_keys = OFF; DELETE FROM performances",
    )?;
    let files = folder.files()?;
    let why = fails(&folder.config(), &["backup", &folder.text("copy")]).await?;
    ensure!(why.contains("damaged"), "{why}");
    ensure!(folder.files()? == files);
    Ok(())
}
