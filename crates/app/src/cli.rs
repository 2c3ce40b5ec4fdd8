//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{commands, config::Config};

/// Concert reservations behind a virtual waiting room.
///
/// Without a command, and without any configuration, frontrow serves a demo on-sale on
/// 127.0.0.1:8080 and keeps its data in ./frontrow-data.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    sources: Sources,
}

/// The sources of the configuration.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// Read this configuration file instead of ./frontrow.toml
    ///
    /// Settings come from built-in defaults, then this file, then environment variables named
    /// `FRONTROW_SECTION__KEY`, such as `FRONTROW_SERVER__BIND=127.0.0.1:9000`. Later ones win.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "FRONTROW_CONFIG"
    )]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and run the jobs (the default)
    ///
    /// Stops on SIGTERM and Ctrl-C once the requests in flight are answered. A second signal ends
    /// it at once.
    Serve,
    /// Bring the database's schema up to date
    ///
    /// `serve` does this automatically for the embedded database, and for MySQL if
    /// `database.older_schema` is `migrate`.
    Migrate {
        /// Only list applied and pending migrations
        #[arg(long)]
        status: bool,
    },
    /// Check whether money and seats agree in the database
    ///
    /// Compares each balance with its ledger, each sold seat with its payment, and each held seat
    /// with its reservation. Prints each difference, and exits with status 1 if there is one.
    /// Changes nothing, and can run beside a server.
    Reconcile,
    /// Add the demo on-sale to the database
    ///
    /// Adds a few concerts, from a 50-seat club to a 2,000-seat hall. `serve` adds them
    /// automatically to an embedded database without concerts. Cannot run while another frontrow
    /// keeps the queues in its memory.
    Demo,
    /// Copy the embedded database to a new file, also while `serve` runs
    ///
    /// Prints what the copy does not contain: the queues, and the keys. docs/OPERATIONS.md
    /// describes how to back up MySQL.
    Backup {
        /// The file to create; an existing file is never overwritten
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Include the keys of the data folder: the file is then secret
        #[arg(long)]
        with_keys: bool,
    },
    /// Replace the embedded database by a backup, while no server runs on it
    ///
    /// The old database is renamed, not deleted. Keys in the backup are written to the data folder.
    Restore {
        /// A file from `frontrow backup`; it is not changed
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the effective configuration as TOML, without its secrets
    Config,
    /// Print a development identity: a JWT for `Authorization: Bearer …`
    ///
    /// It is signed with `identity.hs256_secret`, or with the key in the data folder.
    UserToken {
        /// The user id: 1 to 64 printable ASCII characters
        #[arg(long, value_name = "NAME")]
        sub: String,
        /// How long it is valid, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(1..))]
        valid_for: u32,
    },
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(self.sources.config.as_deref())?;
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => commands::serve(config),
            Command::Migrate { status } => commands::migrate(&config, status),
            Command::Reconcile => commands::reconcile(&config),
            Command::Demo => commands::demo(&config),
            Command::Backup { file, with_keys } => commands::backup(&config, &file, with_keys),
            Command::Restore { file } => commands::restore(&config, &file),
            Command::Config => commands::show_config(&config),
            Command::UserToken { sub, valid_for } => commands::user_token(&config, &sub, valid_for),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
