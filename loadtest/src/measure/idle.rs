//! The idle time of the machine.

use anyhow::Result;
use procfs::{CpuTime, CurrentSI, KernelStats};

use crate::figures::{exact, ratio};

/// Processor time of all processors since the machine started, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Processors {
    idle: u64,
    all: u64,
}

impl Processors {
    /// Reads the current counters.
    pub(crate) fn read() -> Result<Self> {
        Ok(Self::of(&KernelStats::current()?.total))
    }

    /// Time that other virtual machines took (steal) is not idle. User time includes the time of
    /// guests.
    fn of(time: &CpuTime) -> Self {
        let idle = time.idle + time.iowait.unwrap_or(0);
        let busy = time.user + time.nice + time.system;
        let interrupted = time.irq.unwrap_or(0) + time.softirq.unwrap_or(0);
        Self {
            idle,
            all: idle + busy + interrupted + time.steal.unwrap_or(0),
        }
    }

    /// Returns the idle fraction of the time since `before`, counting the load of all processes.
    /// None if no time has passed.
    pub(crate) fn idle_since(self, before: Self) -> Option<f64> {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        ratio(exact(idle), exact(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_divided_by_the_time_of_all_processors() {
        let at = |idle, all| Processors { idle, all };
        assert_eq!(at(15, 120).idle_since(at(10, 100)), Some(0.25));
        assert_eq!(at(10, 100).idle_since(at(10, 100)), None);
    }

    #[test]
    fn the_processors_of_this_machine_can_be_read() {
        let now = Processors::read().unwrap();
        assert!(now.idle <= now.all && now.all > 0, "{now:?}");
    }
}
