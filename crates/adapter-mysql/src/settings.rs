//! How the adapter deals with its server.

use std::time::Duration;

/// How to connect, and how long to wait for what. [`MySqlSettings::default`] is what the product does
/// unless its operator says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MySqlSettings {
    /// How many connections one instance of the service opens at most; 1 or more. 16: a transaction
    /// here is a handful of short statements, and the server commits what waits together.
    pub pool_size: usize,
    /// How long a call waits for a connection that others use before it is told to come back, and how long
    /// one that has lain idle may take to say that it is still there. 2 s.
    pub acquire_timeout: Duration,
    /// How long the server may take to let us in. 5 s.
    pub connect_timeout: Duration,
    /// How long one call may take: its wait for a connection and its statements together, repeats
    /// included. 5 s. The server is told to end a single statement after that time as well (MariaDB any,
    /// MySQL only a `SELECT`). An operator's change of a hall has twelve times as long.
    pub statement_timeout: Duration,
    /// How long a statement waits for a row that somebody else is changing; the server counts whole
    /// seconds, at least one. 2 s. With the same `Idempotency-Key` under way twice, the second call
    /// waits so long for the first.
    pub lock_timeout: Duration,
    /// Whether the connection is encrypted, and to whom. [`TlsMode::Off`].
    pub tls: TlsMode,
    /// What to do about a schema that lacks migrations. [`OlderSchema::Refuse`].
    pub older_schema: OlderSchema,
}

impl Default for MySqlSettings {
    fn default() -> Self {
        Self {
            pool_size: 16,
            acquire_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            tls: TlsMode::default(),
            older_schema: OlderSchema::default(),
        }
    }
}

/// Whether connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Not at all: for a server on the same machine or in a private network.
    #[default]
    Off,
    /// Encrypted, to whomever answers: nobody listens in, but somebody may pretend to be the server.
    Encrypt,
    /// Encrypted, to a server whose certificate is for its host name, from an authority that browsers
    /// know.
    Verify,
}

/// What to do about a schema that lacks migrations that the program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OlderSchema {
    /// Refuse to open: somebody runs the migrations at a time of their choice.
    #[default]
    Refuse,
    /// Run them. Of several instances that start at once, one does and the others wait.
    Migrate,
}
