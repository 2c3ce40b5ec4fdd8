//! How long a wait will be, judged by how fast the line has really moved.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::Throughput;

/// What one instance has seen of a line's movement: how many people had left its head or middle by
/// which instant.
#[derive(Debug, Clone, Default)]
pub struct WaitEstimate {
    samples: VecDeque<(Timestamp, u64)>,
}

impl WaitEstimate {
    /// How far back the movement counts.
    const MEMORY: Duration = Duration::from_mins(1);
    /// The shortest stretch of time from which a speed is judged.
    const SHORTEST: Duration = Duration::from_secs(5);
    /// One sample a second is enough.
    const SPACING: Duration = Duration::from_secs(1);

    /// Notes that `departed` people in all had left the line at `now`, by admission or otherwise.
    pub fn note(&mut self, now: Timestamp, departed: u64) {
        if let Some(&(last, before)) = self.samples.back() {
            if now < last || departed < before {
                self.samples.clear(); // the clock stepped back, or the store lost its count
            } else if now.duration_since(last).unsigned_abs() < Self::SPACING {
                return;
            }
        }
        self.samples.push_back((now, departed));
        while self
            .samples
            .front()
            .is_some_and(|&(oldest, _)| now.duration_since(oldest).unsigned_abs() > Self::MEMORY)
        {
            self.samples.pop_front();
        }
    }

    /// How long the person at `position` will wait; none when that cannot be said, because the line
    /// stands still and its policy tells no speed.
    #[must_use]
    pub fn wait(&self, position: u64, policy_speed: Option<f64>) -> Option<Duration> {
        let speed = self.speed().or(policy_speed)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "an estimate is not exact to one person in 2^52"
        )]
        let seconds = position as f64 / speed;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// People a second, as really seen; none until enough was seen or when nobody moved.
    fn speed(&self) -> Option<f64> {
        let &(from, departed_before) = self.samples.front()?;
        let &(to, departed) = self.samples.back()?;
        let stretch = to.duration_since(from).unsigned_abs();
        if stretch < Self::SHORTEST || departed == departed_before {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "an estimate is not exact to one person in 2^52"
        )]
        Some((departed - departed_before) as f64 / stretch.as_secs_f64())
    }
}

impl Throughput {
    /// Users a second that it admits at most.
    #[must_use]
    pub fn speed(&self) -> f64 {
        f64::from(self.admit) / self.interval.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_wait_follows_the_real_speed() {
        let mut estimate = WaitEstimate::default();
        for second in 0..=30 {
            estimate.note(at(second), u64::try_from(second).unwrap() * 10);
        }
        assert_eq!(estimate.wait(100, Some(1.0)), Some(Duration::from_secs(10)));
    }

    #[test]
    fn before_anybody_moved_the_policy_tells() {
        let mut estimate = WaitEstimate::default();
        estimate.note(at(0), 0);
        assert_eq!(estimate.wait(100, Some(50.0)), Some(Duration::from_secs(2)));
        assert_eq!(estimate.wait(100, None), None);
    }

    #[test]
    fn a_lost_count_starts_afresh() {
        let mut estimate = WaitEstimate::default();
        estimate.note(at(0), 1_000);
        estimate.note(at(10), 5);
        assert_eq!(estimate.wait(10, None), None);
    }
}
