//! One line whose users poll when the answers say, at one or several instances.

use std::{num::NonZero, thread, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::time::sleep;

use super::super::{
    reached,
    stage::{Stage, Stages},
};
use crate::{
    client::Polled,
    counted::Counted,
    figures::{exact, grouped, per_second, ratio, short},
    measure::{CpuTime, Meter, Processors},
    people::{Crowd, Series},
    program::Program,
    watch,
};

/// The longest pause between two polls, by default.
const LONGEST_POLL: Duration = Duration::from_secs(15);

/// Users whom the default policy admits in each window of 3 s.
const ADMITTED: u64 = 500;

/// The duration of each part of a trial.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// The first polls are spread over this time. An instance asks the store about a user far from
    /// the head at every third poll, and the mean pause is nine tenths of the longest. So the store
    /// gets look-ups at the same rate as from a line that has existed for long.
    spread: Duration,
    /// The time after that until each instance remembers as many users as it ever does. For this
    /// long, it answers a user whom it has found in the store without asking the store again.
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

    /// The most users that are admitted during a trial. The steps between its parts take less than
    /// two windows.
    fn admitted(self) -> u64 {
        let all = self.spread + self.settle + self.measured;
        ADMITTED * (all.as_secs() / 3 + 3)
    }
}

/// The measurements of one line.
#[derive(Debug)]
pub(super) struct Trial {
    /// The number of users who wait at every moment of the trial, at least.
    pub(super) line: u64,
    /// The number of users who waited at the end.
    left: u64,
    /// The fraction of all processor time that client, instances and stores left idle.
    pub(super) idle: f64,
    /// The fraction of all processor time that was idle. It is less than `idle` if other programs
    /// run.
    machine_idle: f64,
    polled: Polled,
    counted: Counted,
    cpu: CpuTime,
    lasted: Duration,
}

/// The number of users in a line: `usual`, unless another number was given.
pub(super) fn line_of(stages: &Stages, usual: u64) -> u64 {
    stages.settings.people_of(usual, 5_000)
}

impl Trial {
    /// Runs a line at the default pace in which `line` users wait, plus those who are admitted
    /// meanwhile.
    pub(super) async fn run(stages: &Stages, instances: usize, line: u64) -> Result<Self> {
        let longest_poll = stages.settings.or_quick(LONGEST_POLL, LONGEST_POLL / 10);
        let times = Times::of(longest_poll);
        let mut stage = stages.set().await?;
        let mut others = Vec::new();
        for _ in 1..instances {
            others.push(stage.program.another(stages.binary()).await?);
        }
        let meter = meter(stages, &mut stage, &mut others);
        counted(&stage, &others).await?; // An earlier program may lack counters.

        let paused = json!({ "state": "paused" });
        let concert = stage.program.concert("Own pace", paused).await?;
        let crowd = Crowd {
            series: Series(1),
            first: 0,
            count: line + times.admitted(),
            keep_every: 1,
            state: "waiting",
        };
        let people = stage.join(&concert, crowd).await?;
        let people: Vec<_> = people.iter().collect();
        let mut addresses = vec![stage.program.address()?];
        for other in &others {
            addresses.push(other.address()?);
        }
        let open = json!({ "state": "open" });
        stage.program.change_policy(&concert, &open).await?;
        let pollers = stage.poll_at(&addresses, &people, times.spread)?;
        sleep(times.spread + times.settle).await;

        let (began, processors, taken) = (watch::now(), Processors::read()?, meter.read()?);
        let before = counted(&stage, &others).await?;
        pollers.take()?;
        sleep(times.measured).await;
        let after = counted(&stage, &others).await?;
        let polled = pollers.take()?;
        let mut cpu = CpuTime::default();
        cpu.add_between(&taken, &meter.read()?);
        let machine_idle = Processors::read()?.idle_since(processors);
        let lasted = began.elapsed();
        let left = stage.program.waiting(&concert).await?;
        pollers.stop().await?;

        let mut counts = Counted::default();
        for (before, after) in before.into_iter().zip(after) {
            counts.add_between(before, after);
        }
        let trial = Self {
            line,
            left,
            idle: cpu.left_idle(lasted, processors_here()),
            machine_idle: machine_idle.context("no time has passed")?,
            polled,
            counted: counts,
            cpu,
            lasted,
        };
        eprintln!("loadtest: {} ({instances} instances)", trial.describe());
        Ok(trial)
    }

