//! The processor time of each process.

use std::time::Duration;

use anyhow::{Context, Result};
use procfs::process::Process;

use crate::figures::exact;

/// The name of the process that sends the requests, which is this one.
const CLIENT: &str = "client";

/// The name of the baseline server's process.
pub(crate) const BARE: &str = "bare";

/// Reads the processor time of the processes that share the machine in a measurement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    processes: Vec<(&'static str, u32)>,
}

/// Processor time by process, in seconds, in the order of its [`Meter`].
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CpuTime(Vec<(&'static str, f64)>);

impl Meter {
    /// Creates a meter of this process, which is the client, and of `others`.
    pub(crate) fn of(others: &[(&'static str, u32)]) -> Self {
        let mut processes = vec![(CLIENT, std::process::id())];
        processes.extend_from_slice(others);
        Self { processes }
    }

    /// Reads the processor time that each process has taken since its start, in user and kernel
    /// mode.
    pub(crate) fn read(&self) -> Result<CpuTime> {
        let ticks_per_second = exact(procfs::ticks_per_second());
        let read = |&(name, pid): &(&'static str, u32)| -> Result<_> {
            let stat = Process::new(pid.try_into()?)
                .and_then(|process| process.stat())
                .with_context(|| format!("cannot read the processor time of {name}"))?;
            Ok((name, exact(stat.utime + stat.stime) / ticks_per_second))
        };
        Ok(CpuTime(
            self.processes.iter().map(read).collect::<Result<_>>()?,
        ))
    }
}

impl CpuTime {
    /// Creates this processor time, for tests.
    #[cfg(test)]
    pub(super) fn with(taken: &[(&'static str, f64)]) -> Self {
        Self(taken.to_vec())
    }

    /// Adds the processor time between two readings.
    pub(crate) fn add_between(&mut self, before: &Self, after: &Self) {
        for (&(name, earlier), &(_, later)) in before.0.iter().zip(&after.0) {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, seconds)) => *seconds += later - earlier,
                None => self.0.push((name, later - earlier)),
            }
        }
    }

    /// Returns the processor time of the program and its stores, in seconds: of all processes
    /// except the client and the baseline server.
    pub(crate) fn of_the_service(&self) -> f64 {
        let service = self.0.iter();
        let service = service.filter(|(name, _)| ![CLIENT, BARE].contains(name));
        service.map(|(_, seconds)| seconds).sum()
    }

    /// Returns the processor time of one process, in seconds. None if it is not measured.
    pub(crate) fn of(&self, process: &str) -> Option<f64> {
        let found = self.0.iter().find(|(name, _)| *name == process)?;
        Some(found.1)
    }

    /// Returns the fraction of `processors` that the measured processes left idle in this time. The
    /// load of other processes does not count.
    pub(crate) fn idle_fraction(&self, duration: Duration, processors: usize) -> f64 {
        let all = duration.as_secs_f64() * exact(processors as u64);
        1.0 - self.0.iter().map(|(_, seconds)| seconds).sum::<f64>() / all
    }

    /// Formats the percentage of `processors` that each process took in this time: `client 12 %`.
    pub(crate) fn shares(&self, duration: Duration, processors: usize) -> String {
        let all = duration.as_secs_f64() * exact(processors as u64);
        let parts = self.0.iter().filter_map(|(name, seconds)| {
            let percent = 100.0 * seconds / all;
            (percent >= 0.5).then(|| format!("{name} {percent:.0} %"))
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Formats the processor time of each process per request, in µs: `client 9, program 21`.
    /// Leaves out processes below 0.05 µs.
    pub(crate) fn per_request(&self, requests: u64) -> String {
        let parts = self.0.iter().filter_map(|(name, seconds)| {
            let micros = seconds * 1e6 / exact(requests.max(1));
            (micros >= 0.05).then(|| format!("{name} {micros:.1}"))
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_added_up_by_process() {
        let at = |client, program| CpuTime(vec![("client", client), ("program", program)]);
        let mut taken = CpuTime::default();
        taken.add_between(&at(1.0, 5.0), &at(1.5, 7.0));
        taken.add_between(&at(2.0, 8.0), &at(2.5, 8.0));
        assert_eq!(taken, at(1.0, 2.0));
        assert_eq!(taken.per_request(100_000), "client 10.0, program 20.0");
    }

    #[test]
    fn a_share_is_a_percentage_of_all_processors() {
        let taken = CpuTime(vec![("client", 2.0), ("bare", 0.01), ("program", 5.0)]);
        let shares = taken.shares(Duration::from_secs(10), 2);
        assert_eq!(shares, "client 10 %, program 25 %");
        let left = taken.idle_fraction(Duration::from_secs(10), 2);
        assert!((left - 0.6495).abs() < 1e-9, "{left}");
    }

    #[test]
    fn the_service_is_the_program_and_its_stores() {
        let taken = [
            ("client", 8.0),
            ("program", 2.0),
            ("bare", 4.0),
            ("redis", 1.0),
        ];
        let taken = CpuTime(taken.to_vec());
        assert!((taken.of_the_service() - 3.0).abs() < 1e-9);
        assert_eq!(taken.of("bare"), Some(4.0));
        assert_eq!(taken.of("database"), None);
    }

    #[test]
    fn the_processor_time_of_this_process_can_be_read() {
        let meter = Meter::of(&[]);
        assert_eq!(meter.read().unwrap().0.len(), 1);
        assert!(Meter::of(&[("missing", u32::MAX)]).read().is_err());
    }
}
