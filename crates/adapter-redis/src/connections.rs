//! A few connections that all requests share.
//!
//! The driver's connections carry any number of requests at a time: what several tasks send on clones of
//! one is written, and answered, in a row. A connection of its own for each request reached less than
//! half of that. Each is looked after by a task of its own, which replaces it when it is of no more use.

mod lane;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use deadpool_redis::redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
};
pub(crate) use lane::{Lane, Trouble};

use crate::{open_error::OpenError, settings::RedisSettings};

/// The connections of one store.
pub(crate) struct Connections {
    requests: Vec<Lane>,
    turn: AtomicUsize,
    jobs: Lane,
}

impl Connections {
    /// Begins to connect to the server of `settings`.
    pub(crate) fn start(settings: &RedisSettings) -> Result<Arc<Self>, OpenError> {
        let server = server(&settings.url)?;
        let requests = (0..settings.connections.max(1))
            .map(|_| Lane::start(&server, settings))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(Self {
            requests,
            turn: AtomicUsize::new(0),
            jobs: Lane::start(&server, settings)?,
        }))
    }

    /// What people wait for goes here; by turns, so that all connections are busy alike.
    pub(crate) fn for_request(&self) -> &Lane {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.requests.len().max(1);
        self.requests.get(turn).unwrap_or(&self.jobs)
    }

    /// The longer scripts of the jobs go here: no request waits behind their answers.
    pub(crate) fn for_job(&self) -> &Lane {
        &self.jobs
    }
}

/// The server of a URL, to be spoken to in the protocol in which the driver tells of a connection that
/// was hung up.
fn server(url: &str) -> Result<ConnectionInfo, OpenError> {
    let bad = |why: &str| OpenError::BadUrl { why: why.into() };
    if !(url.starts_with("redis://") || url.starts_with("rediss://")) {
        return Err(bad("it begins neither with redis:// nor with rediss://"));
    }
    // The driver's text may show the URL, and with it the password.
    let server = url.into_connection_info().map_err(|error| {
        let why = error.to_string();
        bad(why.split(" - ").next().unwrap_or("it cannot be read"))
    })?;
    let login: RedisConnectionInfo = server
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Ok(server.set_redis_settings(login))
}

/// A server's name in messages: without the password.
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
    fn a_wrong_url_says_why_without_its_password() {
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
