//! Stops a statement on its way to the server, so that a test can act at that very moment.

use std::{io, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use tokio::{sync::watch, time::timeout};

use super::{Answer, Reader, Side, Wire};

/// Maximum wait for a statement.
const LIMIT: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The next statement that begins like this is stopped.
    StopAt(&'static str),
    /// A statement is stopped.
    Stopped,
}

/// A proxy that can stop a statement.
pub(crate) struct StatementGate {
    pub(crate) wire: Wire,
    state: watch::Sender<State>,
}

impl StatementGate {
    /// Starts an open gate in front of a server.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let state = watch::Sender::new(State::Open);
        let shared = state.clone();
        let wire = Wire::to(server, move || GateReader(shared.clone()));
        Self {
            wire: wire.await,
            state,
        }
    }

    /// Stops the next statement that begins like this.
    pub(crate) fn stop_at(&self, statement: &'static str) {
        self.state.send_replace(State::StopAt(statement));
    }

    /// Waits until that statement is stopped.
    pub(crate) async fn stopped(&self) {
        let mut state = self.state.subscribe();
        let stopped = timeout(LIMIT, state.wait_for(|state| *state == State::Stopped)).await;
        assert!(matches!(stopped, Ok(Ok(_))), "no such statement came");
    }

    /// Lets that statement and all others pass.
    pub(crate) fn open(&self) {
        self.state.send_replace(State::Open);
    }
}

struct GateReader(watch::Sender<State>);

#[async_trait]
impl Reader for GateReader {
    async fn before(&mut self, _: &mut Side, statement: &str) -> io::Result<()> {
        let stopped = self.0.send_if_modified(|state| match *state {
            State::StopAt(text) if statement.trim_start().starts_with(text) => {
                *state = State::Stopped;
                true
            }
            _ => false,
        });
        if stopped {
            let mut state = self.0.subscribe();
            let opened = state.wait_for(|state| *state == State::Open).await;
            opened.map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn after(&mut self, _: &mut Side, _: &str, _: Answer) -> io::Result<()> {
        Ok(())
    }
}
