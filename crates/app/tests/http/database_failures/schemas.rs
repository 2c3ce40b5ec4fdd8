//! `frontrow migrate` on MySQL, and databases that are older or newer than the program.

use std::path::Path;

use anyhow::{Result, ensure};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use frontrow_test_harness::{App, AppConfig, MySqlTestDatabase};

use crate::{stores::Stores, test_app::start};

/// Whether the command succeeded, and its outputs.
async fn run(config: AppConfig) -> Result<(bool, String, String)> {
    let output = App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), &config).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    ))
}

async fn refuses(config: AppConfig, says: &[&str]) -> Result<()> {
    let (succeeded, _, text) = run(config).await?;
    ensure!(!succeeded && text.lines().count() == 1, "{text}");
    ensure!(text.starts_with("frontrow: "), "{text}");
    for part in says {
        ensure!(text.contains(part), "{part}: {text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_is_refused_until_it_is_migrated() -> Result<()> {
    let database = MySqlTestDatabase::create().await?;
    let config =
        || Stores::on_mysql(database.url()).env("FRONTROW_DATABASE__OLDER_SCHEMA", "refuse");
    let older = ["lacks", "run the migrations"];
    refuses(config(), &older).await?;
    refuses(config().arg("demo"), &older).await?;

    let status = || run(config().arg("migrate").arg("--status"));
    let (succeeded, before, _) = status().await?;
    let to_come = before.lines().count();
    ensure!(succeeded && to_come > 1, "{before}");
    assert_eq!(before.matches("to be applied").count(), to_come);
    assert_eq!(status().await?.1, before, "a look changes nothing");

    let (succeeded, now, _) = run(config().arg("migrate")).await?;
    ensure!(succeeded, "{now}");
    assert_eq!(now.matches("applied now").count(), to_come);
    let (succeeded, after, _) = status().await?;
    ensure!(
        succeeded && after == before.replace("to be applied  ", "applied        "),
        "{after}"
    );
    let (succeeded, again, _) = run(config().arg("migrate")).await?;
    ensure!(succeeded && again == after, "{again}");
    start(config()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() -> Result<()> {
    let database = MySqlTestDatabase::create().await?;
    let config = || Stores::on_mysql(database.url());
    drop(start(config()).await?);
    let mut raw = AsyncMysqlConnection::establish(database.url()).await?;
    raw.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000001')")
        .await?;
    let newer = ["newer version of this program", "20990101000001"];
    for command in [
        &["serve"][..],
        &["demo"],
        &["migrate"],
        &["migrate", "--status"],
    ] {
        refuses(command.iter().fold(config(), AppConfig::arg), &newer).await?;
    }
    Ok(())
}
