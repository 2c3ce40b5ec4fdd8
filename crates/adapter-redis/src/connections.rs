//! One connection for each runtime, shared by all of its requests.
//!
//! A connection of the driver carries any number of requests at a time: requests that several tasks
//! send on clones of it are written, and answered, in order. One connection for each request
//! reached less than half of that throughput. The web server has a runtime for each processor. A
//! connection that several runtimes shared would be served by one of them, and every reply would
//! cost the others a switch between threads.
//!
//! Each connection has a task of its own, which replaces it after a fault.

mod managed_connection;

use std::sync::{Arc, PoisonError, RwLock};

use deadpool_redis::redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
};
pub(crate) use managed_connection::{ConnectionHandle, ManagedConnection};
use tokio::runtime::{Handle, Id};

use crate::{open_error::RedisOpenError, settings::RedisSettings};

/// The connections of one store.
pub(crate) struct Connections {
    server: ConnectionInfo,
    settings: RedisSettings,
    /// The connections of the runtimes that have sent a request so far: one for each processor.
    requests: RwLock<Vec<(Id, Arc<ManagedConnection>)>>,
    jobs: Arc<ManagedConnection>,
}

impl Connections {
    /// Begins to connect to the server of `settings`. Errors if the URL is wrong.
    pub(crate) fn start(settings: &RedisSettings) -> Result<Arc<Self>, RedisOpenError> {
        let server = server(&settings.url)?;
        Ok(Arc::new(Self {
            jobs: Arc::new(ManagedConnection::start(&server, settings)?),
            requests: RwLock::default(),
            server,
            settings: settings.clone(),
        }))
    }

    /// Returns the connection for the requests of users on the current runtime. The first request
    /// on a runtime starts it.
    pub(crate) fn for_request(&self) -> Arc<ManagedConnection> {
        let runtime = Handle::current().id();
        let connection = {
            let connections = self.requests.read();
            connection_of(
                &connections.unwrap_or_else(PoisonError::into_inner),
                runtime,
            )
        };
        connection.unwrap_or_else(|| self.start_for(runtime))
    }

    /// Starts the connection of a runtime that has none. Returns that of the jobs if it cannot be
    /// started.
    fn start_for(&self, runtime: Id) -> Arc<ManagedConnection> {
        let mut connections = self
            .requests
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connection_of(&connections, runtime) {
            return connection;
        }
        match ManagedConnection::start(&self.server, &self.settings) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                connections.push((runtime, Arc::clone(&connection)));
                connection
            }
            Err(_) => self.for_job(),
        }
    }

    /// Returns the connection for jobs. It is separate because their scripts take longer: no
    /// request waits behind their replies.
    pub(crate) fn for_job(&self) -> Arc<ManagedConnection> {
        Arc::clone(&self.jobs)
    }
}

fn connection_of(
    connections: &[(Id, Arc<ManagedConnection>)],
    runtime: Id,
) -> Option<Arc<ManagedConnection>> {
    let connection = connections.iter().find(|(id, _)| *id == runtime);
    connection.map(|(_, connection)| Arc::clone(connection))
}

/// Parses the URL of a server. Selects RESP3, the protocol with which the driver reports a closed
/// connection.
fn server(url: &str) -> Result<ConnectionInfo, RedisOpenError> {
    let bad_url = |why: &str| RedisOpenError::BadUrl { why: why.into() };
    if !url.starts_with("redis://") {
        return Err(bad_url("it does not begin with redis://"));
    }
    // The driver's text may show the URL, and with it the password.
    let server = url.into_connection_info().map_err(|error| {
        let why = error.to_string();
        bad_url(why.split(" - ").next().unwrap_or("it cannot be read"))
    })?;
    let login: RedisConnectionInfo = server
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Ok(server.set_redis_settings(login))
}

/// Returns the name of a server for messages, without the password.
pub(crate) fn name(url: &str) -> String {
    let Ok(server) = url.into_connection_info() else {
        return "an unknown address".to_owned();
    };
    let address = match server.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            format!("{host}:{port}")
        }
        other => other.to_string(),
    };
    match server.redis_settings().db() {
        0 => address,
        database => format!("{address}/{database}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_wrong_url_has_no_password() {
        for url in [
            "",
            "localhost",
            "http://localhost",
            "redis://anna:secret@localhost:port",
            "redis://anna:secret@localhost/database",
            "redis://anna:secret@",
        ] {
            let error = server(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            assert!(error.starts_with("the URL of Redis is wrong: "), "{error}");
        }
    }

    #[test]
    fn a_server_is_named_without_its_password() {
        assert_eq!(
            name("redis://anna:secret@example.com/3"),
            "example.com:6379/3"
        );
        assert_eq!(name("redis://127.0.0.1:7000"), "127.0.0.1:7000");
    }
}
