//! A Redis server, and its statistics.

use std::time::Duration;

use anyhow::{Context, Result};
use deadpool_redis::redis::{
    self, AsyncConnectionConfig, Client, Cmd, FromRedisValue, aio::MultiplexedConnection,
};
use frontrow_test_harness::{RedisOptions, RedisServer};

use crate::cli::AppendOnly;

/// The longest time for an answer. A server with a million users takes long to become empty.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// A Redis server of this run.
#[derive(Debug)]
pub(crate) struct Redis {
    server: RedisServer,
    connection: MultiplexedConnection,
    pid: u32,
}

impl Redis {
    /// Starts a server without RDB snapshots.
    pub(crate) async fn start(append_only: AppendOnly) -> Result<Self> {
        let mut options = RedisOptions::default();
        if let Some(fsync) = append_only.fsync() {
            let mut set = |name: &str, value: &str| {
                options.more.push((name.to_owned(), value.to_owned()));
            };
            set("appendonly", "yes");
            set("appendfsync", fsync);
        }
        let server = RedisServer::start_with(options).await?;
        let timeouts = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_MAX));
        let connection = Client::open(server.url())?
            .get_multiplexed_async_connection_with_config(&timeouts)
            .await?;
        let mut redis = Self {
            server,
            connection,
            pid: 0,
        };
        redis.pid = redis.info_field("server", "process_id").await?.parse()?;
        Ok(redis)
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Formats its version and its kind of persistence.
    pub(crate) async fn describe(&self) -> Result<String> {
        let version = self.info_field("server", "redis_version").await?;
        let is_append_only = self.info_field("persistence", "aof_enabled").await? == "1";
        let persistence = if is_append_only {
            "append-only file"
        } else {
            "in memory only"
        };
        Ok(format!("{version}, {persistence}"))
    }

    /// Removes all data.
    pub(crate) async fn empty(&self) -> Result<()> {
        self.query(redis::cmd("FLUSHALL").arg("SYNC")).await
    }

    /// Returns the memory that the server has allocated, in bytes: data, tables, buffers.
    pub(crate) async fn used_memory(&self) -> Result<u64> {
        Ok(self.info_field("memory", "used_memory").await?.parse()?)
    }

    /// Resets the statistics of commands.
    pub(crate) async fn reset_statistics(&self) -> Result<()> {
        self.query(redis::cmd("CONFIG").arg("RESETSTAT")).await
    }

    /// Returns the total run time of scripts since the last reset.
    pub(crate) async fn script_time(&self) -> Result<Duration> {
        let info: String = self.query(redis::cmd("INFO").arg("commandstats")).await?;
        Ok(time_in_scripts(&info))
    }

    /// Returns the number of script calls since the last reset.
    pub(crate) async fn script_calls(&self) -> Result<u64> {
        let info: String = self.query(redis::cmd("INFO").arg("commandstats")).await?;
        Ok(calls_of_scripts(&info))
    }

    /// Returns the 99.9th percentile of the time of script calls since the last reset, of the
    /// slowest kind of call. None without any call.
    pub(crate) async fn script_p999(&self) -> Result<Option<Duration>> {
        let info: String = self.query(redis::cmd("INFO").arg("latencystats")).await?;
        Ok(slowest_script(&info))
    }

    async fn info_field(&self, section: &str, field: &str) -> Result<String> {
        let info: String = self.query(redis::cmd("INFO").arg(section)).await?;
        let value = value_of(&info, field).map(str::to_owned);
        value.with_context(|| format!("Redis does not report {field}"))
    }

    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let mut connection = self.connection.clone();
        let answer = command.query_async(&mut connection).await;
        answer.context("Redis does not answer")
    }
}

impl AppendOnly {
    /// Returns the value of `appendfsync`. None without an append-only file.
    fn fsync(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Everysec => Some("everysec"),
            Self::Always => Some("always"),
        }
    }
}

/// Returns the value of a field in the output of `INFO`. None without the field.
fn value_of<'a>(info: &'a str, field: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .map(str::trim)
}

/// The commands that call a script.
const SCRIPT_CALLS: [&str; 6] = [
    "eval",
    "evalsha",
    "evalsha_ro",
    "eval_ro",
    "fcall",
    "fcall_ro",
];

fn time_in_scripts(info: &str) -> Duration {
    let times = SCRIPT_CALLS.iter().filter_map(|command| {
        let calls = value_of(info, &format!("cmdstat_{command}"))?;
        let (_, rest) = calls.split_once("usec=")?;
        let (micros, _) = rest.split_once(',')?;
        Some(Duration::from_micros(micros.parse().ok()?))
    });
    times.sum()
}

fn calls_of_scripts(info: &str) -> u64 {
    let calls = SCRIPT_CALLS.iter().filter_map(|command| {
        let stats = value_of(info, &format!("cmdstat_{command}"))?;
        let (calls, _) = stats.strip_prefix("calls=")?.split_once(',')?;
        calls.parse::<u64>().ok()
    });
    calls.sum()
}

fn slowest_script(info: &str) -> Option<Duration> {
    SCRIPT_CALLS
        .iter()
        .filter_map(|command| {
            let field = format!("latency_percentiles_usec_{command}");
            let (_, micros) = value_of(info, &field)?.rsplit_once("p99.9=")?;
            Some(Duration::from_secs_f64(micros.parse::<f64>().ok()? / 1e6))
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Memory\r\nused_memory_rss:9\r\nused_memory:7\r\n";
        assert_eq!(value_of(info, "used_memory"), Some("7"));
        assert_eq!(value_of(info, "memory"), None);
    }

    #[test]
    fn the_p999_of_scripts_is_that_of_the_slowest_command() {
        let info = "# Latencystats\r\n\
            latency_percentiles_usec_info:p50=9.1,p99=99.1,p99.9=9999.9\r\n\
            latency_percentiles_usec_evalsha:p50=21.119,p99=87.551,p99.9=180.223\r\n\
            latency_percentiles_usec_evalsha_ro:p50=2.1,p99=8.5,p99.9=500.000\r\n";
        assert_eq!(slowest_script(info), Some(Duration::from_micros(500)));
        assert_eq!(slowest_script("# Latencystats\r\n"), None);
    }

    #[test]
    fn the_time_and_calls_of_scripts_are_summed_over_all_commands() {
        let info = "# Commandstats\r\n\
            cmdstat_evalsha:calls=2,usec=300,usec_per_call=150.00,rejected_calls=0\r\n\
            cmdstat_evalsha_ro:calls=1,usec=40,usec_per_call=40.00,rejected_calls=0\r\n\
            cmdstat_zadd:calls=9,usec=90,usec_per_call=10.00,rejected_calls=0\r\n";
        assert_eq!(time_in_scripts(info), Duration::from_micros(340));
        assert_eq!(calls_of_scripts(info), 3);
        assert_eq!(time_in_scripts("# Commandstats\r\n"), Duration::ZERO);
    }
}
