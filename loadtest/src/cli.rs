//! The command line.

use std::{num::NonZero, path::PathBuf, thread, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measure how fast Frontrow is.
///
/// Starts what it needs on the loopback interface, in a few minutes puts load on it, prints each figure
/// with the bar that it must reach, and ends all that it started. Run it from a release build, on a
/// machine that does nothing else: `cargo run --release -p loadtest -- queue --backend redis`.
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
    /// Measure the ranking, over a million seats that were sold
    Ranking(RankingArguments),
    /// Measure the event streams of ten thousand users, with their queue on Redis
    Streams(StreamsArguments),
    /// The baseline, as a process of its own
    #[command(hide = true)]
    Bare {
        /// What it answers
        #[arg(long)]
        body: String,
    },
}

/// What keeps the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Redis
    Redis,
    /// MySQL, which keeps everything else, too
    Mysql,
    /// The program itself
    Embedded,
}

/// What keeps everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// MySQL or MariaDB
    Mysql,
    /// A file
    Sqlite,
}

impl Backend {
    /// Its name in the program's configuration.
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
    /// What keeps the queues
    #[arg(long, value_enum, required_unless_present = "compare")]
    pub(crate) backend: Option<Backend>,

    /// Measure queues on MySQL and on Redis side by side
    #[arg(long, conflicts_with_all = ["backend", "database", "only"])]
    pub(crate) compare: bool,

    /// What keeps concerts and reservations; by default a file with the embedded queues, else MySQL
    #[arg(long, value_enum)]
    pub(crate) database: Option<Database>,

    /// Whether Redis keeps an append-only file, and how often it makes it safe
    #[arg(long, value_enum, default_value = "no")]
    pub(crate) append_only: AppendOnly,

    /// Measure only these; may be repeated
    #[arg(long, value_enum, value_name = "GROUP")]
    pub(crate) only: Vec<Group>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl Backend {
    /// What keeps everything else beside such queues, if nothing else is said.
    pub(crate) fn usual_database(self) -> Database {
        match self {
            Self::Embedded => Database::Sqlite,
            Self::Redis | Self::Mysql => Database::Mysql,
        }
    }
}

/// How Redis writes to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AppendOnly {
    /// Never
    #[default]
    No,
    /// Every second
    Everysec,
    /// Before each answer
    Always,
}

/// What is measured together, on stores that were empty before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Look-ups of people who wait, and joins behind them
    Waiting,
    /// The public state of a line
    LineStatus,
    /// The gate and look-ups of people who are active
    Active,
    /// What a line of a million people costs
    Crowd,
    /// A hundred thousand people let in at once
    Admission,
    /// Users who poll at the pace that the answers set, at one instance and at four
    OwnPace,
    /// A paused line that is opened while all of its users poll
    Opening,
    /// A hundred thousand places that expire while others are admitted
    Expiry,
    /// What requests cost the database while the queues are on Redis
    Statements,
    /// Joins and holds beside the database's own commits
    Durable,
    /// How fast the program is ready
    Start,
}

#[derive(Debug, Args)]
pub(crate) struct RankingArguments {
    /// What keeps the queues, and the rankings where that is Redis
    #[arg(long, value_enum, default_value = "redis")]
    pub(crate) backend: Backend,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct StreamsArguments {
    /// How many users listen
    #[arg(long, value_name = "STREAMS", default_value_t = Self::STREAMS, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    pub(crate) streams: u64,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

impl StreamsArguments {
    /// The published figures are of this number.
    pub(crate) const STREAMS: u64 = 10_000;

    /// Why no bar can be said to be met with these settings, if so.
    pub(crate) fn too_small(&self) -> Option<&'static str> {
        let too_few = (self.streams < Self::STREAMS).then_some("the bars are for 10,000 streams");
        self.settings.too_small().or(too_few)
    }
}

/// How it is measured, and what becomes of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// End with an error when a bar is missed that is due, or a row fails or became worse
    #[arg(long)]
    pub(crate) check: bool,

