//! Stops a statement on its way to the server, so that something can happen at that very moment.

use std::{io, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use tokio::{sync::watch, time::timeout};

use super::{Answer, Reader, Side, Wire};

/// For what never comes.
const LIMIT: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The next statement that begins like this is stopped.
    StopAt(&'static str),
    /// One stands before it.
    Stopped,
}

/// The way to a server, with one place where a statement may be stopped.
pub(crate) struct StatementGate {
    pub(crate) wire: Wire,
    state: watch::Sender<State>,
}

impl StatementGate {
    /// Before whoever listens there, open.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let state = watch::Sender::new(State::Open);
        let theirs = state.clone();
        let wire = Wire::to(server, move || Attendant(theirs.clone()));
        Self {
            wire: wire.await,
            state,
        }
    }

    /// Stops the next statement that begins like this.
    pub(crate) fn stop_at(&self, statement: &'static str) {
        self.state.send_replace(State::StopAt(statement));
    }

    /// Waits until it is there.
    pub(crate) async fn stopped(&self) {
        let mut state = self.state.subscribe();
        let stopped = timeout(LIMIT, state.wait_for(|state| *state == State::Stopped)).await;
        assert!(matches!(stopped, Ok(Ok(_))), "no such statement came");
    }

    /// Lets it go on, and all others.
    pub(crate) fn open(&self) {
        self.state.send_replace(State::Open);
    }
}

struct Attendant(watch::Sender<State>);

#[async_trait]
impl Reader for Attendant {
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
