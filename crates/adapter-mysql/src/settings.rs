//! How the adapter connects to its server, and its time limits.

use std::time::Duration;

/// Connection options and time limits. [`MySqlSettings::default`] has the product's values unless
/// its operator sets others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MySqlSettings {
    /// Maximum number of connections that one instance of the service opens, at least 1. Default
    /// 16: a transaction here is a handful of short statements, and the server commits waiting
    /// transactions together.
    pub pool_size: usize,
    /// How long a call waits for a connection in use before it fails as busy, and how long an idle
    /// connection may take to answer a check. Default 2 s.
    pub acquire_timeout: Duration,
    /// How long the server may take to accept a connection. Default 5 s.
    pub connect_timeout: Duration,
    /// Time limit of one call: its wait for a connection and its statements together, including
    /// retries. Default 5 s. The server also ends a single statement after that time (MariaDB any,
    /// MySQL only a `SELECT`). An operator's edit has twelve times as long.
    pub statement_timeout: Duration,
    /// How long a statement waits for a row that another transaction is changing. The server counts
    /// whole seconds, at least one. Default 2 s. If two calls with the same `Idempotency-Key` run
    /// at once, the second waits this long for the first.
    pub lock_timeout: Duration,
    /// Whether the connection is encrypted, and how the server is authenticated. Default
    /// [`TlsMode::Off`].
    pub tls: TlsMode,
    /// What to do about a schema that lacks migrations. Default [`OlderSchema::Refuse`].
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
    /// Not encrypted: for a server on the same machine or in a private network.
    #[default]
    Off,
    /// Encrypted, without a check of the server: an eavesdropper reads nothing, but an attacker may
    /// pose as the server.
    Encrypt,
    /// Encrypted, to a server whose certificate is for its host name, from an authority that
    /// browsers know.
    Verify,
}

/// What to do about a schema that lacks migrations that the program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OlderSchema {
    /// Refuse to open: the operator runs the migrations at a time of their choice.
    #[default]
    Refuse,
    /// Run them. If several instances start at once, one runs them and the others wait.
    Migrate,
}
