//! The time from the start of the program until it is ready, without any other service.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::{Context, Result};
use frontrow_test_harness::{App, AppConfig};
use tokio::time::{sleep, timeout};

use super::test_bed::Environment;
use crate::{
    client::{Connection, Request, Requests},
    figures::{median, short},
    report::{Bar, Due, Row},
    watch,
};

/// The number of starts on existing data.
const STARTS: usize = 10;

/// The number of first starts, each in a new folder.
const FIRST_STARTS: usize = 5;

/// The pause between two checks of readiness.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);

const READY_WITHIN: Duration = Duration::from_mins(1);

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let mut first_starts = Vec::new();
    let mut restarts = Vec::new();
    for number in 0..environment.settings.or_quick(FIRST_STARTS, 1) {
        let address = free_address()?;
        let config = AppConfig::default()
            .env("FRONTROW_SERVER__BIND", address.to_string())
            .env("FRONTROW_DEMO__ON_FIRST_START", "true");
        let (mut app, took) =
            time_until_ready(address, App::start(environment.binary(), config)).await?;
        first_starts.push(took);
        if number == 0 {
            for _ in 0..environment.settings.or_quick(STARTS, 2) {
                app.sigterm()?;
                app.wait_exit().await?;
                let ((), took) = time_until_ready(address, app.restart()).await?;
                restarts.push(took);
            }
        }
    }
    Ok(vec![
        row("start to ready, embedded, existing data", &restarts)
            .bar(Bar::AtMost(50.0), Due::Plan(8)),
        row("first start with demo data", &first_starts).bar(Bar::AtMost(200.0), Due::Plan(8)),
    ])
}

fn row(what: &str, took: &[Duration]) -> Row {
    let millis: Vec<_> = took.iter().map(|took| took.as_secs_f64() * 1e3).collect();
    let each: Vec<_> = took.iter().copied().map(short).collect();
    Row::new(what, median(&millis))
        .unit("ms")
        .behind(format!("each: {}", each.join(", ")))
}

/// Starts the program. Returns the time until it reports at `address` that it is ready.
async fn time_until_ready<T>(
    address: SocketAddr,
    start: impl Future<Output = Result<T>>,
) -> Result<(T, Duration)> {
    let began = watch::now();
    let readiness = timeout(READY_WITHIN, async {
        while !is_ready(address).await {
            sleep(CHECK_INTERVAL).await;
        }
        began.elapsed()
    });
    let (started, took) = tokio::join!(start, readiness);
    Ok((started?, took.context("it is not ready")?))
}

async fn is_ready(address: SocketAddr) -> bool {
    let requests: Requests = [Request::get("/readyz")].into_iter().collect();
    let request = async {
        let mut connection = Connection::to(address).await?;
        let answer = connection
            .exchange(requests.get(0).unwrap_or_default())
            .await?;
        anyhow::Ok(answer.status == 200)
    };
    request.await.unwrap_or(false)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
