//! Measures one line whose users poll when the answers say, at one or several instances.

use std::{num::NonZero, thread, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::time::sleep;

use super::super::{
    reached,
    test_bed::{Environment, TestBed},
};
use crate::{
    client::PollTally,
    counters::InstanceCounters,
    figures::{exact, grouped, per_second, ratio, short},
    measure::{CpuTime, Meter, Processors},
    program::Program,
    users::{Cohort, Series},
    watch,
};

/// The longest pause between two polls, by default.
const LONGEST_POLL: Duration = Duration::from_secs(15);

/// The number of users that the default policy admits in each window of 3 s.
const ADMITTED: u64 = 500;

/// The duration of each part of a trial.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// The first polls are spread over this time. An instance asks the store about a user far from
    /// the head at every third poll, and the mean pause is nine tenths of the longest. So the store
    /// gets look-ups at the same rate as from a line that has existed for long.
    spread: Duration,
    /// The time after that until the queue cache of each instance has reached its size. For this
    /// time, an instance answers a user whom it has found in the store without asking again.
    settle: Duration,
    measured: Duration,
}

impl Times {
    fn of(longest_poll: Duration) -> Self {
        Self {
            spread: longest_poll.mul_f64(3.0 * 0.9),
            settle: 2 * longest_poll,
            measured: 3 * longest_poll,
        }
    }

    /// Returns the maximum number of users that the queue admits during a trial. The steps between
    /// its parts take less than two windows.
    fn admitted(self) -> u64 {
        let all = self.spread + self.settle + self.measured;
        ADMITTED * (all.as_secs() / 3 + 3)
    }
}

/// The measurements of one line.
#[derive(Debug)]
pub(super) struct Trial {
    /// The minimum number of users who wait at any moment of the trial.
    pub(super) line: u64,
    /// The number of users who waited at the end.
    waiting_at_end: u64,
    /// The fraction of all processor time that client, instances and stores left idle.
    pub(super) idle: f64,
    /// The idle fraction of all processor time. It is less than `idle` if other programs run.
    machine_idle: f64,
    polls: PollTally,
    counters: InstanceCounters,
    cpu: CpuTime,
    duration: Duration,
}

/// Returns the number of users in a line: `usual`, unless `--people` or `--quick` sets another.
pub(super) fn line_of(environment: &Environment, usual: u64) -> u64 {
    environment.settings.polling_users(usual, 5_000)
}

impl Trial {
    /// Measures a line at the default pace. It has `line` users, plus those that the queue admits
    /// during the trial.
    pub(super) async fn run(
        environment: &Environment,
        instances: usize,
        line: u64,
    ) -> Result<Self> {
        let longest_poll = environment
            .settings
            .or_quick(LONGEST_POLL, LONGEST_POLL / 10);
        let times = Times::of(longest_poll);
        let mut test_bed = environment.start_program().await?;
        let mut other_instances = Vec::new();
        for _ in 1..instances {
            other_instances.push(test_bed.program.start_another(environment.binary()).await?);
        }
        let meter = meter(environment, &mut test_bed, &mut other_instances);
        counters(&test_bed, &other_instances).await?; // An earlier program may lack counters.

        let paused = json!({ "state": "paused" });
        let concert = test_bed.program.concert("Own pace", paused).await?;
        let cohort = Cohort {
            series: Series(1),
            first: 0,
            count: line + times.admitted(),
            keep_every: 1,
            state: "waiting",
        };
        let users = test_bed.join(&concert, cohort).await?;
        let users: Vec<_> = users.iter().collect();
        let mut addresses = vec![test_bed.program.address()?];
        for instance in &other_instances {
            addresses.push(instance.address()?);
        }
        let open = json!({ "state": "open" });
        test_bed.program.change_policy(&concert, &open).await?;
        let pollers = test_bed.poll_at(&addresses, &users, times.spread)?;
        sleep(times.spread + times.settle).await;

        let (began, processors, cpu_before) = (watch::now(), Processors::read()?, meter.read()?);
        let before = counters(&test_bed, &other_instances).await?;
        pollers.take()?;
        sleep(times.measured).await;
        let after = counters(&test_bed, &other_instances).await?;
        let polls = pollers.take()?;
        let mut cpu = CpuTime::default();
        cpu.add_between(&cpu_before, &meter.read()?);
        let machine_idle = Processors::read()?.idle_since(processors);
        let duration = began.elapsed();
        let waiting_at_end = test_bed.program.waiting(&concert).await?;
        pollers.stop().await?;

        let mut total = InstanceCounters::default();
        for (before, after) in before.into_iter().zip(after) {
            total.add_between(before, after);
        }
        let trial = Self {
            line,
            waiting_at_end,
            idle: cpu.idle_fraction(duration, processors_here()),
            machine_idle: machine_idle.context("no time has passed")?,
            polls,
            counters: total,
            cpu,
            duration,
        };
        eprintln!("loadtest: {} ({instances} instances)", trial.describe());
        Ok(trial)
    }

