//! The keys in the data folder, which a backup includes with `--with-keys`.

use std::fs;

use anyhow::{Result, ensure};

use super::folder::{Folder, fails, has_text, mode, number, succeeds};
use crate::test_app::start;

const KEYS: [&str; 3] = ["admin", "identity", "queue-token"];

/// The folder of a server that has created all of its keys, and two backups: `plain` and `secret`.
async fn backed_up() -> Result<(Folder, String)> {
    let folder = Folder::new()?;
    let app = start(folder.config()).await?;
    let admin = fs::read_to_string(folder.path("data/keys/admin"))?;
    let concert = app
        .client()
        .bearer(admin.trim())
        .post("/v1/admin/concerts")
        .json(&serde_json::json!({"title": "A concert", "queue": {}}))
        .await?
        .expect_status(201)?;
    let concert = serde_json::json!({"concert_id": concert.at("/id")?});
    let joined = app
        .client()
        .user("ann")
        .post("/v1/queue/tokens")
        .json(&concert);
    let token = joined.await?.expect_status(201)?;
    let token = token.text_at("/queue_token")?.to_owned();
    succeeds(&folder.config(), &["backup", &folder.text("plain")]).await?;
    let with_keys = ["backup", &*folder.text("secret"), "--with-keys"];
    succeeds(&folder.config(), &with_keys).await?;
    Ok((folder, token))
}

/// The status of a look-up with this token at a server on `folder`.
async fn look_up(folder: &Folder, token: &str) -> Result<u16> {
    let app = start(folder.config()).await?;
    let look = app.client().get("/v1/queue/token").queue_token(token);
    Ok(look.await?.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_key_every_queue_token_is_answered_401() -> Result<()> {
    let (folder, token) = backed_up().await?;
    let elsewhere = Folder::new()?;
    let said = succeeds(&elsewhere.config(), &["restore", &folder.text("plain")]).await?;
    ensure!(said.contains("401"), "{said}");
    assert_eq!(look_up(&elsewhere, &token).await?, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_keys_a_backup_brings_the_tokens_and_the_operator_back() -> Result<()> {
    let (folder, token) = backed_up().await?;
    let elsewhere = Folder::new()?;
    let said = succeeds(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    ensure!(!said.contains("401"), "{said}");
    for name in KEYS {
        let path = elsewhere.path("data/keys").join(name);
        let made = fs::read(folder.path("data/keys").join(name))?;
        assert_eq!(fs::read(&path)?, made);
        assert_eq!(mode(&path)?, 0o600);
    }
    assert_eq!(look_up(&elsewhere, &token).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_in_the_backup_alone_and_in_no_restored_database() -> Result<()> {
    let (folder, _) = backed_up().await?;
    let has = |file: &str, secret: &str| has_text(&folder.path(file), secret);
    let secrets = KEYS.map(|name| fs::read_to_string(folder.path("data/keys").join(name)));
    succeeds(&folder.config(), &["restore", &folder.text("secret")]).await?;
    for secret in secrets {
        let secret = secret?;
        ensure!(!has("plain", secret.trim())?);
        ensure!(has("secret", secret.trim())?);
        ensure!(!has("data/frontrow.db", secret.trim())?);
    }
    let tables = "SELECT count(*) AS number FROM sqlite_schema WHERE name = 'backup_keys'";
    assert_eq!(number(&folder.path("secret"), tables)?, 1);
    assert_eq!(number(&folder.database(), tables)?, 0);
    assert_eq!(mode(&folder.path("secret"))?, 0o600);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_are_moved_aside() -> Result<()> {
    let (folder, token) = backed_up().await?;
    let elsewhere = Folder::new()?;
    drop(start(elsewhere.config()).await?);
    let before = KEYS.map(|name| fs::read(elsewhere.path("data/keys").join(name)));
    let said = succeeds(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    for (name, before) in KEYS.into_iter().zip(before) {
        let moved = elsewhere.named(&format!("keys/{name}.before-"))?;
        ensure!(moved.len() == 1, "{moved:?}");
        assert_eq!(fs::read(&moved[0])?, before?);
        ensure!(said.contains(&*moved[0].to_string_lossy()), "{said}");
    }
    assert_eq!(look_up(&elsewhere, &token).await?, 200);
    // A second restore finds its own keys, which stay.
    succeeds(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    assert_eq!(elsewhere.named("keys/admin")?.len(), 2);
    Ok(())
}

/// The last step cannot replace a folder that is in the place of the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_fails_at_its_last_step_says_where_the_keys_are() -> Result<()> {
    let (folder, _) = backed_up().await?;
    let elsewhere = Folder::new()?;
    drop(start(elsewhere.config()).await?);
    for log in ["-wal", "-shm"] {
        let path = elsewhere.path(&format!("data/frontrow.db{log}"));
        if path.exists() {
            fs::remove_file(path)?;
        }
    }
    fs::remove_file(elsewhere.database())?;
    fs::create_dir(elsewhere.database())?;
    let why = fails(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    let said = "are already those of the backup: admin, identity, queue-token; the old ones are ";
    ensure!(why.contains(said) && why.contains("cannot write"), "{why}");
    for name in KEYS {
        let moved = elsewhere.named(&format!("keys/{name}.before-"))?;
        ensure!(moved.len() == 1, "{moved:?}");
        ensure!(why.contains(&*moved[0].to_string_lossy()), "{why}");
    }
    ensure!(elsewhere.database().is_dir());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_stops_only_a_backup_that_carries_it() -> Result<()> {
    let (folder, _) = backed_up().await?;
    fs::write(folder.path("data/keys/admin"), "short")?;
    let said = succeeds(&folder.config(), &["backup", &folder.text("again")]).await?;
    ensure!(said.contains("admin, identity, queue-token"), "{said}");
    let with_keys = ["backup", &*folder.text("bad"), "--with-keys"];
    let why = fails(&folder.config(), &with_keys).await?;
    ensure!(why.contains("too short"), "{why}");
    ensure!(!folder.path("bad").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_reports_what_its_keys_allow() -> Result<()> {
    let (folder, _) = backed_up().await?;
    let secret = async |name: &str| {
        let with_keys = ["backup", &*folder.text(name), "--with-keys"];
        succeeds(&folder.config(), &with_keys).await
    };
    let all = secret("all").await?;
    ensure!(
        all.contains("can make tokens, and is an operator\n"),
        "{all}"
    );
    fs::remove_file(folder.path("data/keys/admin"))?;
    let tokens = secret("tokens").await?;
    ensure!(tokens.contains("can make tokens\n"), "{tokens}");
    for name in ["identity", "queue-token"] {
        fs::remove_file(folder.path("data/keys").join(name))?;
    }
    let none = secret("none").await?;
    ensure!(!none.contains("a reader of this file"), "{none}");
    Ok(())
}
