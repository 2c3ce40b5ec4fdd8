//! Describes the machine and the programs that are measured.

use std::{
    fs::File, io::Write, num::NonZero, path::Path, process::Command, thread, time::Duration,
};

use anyhow::{Context, Result};
use procfs::{CpuInfo, Current, LoadAverage, Meminfo};

use crate::{
    figures::{exact, median, short},
    report::Report,
    watch,
};

/// Adds facts to the report: the machine, its load before the measurement, the program under load,
/// and the earlier program that it is compared with.
pub(crate) fn describe(report: &mut Report, program: &Path, earlier: Option<&Path>) {
    let processors = thread::available_parallelism().map_or(0, NonZero::get);
    let model = CpuInfo::current().ok().and_then(|info| {
        let model = info.model_name(0)?;
        Some(model.to_owned())
    });
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    report.fact("processors", format!("{processors} × {model}"));
    if let Ok(memory) = Meminfo::current() {
        let gib = exact(memory.mem_total) / exact(1 << 30);
        report.fact("memory", format!("{gib:.1} GiB"));
    }
    if let Ok(kernel) = procfs::sys::kernel::Version::current() {
        report.fact(
            "kernel",
            format!("Linux {}.{}.{}", kernel.major, kernel.minor, kernel.patch),
        );
    }
    if let Ok(load) = LoadAverage::current() {
        // Other processes take processor time from both sides, but not evenly.
        report.fact("load average before", format!("{:.2}", load.one));
    }
    if let Ok(took) = disk_commit() {
        report.fact("disk commit (4 KiB and fsync, median)", short(took));
    }
    report.fact("program", version(program));
    if let Some(earlier) = earlier {
        report.fact("earlier program", version(earlier));
    }
}

/// Returns the median time in which the disk makes one small write durable. No store commits
/// faster.
fn disk_commit() -> Result<Duration> {
    const WRITES: usize = 101;
    let folder = tempfile::TempDir::with_prefix("loadtest-disk-")?;
    let mut file = File::create(folder.path().join("writes"))?;
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = watch::now();
        file.write_all(&[1; 4_096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64());
    }
    let median = median(&took).context("nothing was written")?;
    Ok(Duration::from_secs_f64(median))
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
