//! Why a database cannot be opened, in words for the person who starts the service.

/// A database cannot be opened. Each text is one line, and says which database; none has a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The URL is none of a database.
    #[error("the database's URL is wrong: {why}")]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// The server does not answer, or does not let us in.
    #[error("cannot reach the database {server}: {why}")]
    Unreachable {
        /// The database.
        server: String,
        /// What the driver or the server says.
        why: String,
    },
    /// The server is older than what Frontrow needs.
    #[error(
        "the server of the database {server} is too old: it is {version}, and {needed} is needed"
    )]
    OldServer {
        /// The database.
        server: String,
        /// What it says it is.
        version: String,
        /// What is needed.
        needed: String,
    },
    /// Migrations are missing, and nobody said to run them.
    #[error(
        "the database {server} lacks {} migrations, the first is {first}: run the migrations",
        count
    )]
    OlderSchema {
        /// The database.
        server: String,
        /// How many it lacks.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A newer program has written it.
    #[error(
        "the database {server} was written by a newer version of this program (it has the migration {version})"
    )]
    NewerSchema {
        /// The database.
        server: String,
        /// The newest migration in it that this program does not know.
        version: String,
    },
    /// Somebody else has been migrating it for too long.
    #[error("the database {server} is being migrated by another process")]
    Locked {
        /// The database.
        server: String,
    },
    /// A migration failed. Those before it were made; the failed one can be run again.
    #[error("a migration of the database {server} failed and can be run again: {why}")]
    MigrationFailed {
        /// The database.
        server: String,
        /// What the server says.
        why: String,
    },
    /// Anything else.
    #[error("cannot open the database {server}: {why}")]
    Other {
        /// The database.
        server: String,
        /// What the driver says.
        why: String,
    },
}
