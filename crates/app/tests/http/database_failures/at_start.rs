//! A program that cannot use its database reports that and ends. It never prints the password.

use std::{path::Path, process::Output};

use anyhow::{Result, ensure};
use frontrow_test_harness::{App, AppConfig, Fault, FaultProxy, MySqlServer, eventually};
use serde_json::json;

use super::{
    FaultyDatabase, SOON,
    faulty_database::{check_unavailable, with_short_timeouts},
};
use crate::test_app::start;

const PASSWORD: &str = "a/pass:word@nobody#sees";
/// The same password in a URL.
const IN_URL: &str = "a%2Fpass%3Aword%40nobody%23sees";

/// Runs the program, which must end by itself.
async fn run(config: &AppConfig) -> Result<Output> {
    App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), config).await
}

fn check_no_password(text: &str) -> Result<()> {
    for part in ["a/pass", "word@", "nobody#sees", "a%2F", "nobody%23"] {
        ensure!(!text.contains(part), "{text}");
    }
    Ok(())
}

/// Checks that the program ends with an error of one line that contains this. Returns the line.
async fn refuses(config: &AppConfig, says: &str) -> Result<String> {
    let output = run(config).await?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        !output.status.success() && output.stdout.is_empty(),
        "{text}"
    );
    ensure!(
        text.starts_with("frontrow: ") && text.lines().count() == 1,
        "{text}"
    );
    ensure!(text.contains(says), "{says}: {text}");
    check_no_password(&text)?;
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_its_database_does_not_start() -> Result<()> {
    let mut server = MySqlServer::start().await?;
    server.create_database("frontrow").await?;
    let network = FaultProxy::start(server.address())?;
    let url = format!("mysql://root@{}/frontrow", network.address());
    let commands = || ["serve", "migrate", "demo"].map(|name| with_short_timeouts(&url).arg(name));
    let cannot = format!(
        "cannot reach the database frontrow on {}",
        network.address()
    );

    for fault in [Fault::Refuse, Fault::Reset, Fault::LoseAnswers] {
        network.set(fault).await?;
        for config in commands() {
            refuses(&config, &cannot).await?;
        }
    }
    network.set(Fault::Forward).await?;
    server.pause()?;
    for config in commands() {
        refuses(&config, &cannot).await?;
    }
    server.resume()?;
    server.stop().await?;
    for config in commands() {
        refuses(&config, &cannot).await?;
    }
    server.start_again().await?;
    let app = start(with_short_timeouts(&url)).await?;
    app.client().get("/v1/concerts").await?.expect_status(200)?;
    Ok(())
}

/// The program ends wherever the connection breaks while it starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_loses_its_database_on_the_way_ends() -> Result<()> {
    let server = MySqlServer::start().await?;
    server.create_database("frontrow").await?;
    let network = FaultProxy::start(server.address())?;
    let url = format!("mysql://root@{}/frontrow", network.address());
    drop(start(with_short_timeouts(&url)).await?);
    for text in ["GET_LOCK", "VERSION()", "__diesel_schema", "concerts"] {
        for fault in [Fault::ResetAt(text), Fault::LoseAnswersTo(text)] {
            network.set(fault).await?;
            let output = run(&with_short_timeouts(&url)).await?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(!output.status.success(), "{fault:?}: {said}");
            ensure!(said.lines().count() == 1, "{fault:?}: {said}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_never_printed() -> Result<()> {
    let mut server = MySqlServer::start().await?;
    server.create_database("frontrow").await?;
    let user = format!("CREATE USER ann@'%' IDENTIFIED BY '{PASSWORD}'");
    server.execute(&user).await?;
    let address = server.address();
    let url = |name: &str, password: &str| format!("mysql://{name}:{password}@{address}/frontrow");

    for command in ["serve", "migrate", "demo"] {
        // The first user does not exist on the server. The second exists, without rights. (For an
        // unknown user, MySQL may ask for a kind of proof that no client can give.)
        for (name, says) in [
            ("bob", "cannot reach the database"),
            ("ann", "Access denied"),
        ] {
            refuses(&with_short_timeouts(&url(name, IN_URL)).arg(command), says).await?;
        }
        let of_nothing =
            with_short_timeouts(&format!("mysql://ann:{IN_URL}@{address}")).arg(command);
        refuses(&of_nothing, "names no database").await?;
    }
    let shown = run(&with_short_timeouts(&url("ann", IN_URL)).arg("config")).await?;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(
        shown.status.success() && text.contains("(hidden)@"),
        "{text}"
    );
    check_no_password(&text)?;

    server.execute("GRANT ALL ON frontrow.* TO ann@'%'").await?;
    let debug = with_short_timeouts(&url("ann", IN_URL)).env("FRONTROW_LOG__FILTER", "trace");
    let mut app = start(debug).await?;
    server.stop().await?;
    eventually(
        "the program reports that its database is down",
        SOON,
        async || {
            let points = app.client().user("ann").get("/v1/points").await?;
            if points.status == 200 {
                return Ok(None);
            }
            check_unavailable(&points).map(Some)
        },
    )
    .await?;
    app.sigterm()?;
    ensure!(app.wait_exit().await?.success(), "{}", app.log()?);
    let log = app.log()?;
    ensure!(
        log.contains("requests failed because of a store error"),
        "{log}"
    );
    check_no_password(&log)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_stops_in_good_order_while_its_database_is_down() -> Result<()> {
    for hangs in [false, true] {
        let mut fixture = FaultyDatabase::open(json!({})).await?;
        let visitor = fixture.test_app.join("visitor").await?;
        if hangs {
            fixture.server.pause()?;
        } else {
            fixture.server.stop().await?;
        }
        let asked = tokio::spawn(visitor.client.get("/v1/points").send());
        fixture.wait_until_down().await?;
        fixture.test_app.app.sigterm()?;
        let status = fixture.test_app.app.wait_exit().await?;
        ensure!(
            status.success(),
            "{status}: {}",
            fixture.test_app.app.log()?
        );
        check_unavailable(&asked.await??)?;
    }
    Ok(())
}
