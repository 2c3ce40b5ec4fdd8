//! Starting, stopping and restarting a program. A shell script takes its place, and a server in
//! this process answers the requests.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use frontrow_test_harness::{App, AppConfig};

use crate::stub_server;

/// A script that announces the address in `ADDRESS`, and ends in good order on SIGTERM.
const SERVES: &str = r#"
    trap 'echo bye; exit 0' TERM
    mkdir -p "$FRONTROW_DATA_DIR"
    echo started >> "$FRONTROW_DATA_DIR/starts"
    echo "frontrow is listening on $ADDRESS"
    while :; do sleep 0.02; done
"#;

fn shell() -> &'static Path {
    Path::new("/bin/sh")
}

/// Returns a configuration that runs this script in the shell.
fn script(text: &str) -> AppConfig {
    AppConfig::default().arg("-c").arg(text)
}

async fn ready_server() -> String {
    stub_server::serve(|_| ("200 OK", "ready".to_owned())).await
}

async fn serving() -> AppConfig {
    script(SERVES).env("ADDRESS", ready_server().await)
}

#[tokio::test]
async fn a_start_waits_until_the_program_is_ready() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = stub_server::serve(move |request| {
        assert!(request.starts_with("GET /readyz "), "{request}");
        match counter.fetch_add(1, Ordering::SeqCst) {
            0..3 => ("503 Service Unavailable", String::new()),
            _ => ("200 OK", String::new()),
        }
    })
    .await;
    let config = script(SERVES).env("ADDRESS", &address);
    let app = App::start(shell(), config).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    assert_eq!(app.base_url(), address);
    assert!(app.log().unwrap().contains(&address));
}

#[tokio::test]
async fn a_program_that_ends_early_is_an_error_that_shows_its_log() {
    let config = script("echo 'server.bind: not an address' >&2; exit 2");
    let error = App::start(shell(), config).await.unwrap_err();
    let message = format!("{error:#}");
    assert!(message.contains("exit status: 2"), "{message}");
    assert!(message.contains("server.bind: not an address"), "{message}");
}

#[tokio::test]
async fn a_program_that_is_never_ready_is_an_error() {
    let address = stub_server::serve(|_| ("503 Service Unavailable", String::new())).await;
    let config = script(SERVES)
        .env("ADDRESS", address)
        .ready_within(Duration::from_millis(300));
    let error = App::start(shell(), config).await.unwrap_err();
    let message = format!("{error:#}");
    assert!(message.contains("/readyz answers 200"), "{message}");
}

#[tokio::test]
async fn a_program_sees_its_own_settings_and_its_config_file() {
    let config = script(
        r#"cat frontrow.toml; echo "$FRONTROW_SERVER__BIND $FRONTROW_EXTRA"; pwd; echo "$FRONTROW_DATA_DIR""#,
    )
    .env("FRONTROW_EXTRA", "given")
    .config_file("data_dir = \"x\"\n");
    let output = App::run(shell(), &config).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["data_dir = \"x\"", "127.0.0.1:0 given"]);
    assert_eq!(lines[3], format!("{}/data", lines[2]));
    assert!(!Path::new(lines[2]).exists());
}

#[tokio::test]
async fn sigterm_ends_a_program_in_good_order() {
    let mut app = App::start(shell(), serving().await).await.unwrap();
    app.sigterm().unwrap();
    assert!(app.wait_exit().await.unwrap().success());
    assert!(app.log().unwrap().ends_with("bye\n"));
}

#[tokio::test]
async fn sigkill_kills_a_program() {
    let mut app = App::start(shell(), serving().await).await.unwrap();
    app.sigkill().unwrap();
    let status = app.wait_exit().await.unwrap();
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test]
async fn a_restarted_program_has_the_same_data() {
    let mut app = App::start(shell(), serving().await).await.unwrap();
    let client = app.client().user("alice");
    let starts = app.data_dir().join("starts");
    app.restart().await.unwrap();
    app.sigkill().unwrap();
    app.restart().await.unwrap();
    app.sigterm().unwrap();
    app.restart().await.unwrap();
    assert_eq!(fs::read_to_string(starts).unwrap().lines().count(), 4);
    assert_eq!(client.get("/").await.unwrap().status, 200);
}

#[tokio::test]
async fn clients_follow_a_program_to_another_address() {
    let mut app = App::start(shell(), serving().await).await.unwrap();
    let client = app.client();
    let moved = stub_server::serve(|_| ("200 OK", "moved".to_owned())).await;
    let config = script(SERVES).env("ADDRESS", &moved);
    let data_dir = app.data_dir();
    app.restart_with(config).await.unwrap();
    assert_eq!(app.base_url(), moved);
    assert_eq!(app.data_dir(), data_dir);
    assert_eq!(client.get("/").await.unwrap().text, "moved");
}

#[tokio::test]
async fn a_failed_exit_fails_the_restart() {
    let disorderly = SERVES.replace("exit 0", "exit 7");
    let config = script(&disorderly).env("ADDRESS", ready_server().await);
    let mut app = App::start(shell(), config).await.unwrap();
    let error = app.restart().await.unwrap_err();
    assert!(error.to_string().contains("exit status: 7"), "{error:#}");
}

#[tokio::test]
async fn other_commands_share_the_data_of_a_program() {
    let app = App::start(shell(), serving().await).await.unwrap();
    let read = ["-c", "cat \"$FRONTROW_DATA_DIR/starts\""];
    let output = app.command(&read).await.unwrap();
    assert_eq!(output.stdout, b"started\n");
}

#[tokio::test]
async fn a_given_data_folder_outlives_the_program() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = serving().await.data_dir(folder.path());
    let app = App::start(shell(), config).await.unwrap();
    assert_eq!(app.data_dir(), folder.path());
    drop(app);
    assert!(folder.path().join("starts").exists());
}
