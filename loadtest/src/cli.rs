//! The command line: subcommands, options and their defaults.

use std::{num::NonZero, path::PathBuf, thread, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measure how fast Frontrow is.
///
/// Starts the stores and the program on the loopback interface, puts load on them for a few
/// minutes, prints each figure with the bar that it must reach, and ends all that it started. Run
/// it from a release build, on a machine that does nothing else: `cargo run --release -p loadtest
/// -- queue --backend redis`.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure the waiting rooms
    Queue(QueueArguments),
    /// Measure the ranking of a million sold seats
    Ranking(RankingArguments),
    /// Measure the event streams of ten thousand users, with their queue on Redis
    Streams(StreamsArguments),
    /// Serve the baseline, in a process of its own
    #[command(hide = true)]
    Bare {
        /// The body of every response
        #[arg(long)]
        body: String,
    },
}

/// The store that keeps the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Redis
    Redis,
    /// MySQL, which also keeps everything else
    Mysql,
    /// The program itself, in its memory
    Embedded,
}

/// The store that keeps everything except the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// MySQL or MariaDB
    Mysql,
    /// A file
    Sqlite,
}

impl Backend {
    /// Returns its name in the program's configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Mysql => "mysql",
            Self::Embedded => "embedded",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct QueueArguments {
    /// The store that keeps the queues
    #[arg(long, value_enum, required_unless_present = "compare")]
    pub(crate) backend: Option<Backend>,

    /// Measure queues on MySQL and on Redis side by side
    #[arg(long, conflicts_with_all = ["backend", "database", "only"])]
    pub(crate) compare: bool,

    /// The store of concerts and reservations; by default a file with embedded queues, else MySQL
    #[arg(long, value_enum)]
    pub(crate) database: Option<Database>,

    /// Whether Redis keeps an append-only file, and how often it syncs the file to the disk
    #[arg(long, value_enum, default_value = "no")]
    pub(crate) append_only: AppendOnly,

    /// Measure only this group; may be repeated
    #[arg(long, value_enum, value_name = "GROUP")]
    pub(crate) only: Vec<Group>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl Backend {
    /// Returns the default database with this backend.
    pub(crate) fn default_database(self) -> Database {
        match self {
            Self::Embedded => Database::Sqlite,
            Self::Redis | Self::Mysql => Database::Mysql,
        }
    }
}

/// How often Redis syncs its append-only file to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AppendOnly {
    /// No append-only file
    #[default]
    No,
    /// Every second
    Everysec,
    /// Before each answer
    Always,
}

/// Rows that are measured together, on stores that were empty before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Look-ups of waiting users, and joins behind them
    Waiting,
    /// The line status
    LineStatus,
    /// The gate and look-ups of active users
    Active,
    /// The cost of a line of a million users
    Crowd,
    /// The admission of a hundred thousand users at once
    Admission,
    /// Users who poll at the pace that the answers set, at one instance and at four
    OwnPace,
    /// A paused line that is opened while all of its users poll
    Opening,
    /// A hundred thousand places that expire while others are admitted
    Expiry,
    /// What requests cost the database while the queues are on Redis
    Statements,
    /// Joins and seat holds, compared with the database's own commits
    Durable,
    /// The time from the start of the program until it is ready
    Start,
}

#[derive(Debug, Args)]
pub(crate) struct RankingArguments {
    /// The store that keeps the queues, and also the rankings where it is Redis
    #[arg(long, value_enum, default_value = "redis")]
    pub(crate) backend: Backend,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct StreamsArguments {
    /// The number of event streams, one per user
    #[arg(long, value_name = "STREAMS", default_value_t = Self::STREAMS, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    pub(crate) streams: u64,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl StreamsArguments {
    /// The number of streams of the published figures.
    pub(crate) const STREAMS: u64 = 10_000;

    /// Returns the reason why figures with these settings do not count. None if they count.
    pub(crate) fn too_small(&self) -> Option<&'static str> {
        let too_few = (self.streams < Self::STREAMS).then_some("the bars are for 10,000 streams");
        self.settings.too_small().or(too_few)
    }
}

