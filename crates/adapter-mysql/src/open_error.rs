//! Why a database cannot be opened, in words for the operator who starts the service.

/// A database cannot be opened. Each text is one line that names the database. None contains a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MySqlOpenError {
    /// The URL is not the URL of a database.
    #[error("the database's URL is wrong: {why}")]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The server does not answer, or refuses the log-in.
    #[error("cannot reach the database {server}: {why}")]
    Unreachable {
        /// The database.
        server: String,
        /// The message of the driver or the server.
        why: String,
    },
    /// The server is older than Frontrow needs.
    #[error(
        "the server of the database {server} is too old: it is {version}, and {needed} is needed"
    )]
    OldServer {
        /// The database.
        server: String,
        /// The version that it reports.
        version: String,
        /// The version that is needed.
        needed: String,
    },
    /// Migrations are missing, and the settings do not say to run them.
    #[error(
        "the database {server} lacks {} migrations, the first is {first}: run the migrations",
        count
    )]
    OlderSchema {
        /// The database.
        server: String,
        /// Number of missing migrations.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// The database was written by a newer program.
    #[error(
        "the database {server} was written by a newer version of this program (it has the migration {version})"
    )]
    NewerSchema {
        /// The database.
        server: String,
        /// The newest migration in it that this program does not know.
        version: String,
    },
    /// Another process has been migrating it for too long.
    #[error("the database {server} is being migrated by another process")]
    Locked {
        /// The database.
        server: String,
    },
    /// A migration failed. Those before it were applied. The failed one can be run again.
    #[error("a migration of the database {server} failed and can be run again: {why}")]
    MigrationFailed {
        /// The database.
        server: String,
        /// The server's message.
        why: String,
    },
    /// Any other failure.
    #[error("cannot open the database {server}: {why}")]
    Other {
        /// The database.
        server: String,
        /// The driver's message.
        why: String,
    },
}