    /// Users looked up in the store, divided by answered look-ups. None without answers.
    pub(super) fn ratio(&self) -> Option<f64> {
        ratio(exact(self.counted.from_store), exact(self.answered()))
    }

    /// How late 99 % of the polls were sent at most.
    pub(super) fn late(&self) -> Duration {
        self.polled.late(0.99)
    }

    /// Look-ups that were answered with a place.
    fn answered(&self) -> u64 {
        self.polled.waiting + self.polled.admitted
    }

    /// Why the trial does not count. None if it does.
    pub(super) fn fault(&self) -> Option<String> {
        let gone = self.polled.gone;
        let is_shorter = self.left < self.line;
        let lost = (gone > 0).then(|| format!("{gone} users lost their places"));
        let shorter = is_shorter.then(|| format!("only {} users waited at the end", self.left));
        reached::unexpected(&[&self.polled]).or(lost).or(shorter)
    }

    /// A summary in one line.
    pub(super) fn describe(&self) -> String {
        format!(
            "{} users: {:.3}; polls late by {} (p99); {:.1} % left idle, of the machine {:.1} %; {}{}",
            grouped(exact(self.line)),
            self.ratio().unwrap_or(f64::NAN),
            short(self.late()),
            100.0 * self.idle,
            100.0 * self.machine_idle,
            self.cpu.shares(self.lasted, processors_here()),
            self.fault()
                .map(|why| format!("; {why}"))
                .unwrap_or_default(),
        )
    }

    /// The figures behind the ratio, one per line.
    pub(super) fn behind(&self) -> Vec<String> {
        let each_second = |count: u64| per_second(exact(count) / self.lasted.as_secs_f64());
        let Counted {
            from_snapshot,
            from_store,
            heartbeats,
        } = self.counted;
        vec![
            format!(
                "{} users waited at the end; {} look-ups answered",
                grouped(exact(self.left)),
                each_second(self.answered()),
            ),
            format!(
                "{} users looked up in the store, {} look-ups answered from snapshots; {} \
                 collected heartbeats written",
                each_second(from_store),
                each_second(from_snapshot),
                each_second(heartbeats),
            ),
            reached::describe("while measured", &self.polled, self.lasted),
            "look-ups are sent when the answers say; in the row `look-up while waiting`, as fast \
             as possible, after one look-up of each user"
                .to_owned(),
        ]
    }
}

/// Measures the processor time of all instances together, of the stores and of the client.
fn meter(stages: &Stages, stage: &mut Stage, others: &mut [Program]) -> Meter {
    let mut processes = vec![("program", stage.program.pid())];
    processes.extend(others.iter_mut().map(|other| ("program", other.pid())));
    processes.extend(stages.stores.processes());
    Meter::of(&processes)
}

/// Reads the counters of each instance.
async fn counted(stage: &Stage, others: &[Program]) -> Result<Vec<Counted>> {
    let mut counted = vec![stage.program.counted().await?];
    for other in others {
        counted.push(other.counted().await?);
    }
    Ok(counted)
}

fn processors_here() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(left: u64, from_store: u64) -> Trial {
        let mut polled = Polled::new().unwrap();
        polled.waiting = 9;
        polled.admitted = 1;
        Trial {
            line: 100,
            left,
            idle: 0.25,
            machine_idle: 0.25,
            polled,
            counted: Counted {
                from_store,
                ..Counted::default()
            },
            cpu: CpuTime::default(),
            lasted: Duration::from_secs(1),
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
        lost.polled.gone = 1;
        assert!(lost.fault().is_some());
    }
}