/// How to measure, and what to do with the result.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// End with an error when a bar is missed that is due, or a row fails or became worse
    #[arg(long)]
    pub(crate) check: bool,

    /// Bars of plans up to this number are due; without it, all bars that have a plan are
    #[arg(long, value_name = "NUMBER", requires = "check")]
    pub(crate) plan: Option<u32>,

    /// Also write the report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// An earlier program: rows without a bar that is due are measured on both programs in turns,
    /// and may be at most 5 % worse
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,

    /// Put load on this program instead of a fresh release build
    #[arg(long, value_name = "FILE")]
    pub(crate) subject: Option<PathBuf>,

    /// The number of different users that send requests
    #[arg(long, value_name = "USERS", default_value_t = Self::USERS, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub(crate) users: u64,

    /// The number of users in a long line
    #[arg(long, value_name = "USERS", default_value_t = Self::CROWD, value_parser = clap::value_parser!(u64).range(100_000..=10_000_000))]
    pub(crate) crowd: u64,

    /// The number of users who wait where all users of a line poll, and the number of places that
    /// expire; each row has its own default
    #[arg(long, value_name = "USERS", value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub(crate) people: Option<u64>,

    /// Only try everything: small lines and short slices; the figures do not count
    #[arg(long, conflicts_with = "check")]
    pub(crate) quick: bool,

    /// The length of a slice, in seconds; the two sides of a ratio take turns, one slice each
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) slice_s: u64,

    /// The number of pairs of slices for each ratio; the ratio is their median
    #[arg(long, value_name = "PAIRS", default_value_t = Self::PAIRS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) pairs: u32,

    /// The number of connections that send requests at once
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 256, value_parser = connections)]
    pub(crate) connections: usize,
}

impl Settings {
    /// The default of `users`, and the fewest for figures that count.
    pub(crate) const USERS: u64 = 100_000;

    /// The default of `crowd`, and the fewest for figures that count.
    pub(crate) const CROWD: u64 = 1_000_000;

    /// The default of `pairs`, and the fewest for figures that count.
    pub(crate) const PAIRS: u32 = 5;

    /// Returns these settings, smaller ones for `--quick`.
    pub(crate) fn shrunk(mut self) -> Self {
        if self.quick {
            self.users = 2_000;
            self.crowd = 20_000;
            self.slice_s = 1;
            self.pairs = 1;
        }
        self
    }

    /// Returns `usual`, or `quick` for `--quick`.
    pub(crate) fn or_quick<T>(&self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }

    /// Returns the number of users in a line whose users poll: the value of `--people`, else
    /// `usual`, or `quick` for `--quick`.
    pub(crate) fn polling_users(&self, usual: u64, quick: u64) -> u64 {
        self.people.unwrap_or_else(|| self.or_quick(usual, quick))
    }

    /// Returns the time for which admissions are observed.
    pub(crate) fn watched(&self) -> Duration {
        Duration::from_secs(self.or_quick(30, 5))
    }

    /// Returns the reason why figures with these settings do not count. None if they count.
    pub(crate) fn too_small(&self) -> Option<&'static str> {
        if cfg!(debug_assertions) {
            Some("this is a debug build: use `cargo run --release -p loadtest`")
        } else if self.quick {
            Some("`--quick` only tries everything")
        } else if self.users < Self::USERS || self.crowd < Self::CROWD || self.people.is_some() {
            Some("the bars are for 100,000 users, lines of a million, and no `--people`")
        } else if self.pairs < Self::PAIRS {
            Some("the bars are for five pairs of slices")
        } else {
            None
        }
    }

    /// Returns the number of the last plan whose bars are due.
    pub(crate) fn due(&self) -> u32 {
        self.plan.unwrap_or(u32::MAX)
    }

    /// Returns the length of a slice.
    pub(crate) fn slice(&self) -> Duration {
        Duration::from_secs(self.slice_s)
    }

    /// Returns the number of client threads: one per processor, at most one per connection. So the
    /// client can use all processor time that the servers leave, on either side of a ratio.
    pub(crate) fn threads(&self) -> usize {
        thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(self.connections)
    }
}

fn connections(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=1_000).contains(count))
        .ok_or_else(|| "must be from 1 to 1000".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_queue_run_takes_a_backend_or_compare() {
        let parse = |words: &str| Cli::try_parse_from(words.split(' '));
        assert!(parse("loadtest queue --backend redis").is_ok());
        assert!(parse("loadtest queue --compare").is_ok());
        assert!(parse("loadtest queue").is_err());
        assert!(parse("loadtest queue --compare --backend redis").is_err());
    }

    #[test]
    fn a_plan_limits_the_bars_that_a_check_demands() {
        let parse = |words: &str| Cli::try_parse_from(words.split(' '));
        let Command::Ranking(checked) = parse("loadtest ranking --check --plan 8").unwrap().command
        else {
            panic!("another command");
        };
        assert_eq!(checked.settings.due(), 8);
        let Command::Ranking(all) = parse("loadtest ranking --check").unwrap().command else {
            panic!("another command");
        };
        assert_eq!(all.settings.due(), u32::MAX);
        assert!(parse("loadtest ranking --plan 8").is_err());
        assert!(parse("loadtest ranking --check --quick").is_err());
    }
}
