//! Kills instances and shifts their clocks during a test.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{App, AppConfig};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::instance_group::INSTANCES;

const BETWEEN_KILLS: Duration = Duration::from_secs(1);
/// The error of each instance's clock.
const CLOCKS_OFF_S: [i64; INSTANCES] = [-300, 0, 140, 300];
/// The longest time between two answers on a slow machine.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// The disturbance of the instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disturbance {
    None,
    /// The instances are killed in turn, one each second, and started again.
    Kills,
    /// Their clocks differ by minutes.
    WrongClocks,
}

impl Disturbance {
    /// The configuration of one instance.
    pub(super) fn config(self, shared: AppConfig, instance: usize) -> Result<AppConfig> {
        match self {
            Self::WrongClocks => shared.clock_off_by_s(CLOCKS_OFF_S[instance]),
            Self::None | Self::Kills => Ok(shared),
        }
    }

    /// Checks that the clocks of the instances are as wrong as configured.
    pub(super) async fn check_clocks(self, apps: &[App]) -> Result<()> {
        if self != Self::WrongClocks {
            return Ok(());
        }
        let mut true_times = Vec::new();
        for (app, off_s) in apps.iter().zip(CLOCKS_OFF_S) {
            true_times.push(date(app).await? - SignedDuration::from_secs(off_s));
        }
        let (first, last) = (true_times.iter().min(), true_times.iter().max());
        let apart = last
            .context("no instance")?
            .duration_since(*first.context("no instance")?);
        ensure!(
            apart < CLOCK_TOLERANCE,
            "not as wrong as configured: {true_times:?}"
        );
        Ok(())
    }

    /// Disturbs the instances until it is stopped. Returns how often an instance was killed.
    pub(super) async fn run(self, apps: Vec<App>, until: &CancellationToken) -> Result<usize> {
        if self == Self::Kills {
            return kill_in_turn(apps, until).await;
        }
        until.cancelled().await;
        drop(apps);
        Ok(0)
    }
}

async fn kill_in_turn(mut apps: Vec<App>, until: &CancellationToken) -> Result<usize> {
    let mut pace = interval(BETWEEN_KILLS);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kills = 0;
    loop {
        tokio::select! {
            () = until.cancelled() => return Ok(kills),
            _ = pace.tick() => {}
        }
        let app = &mut apps[kills % INSTANCES];
        app.sigkill()?;
        app.restart().await?;
        kills += 1;
    }
}

/// The time on an instance's clock, as its answers show it.
async fn date(app: &App) -> Result<Timestamp> {
    let reply = app.client().get("/livez").await?;
    let date = reply.header("date").context("no Date header")?;
    Ok(rfc2822::DateTimeParser::new().parse_timestamp(date)?)
}
