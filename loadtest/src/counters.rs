//! An instance's counters of look-ups and heartbeats, as its metrics report them.

use anyhow::{Context, Result};

/// The counters of an instance since its start, or the increase between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InstanceCounters {
    /// Look-ups answered from a snapshot.
    pub(crate) from_snapshot: u64,
    /// Look-ups of users that the instance looked up in the store.
    pub(crate) from_store: u64,
    /// Collected heartbeats that were written to the store.
    pub(crate) heartbeats: u64,
}

impl InstanceCounters {
    /// Reads the text of `/metrics`.
    pub(crate) fn read(text: &str) -> Result<Self> {
        Ok(Self {
            from_snapshot: sample(text, r#"frontrow_look_ups_total{answered_by="snapshot"}"#)?,
            from_store: sample(text, r#"frontrow_look_ups_total{answered_by="store"}"#)?,
            heartbeats: sample(text, "frontrow_heartbeat_writes_total")?,
        })
    }

    /// Adds the increase of an instance's counters between two readings.
    pub(crate) fn add_between(&mut self, before: Self, after: Self) {
        self.from_snapshot += after.from_snapshot - before.from_snapshot;
        self.from_store += after.from_store - before.from_store;
        self.heartbeats += after.heartbeats - before.heartbeats;
    }
}

/// Returns the value of a series. Errors if `text` lacks it.
fn sample(text: &str, series: &str) -> Result<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    let value = value.with_context(|| format!("the program does not count {series}"))?;
    let value = value.trim().parse();
    value.with_context(|| format!("{series} is not a count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(counts: [u64; 3]) -> String {
        let [from_snapshot, from_store, heartbeats] = counts;
        format!(
            "# TYPE frontrow_look_ups_total counter\n\
             frontrow_look_ups_total{{answered_by=\"snapshot\"}} {from_snapshot}\n\
             frontrow_look_ups_total{{answered_by=\"store\"}} {from_store}\n\
             frontrow_heartbeat_writes_total {heartbeats}\n"
        )
    }

    #[test]
    fn the_increases_of_instances_are_added_up() {
        let read = |counts| InstanceCounters::read(&text(counts)).unwrap();
        let mut counters = InstanceCounters::default();
        counters.add_between(read([1, 2, 3]), read([11, 22, 33]));
        counters.add_between(read([0, 0, 0]), read([1, 1, 1]));
        let sum = InstanceCounters {
            from_snapshot: 11,
            from_store: 21,
            heartbeats: 31,
        };
        assert_eq!(counters, sum);
    }

    #[test]
    fn a_missing_counter_is_an_error() {
        assert!(InstanceCounters::read("").is_err());
        let text = text([1, 2, 3]);
        let (less, _) = text.rsplit_once("frontrow_heartbeat").unwrap();
        assert!(InstanceCounters::read(less).is_err());
    }
}
