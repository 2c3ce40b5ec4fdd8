//! The commands of the program.

mod backup;
pub(crate) mod demo;
mod restore;

use std::io::Write;

use anyhow::{Context, ensure};
use frontrow_domain::{
    model::{Difference, PerformanceUse, UserId},
    ports::DuplicatePerformance,
    use_cases::Reconciled,
};

pub(crate) use self::{backup::backup, restore::restore};
use frontrow_identity::development_identity;

use crate::{
    config::Config,
    lifecycle,
    system::SystemClock,
    telemetry,
    wiring::{self, Keys, MigrationStatus},
};

/// `frontrow serve`
pub(crate) fn serve(config: Config) -> anyhow::Result<()> {
    telemetry::start(&config)?;
    run(lifecycle::serve(config))
}

/// `frontrow migrate`
pub(crate) fn migrate(config: &Config, only_status: bool) -> anyhow::Result<()> {
    let MigrationStatus { applied, pending } = run(wiring::migration_status(config))?;
    if !only_status {
        run(wiring::migrate(config))?;
    }
    let became = if only_status {
        "to be applied"
    } else {
        "applied now"
    };
    let lines = applied
        .iter()
        .map(|name| format!("applied        {name}\n"))
        .chain(pending.iter().map(|name| format!("{became:<15}{name}\n")));
    print(&lines.collect::<String>())?;
    if only_status {
        return Ok(());
    }
    let duplicates = run(wiring::duplicates(config))?;
    let lines = duplicates.iter().map(duplicate_line);
    print(&lines.collect::<String>())
}

/// Returns a line about a performance that an operator may want to delete.
fn duplicate_line(duplicate: &DuplicatePerformance) -> String {
    let DuplicatePerformance {
        concert,
        id,
        starts_at,
        venue,
        used: PerformanceUse { held, sold },
    } = duplicate;
    format!(
        "duplicate      performance {id} of concert {concert}, {starts_at}, {venue}: {held} seats held, \
         {sold} sold\n"
    )
}

/// `frontrow reconcile`
pub(crate) fn reconcile(config: &Config) -> anyhow::Result<()> {
    // Each difference is printed when it is found. It counts even if standard output is closed.
    let report = |difference: &Difference| {
        let _ = writeln!(std::io::stdout(), "{difference}");
    };
    let Reconciled {
        accounts,
        performances,
        differences,
    } = run(wiring::reconcile(config, report))?;
    print(&format!(
        "{accounts} accounts and {performances} performances: {differences} differences\n"
    ))?;
    ensure!(differences == 0, "the books do not agree");
    Ok(())
}

/// `frontrow demo`
pub(crate) fn demo(config: &Config) -> anyhow::Result<()> {
    telemetry::start(config)?;
    let concerts = run(async {
        let _lock = wiring::lock(config).await?;
        let wired = wiring::wire(config).await?;
        let concerts = demo::load(&wired.services.edit).await;
        wired.closing.run(true).await;
        concerts
    })?;
    print(&format!("added {concerts} concerts\n"))
}

/// `frontrow config`
pub(crate) fn show_config(config: &Config) -> anyhow::Result<()> {
    print(&toml::to_string(config).context("cannot print the configuration")?)
}

/// `frontrow user-token`
pub(crate) fn user_token(config: &Config, sub: &str, valid_for_s: u32) -> anyhow::Result<()> {
    let user = UserId::try_from(sub).context("--sub")?;
    let secret = Keys::of(config)?.identity_secret(config)?;
    let identity = &config.identity;
    let token = development_identity(
        &secret,
        &user,
        valid_for_s,
        identity.issuer.as_deref(),
        identity.audience.as_deref(),
        &SystemClock,
    )?;
    print(&format!("{token}\n"))
}

fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    actix_web::rt::System::new().block_on(work)
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot print")
}
