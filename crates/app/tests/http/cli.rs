//! The commands of the program other than `serve`.

use std::path::Path;

use anyhow::Result;
use frontrow_test_harness::{App, AppConfig};

use crate::test_app::start;

async fn run(config: AppConfig) -> Result<(bool, String)> {
    let output = App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), &config).await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.success(), text))
}

#[tokio::test]
async fn help_explains_every_command() -> Result<()> {
    for command in [
        None,
        Some("serve"),
        Some("migrate"),
        Some("reconcile"),
        Some("demo"),
        Some("backup"),
        Some("restore"),
        Some("config"),
        Some("user-token"),
    ] {
        let config = command
            .into_iter()
            .fold(AppConfig::default(), AppConfig::arg);
        let (succeeded, text) = run(config.arg("--help")).await?;
        assert!(
            succeeded && text.contains("Usage: frontrow"),
            "{command:?}: {text}"
        );
    }
    let (_, text) = run(AppConfig::default().arg("--help")).await?;
    for command in [
        "serve",
        "migrate",
        "reconcile",
        "demo",
        "backup",
        "restore",
        "config",
        "user-token",
    ] {
        assert!(text.contains(command), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn config_hides_secrets_and_can_be_read_back() -> Result<()> {
    let config = AppConfig::default()
        .env("FRONTROW_ADMIN__KEYS__OPS", "a-secret-that-nobody-sees")
        .env("FRONTROW_QUEUE__RECOVERY_S", "7");
    let (succeeded, text) = run(config.arg("config")).await?;
    assert!(succeeded && !text.contains("nobody-sees"), "{text}");
    assert!(
        text.contains("recovery_s = 7") && text.contains("ops = \"(hidden)\""),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn migrate_makes_the_database_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = || AppConfig::default().data_dir(folder.path()).arg("migrate");
    let (succeeded, before) = run(config().arg("--status")).await?;
    assert!(succeeded && before.contains("to be applied"), "{before}");
    assert!(
        !folder.path().join("frontrow.db").exists(),
        "a look changes nothing"
    );
    let (succeeded, now) = run(config()).await?;
    assert!(succeeded && now.contains("applied now"), "{now}");
    let (succeeded, after) = run(config().arg("--status")).await?;
    assert!(succeeded && !after.contains("to be applied"), "{after}");
    Ok(())
}

#[tokio::test]
async fn demo_adds_concerts_to_a_database() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = AppConfig::default().data_dir(folder.path());
    let (succeeded, text) = run(config.clone().arg("demo")).await?;
    assert!(succeeded && text.contains("added 3 concerts"), "{text}");
    let app = start(config).await?;
    let concerts = app.client().get("/v1/concerts").await?.expect_status(200)?;
    assert_eq!(concerts.at("/items")?.as_array().map(Vec::len), Some(3));
    Ok(())
}

#[tokio::test]
async fn a_development_identity_is_believed() -> Result<()> {
    let app = start(AppConfig::default()).await?;
    let output = app.command(&["user-token", "--sub", "carol"]).await?;
    let identity = String::from_utf8(output.stdout)?;
    let carol = app.client().bearer(identity.trim());
    carol.get("/v1/points").await?.expect_status(200)?;
    let mut forged = identity.trim().to_owned();
    forged.push('x');
    app.client()
        .bearer(&forged)
        .get("/v1/points")
        .await?
        .expect_status(401)?;
    let refused = app.command(&["user-token", "--sub", "a b"]).await?;
    assert!(!refused.status.success());
    Ok(())
}
