//! The time from the start of the program until it is ready, without any other service.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::{Context, Result};
use frontrow_test_harness::{App, AppConfig};
use tokio::time::{sleep, timeout};

use super::stage::Stages;
use crate::{
    client::{Connection, Request, Requests},
    figures::{median, short},
    report::{Bar, Due, Row},
    watch,
};

/// How often the program is started on existing data.
const STARTS: usize = 10;

/// How often the program is started for the first time, each time in a new folder.
const FIRST_STARTS: usize = 5;

/// The pause between two checks of readiness.
const LOOK: Duration = Duration::from_millis(1);

const READY_WITHIN: Duration = Duration::from_mins(1);

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let mut firsts = Vec::new();
    let mut again = Vec::new();
    for number in 0..stages.settings.or_quick(FIRST_STARTS, 1) {
        let address = free_address()?;
        let config = AppConfig::default()
            .env("FRONTROW_SERVER__BIND", address.to_string())
            .env("FRONTROW_DEMO__ON_FIRST_START", "true");
        let (mut app, took) = ready(address, App::start(stages.binary(), config)).await?;
        firsts.push(took);
        if number == 0 {
            for _ in 0..stages.settings.or_quick(STARTS, 2) {
                app.sigterm()?;
                app.wait_exit().await?;
                let ((), took) = ready(address, app.restart()).await?;
                again.push(took);
            }
        }
    }
    Ok(vec![
        row("start to ready, embedded, existing data", &again).bar(Bar::AtMost(50.0), Due::Plan(8)),
        row("first start with demo data", &firsts).bar(Bar::AtMost(200.0), Due::Plan(8)),
    ])
}

fn row(what: &str, took: &[Duration]) -> Row {
    let millis: Vec<_> = took.iter().map(|took| took.as_secs_f64() * 1e3).collect();
    let each: Vec<_> = took.iter().copied().map(short).collect();
    Row::new(what, median(&millis))
        .unit("ms")
        .behind(format!("each: {}", each.join(", ")))
}

/// The time from the start of the program until it reports at `address` that it is ready.
async fn ready<T>(
    address: SocketAddr,
    start: impl Future<Output = Result<T>>,
) -> Result<(T, Duration)> {
    let began = watch::now();
    let says = timeout(READY_WITHIN, async {
        while !is_ready(address).await {
            sleep(LOOK).await;
        }
        began.elapsed()
    });
    let (started, took) = tokio::join!(start, says);
    Ok((started?, took.context("it is not ready")?))
}

async fn is_ready(address: SocketAddr) -> bool {
    let requests: Requests = [Request::get("/readyz")].into_iter().collect();
    let asked = async {
        let mut connection = Connection::to(address).await?;
        let answer = connection
            .exchange(requests.get(0).unwrap_or_default())
            .await?;
        anyhow::Ok(answer.status == 200)
    };
    asked.await.unwrap_or(false)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
