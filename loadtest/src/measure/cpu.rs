//! How much processor time each process took.

use anyhow::{Context, Result};
use procfs::process::Process;

use crate::figures::exact;

/// The processes that share the machine while something is measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    processes: Vec<(&'static str, u32)>,
}

/// Processor time by process, in seconds, in the order of its [`Meter`].
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CpuTime(Vec<(&'static str, f64)>);

impl Meter {
    /// Reads those of the client, which is this process, and of `others`.
    pub(crate) fn of(others: &[(&'static str, u32)]) -> Self {
        let mut processes = vec![("client", std::process::id())];
        processes.extend_from_slice(others);
        Self { processes }
    }

    /// What each process has taken since its start, in user and kernel mode.
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
    /// Adds what was taken between two readings.
    pub(crate) fn add_between(&mut self, before: &Self, after: &Self) {
        for (&(name, earlier), &(_, later)) in before.0.iter().zip(&after.0) {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, seconds)) => *seconds += later - earlier,
                None => self.0.push((name, later - earlier)),
            }
        }
    }

    /// Microseconds a request, for people: `client 9, program 21`. What took next to nothing is left
    /// out.
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
    fn time_is_added_up_by_process() {
        let at = |client, program| CpuTime(vec![("client", client), ("program", program)]);
        let mut taken = CpuTime::default();
        taken.add_between(&at(1.0, 5.0), &at(1.5, 7.0));
        taken.add_between(&at(2.0, 8.0), &at(2.5, 8.0));
        assert_eq!(taken, at(1.0, 2.0));
        assert_eq!(taken.per_request(100_000), "client 10.0, program 20.0");
    }

    #[test]
    fn this_process_can_be_read() {
        let meter = Meter::of(&[]);
        assert_eq!(meter.read().unwrap().0.len(), 1);
        assert!(Meter::of(&[("nobody", u32::MAX)]).read().is_err());
    }
}