    /// The bars of plans up to this one are due; all that have a plan, unless this is given
    #[arg(long, value_name = "NUMBER", requires = "check")]
    pub(crate) plan: Option<u32>,

    /// Write the report to this file as JSON, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// An earlier program: rows without a bar that is due are measured on both in turns, and may not
    /// be more than 5 % worse
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,

    /// Put load on this program instead of a fresh release build
    #[arg(long, value_name = "FILE")]
    pub(crate) subject: Option<PathBuf>,

    /// How many different people ask
    #[arg(long, value_name = "PEOPLE", default_value_t = Self::USERS, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub(crate) users: u64,

    /// How many people make a long line
    #[arg(long, value_name = "PEOPLE", default_value_t = Self::CROWD, value_parser = clap::value_parser!(u64).range(100_000..=10_000_000))]
    pub(crate) crowd: u64,

    /// How many users wait where all of a line poll, and how many places expire; each row has its
    /// own number, unless this is given
    #[arg(long, value_name = "USERS", value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub(crate) people: Option<u64>,

    /// Only try everything: small lines, short slices, no figure that counts
    #[arg(long, conflicts_with = "check")]
    pub(crate) quick: bool,

    /// How long each slice is: both sides of a ratio take turns, a slice each
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) slice_s: u64,

    /// How many pairs of slices make a ratio, which is their median
    #[arg(long, value_name = "PAIRS", default_value_t = Self::PAIRS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) pairs: u32,

    /// How many connections ask at once
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 256, value_parser = connections)]
    pub(crate) connections: usize,
}

impl Settings {
    /// So many people at least make the figures that count.
    pub(crate) const USERS: u64 = 100_000;

    /// So many people make a long line.
    pub(crate) const CROWD: u64 = 1_000_000;

    /// So many pairs of slices make a ratio.
    pub(crate) const PAIRS: u32 = 5;

    /// The same, smaller where it is only tried.
    pub(crate) fn shrunk(mut self) -> Self {
        if self.quick {
            self.users = 2_000;
            self.crowd = 20_000;
            self.slice_s = 1;
            self.pairs = 1;
        }
        self
    }

    /// What is usual, or less where it is only tried.
    pub(crate) fn or_quick<T>(&self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }

    /// How many users a line has that polls: `usual`, unless another number was given.
    pub(crate) fn people_of(&self, usual: u64, quick: u64) -> u64 {
        self.people.unwrap_or_else(|| self.or_quick(usual, quick))
    }

    /// For how long admissions are watched.
    pub(crate) fn watched(&self) -> Duration {
        Duration::from_secs(self.or_quick(30, 5))
    }

    /// Why no bar can be said to be met with these settings, if so.
    pub(crate) fn too_small(&self) -> Option<&'static str> {
        if cfg!(debug_assertions) {
            Some("this is a debug build: use `cargo run --release -p loadtest`")
        } else if self.quick {
            Some("it was only tried")
        } else if self.users < Self::USERS || self.crowd < Self::CROWD || self.people.is_some() {
            Some(
                "the bars are for 100,000 people, lines of a million, and the usual ones that poll",
            )
        } else if self.pairs < Self::PAIRS {
            Some("the bars are for five pairs of slices")
        } else {
            None
        }
    }

    /// The bars of plans up to this one are due.
    pub(crate) fn due(&self) -> u32 {
        self.plan.unwrap_or(u32::MAX)
    }

    /// How long each slice is.
    pub(crate) fn slice(&self) -> Duration {
        Duration::from_secs(self.slice_s)
    }

    /// One thread of the client for each processor, so that it can use what the servers leave, on either
    /// side of a ratio.
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
    fn either_a_backend_is_measured_or_two_are_compared() {
        let parse = |words: &str| Cli::try_parse_from(words.split(' '));
        assert!(parse("loadtest queue --backend redis").is_ok());
        assert!(parse("loadtest queue --compare").is_ok());
        assert!(parse("loadtest queue").is_err());
        assert!(parse("loadtest queue --compare --backend redis").is_err());
    }

    #[test]
    fn a_plan_says_what_a_check_is_of() {
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