    /// Returns the number of users looked up in the store, divided by that of answered look-ups.
    /// None without answers.
    pub(super) fn ratio(&self) -> Option<f64> {
        ratio(exact(self.counters.from_store), exact(self.answered()))
    }

    /// Returns the greatest lateness of 99 % of the polls.
    pub(super) fn late(&self) -> Duration {
        self.polls.late(0.99)
    }

    /// Returns the number of look-ups that were answered with a place.
    fn answered(&self) -> u64 {
        self.polls.waiting + self.polls.admitted
    }

    /// Returns the reason why the trial does not count. None if it counts.
    pub(super) fn fault(&self) -> Option<String> {
        let gone = self.polls.gone;
        let is_shorter = self.waiting_at_end < self.line;
        let lost = (gone > 0).then(|| format!("{gone} users lost their places"));
        let shorter =
            is_shorter.then(|| format!("only {} users waited at the end", self.waiting_at_end));
        reached::unexpected(&[&self.polls]).or(lost).or(shorter)
    }

    /// Formats a summary in one line.
    pub(super) fn describe(&self) -> String {
        format!(
            "{} users: {:.3}; polls late by {} (p99); {:.1} % left idle, of the machine {:.1} %; {}{}",
            grouped(exact(self.line)),
            self.ratio().unwrap_or(f64::NAN),
            short(self.late()),
            100.0 * self.idle,
            100.0 * self.machine_idle,
            self.cpu.shares(self.duration, processors_here()),
            self.fault()
                .map(|why| format!("; {why}"))
                .unwrap_or_default(),
        )
    }

    /// Formats the figures behind the ratio, one per line.
    pub(super) fn behind(&self) -> Vec<String> {
        let each_second = |count: u64| per_second(exact(count) / self.duration.as_secs_f64());
        let InstanceCounters {
            from_snapshot,
            from_store,
            heartbeats,
        } = self.counters;
        vec![
            format!(
                "{} users waited at the end; {} look-ups answered",
                grouped(exact(self.waiting_at_end)),
                each_second(self.answered()),
            ),
            format!(
                "{} users looked up in the store, {} look-ups answered from snapshots; {} \
                 collected heartbeats written",
                each_second(from_store),
                each_second(from_snapshot),
                each_second(heartbeats),
            ),
            reached::describe("while measured", &self.polls, self.duration),
            "look-ups are sent when the answers say; in the row `look-up while waiting`, as fast \
             as possible, after one look-up of each user"
                .to_owned(),
        ]
    }
}

/// Returns a meter of all instances together, of the stores and of the client.
fn meter(
    environment: &Environment,
    test_bed: &mut TestBed,
    other_instances: &mut [Program],
) -> Meter {
    let mut processes = vec![("program", test_bed.program.pid())];
    processes.extend(
        other_instances
            .iter_mut()
            .map(|instance| ("program", instance.pid())),
    );
    processes.extend(environment.stores.processes());
    Meter::of(&processes)
}

/// Reads the counters of each instance.
async fn counters(
    test_bed: &TestBed,
    other_instances: &[Program],
) -> Result<Vec<InstanceCounters>> {
    let mut counters = vec![test_bed.program.counters().await?];
    for instance in other_instances {
        counters.push(instance.counters().await?);
    }
    Ok(counters)
}

fn processors_here() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(waiting_at_end: u64, from_store: u64) -> Trial {
        let mut polls = PollTally::new().unwrap();
        polls.waiting = 9;
        polls.admitted = 1;
        Trial {
            line: 100,
            waiting_at_end,
            idle: 0.25,
            machine_idle: 0.25,
            polls,
            counters: InstanceCounters {
                from_store,
                ..InstanceCounters::default()
            },
            cpu: CpuTime::default(),
            duration: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_ratio_is_of_the_look_ups_answered() {
        assert_eq!(trial(100, 5).ratio(), Some(0.5));
    }

    #[test]
    fn a_line_that_became_shorter_or_lost_users_does_not_count() {
        assert_eq!(trial(100, 5).fault(), None);
        assert!(trial(99, 5).fault().is_some());
        let mut lost = trial(100, 5);
        lost.polls.gone = 1;
        assert!(lost.fault().is_some());
    }
}
