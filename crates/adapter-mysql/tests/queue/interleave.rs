//! A proxy on the way to the server that understands statements, and injects a fault at one of
//! them.

use std::{io, sync::Arc};

use async_trait::async_trait;
use frontrow_test_harness::{Fault, FaultProxy};
use tokio::sync::Mutex;

use crate::wire::{Answer, Reader, Side, Wire};

/// What the statement is to which something happens, or more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// A step by itself: it stands outside a transaction.
    Step,
    /// It writes.
    Write,
    /// It makes something last: a commit, or a write outside a transaction.
    Lasting,
}

/// What happens to it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    /// Its connection is lost before the server has it; the others stay.
    Loss,
    /// This, and to all that comes after it.
    Fault(Fault),
}

type Plan = Arc<Mutex<Option<(Moment, Blow)>>>;

/// The way to a server with such a one on it.
pub(crate) struct Interleaving {
    pub(crate) wire: Wire,
    plan: Plan,
}

impl Interleaving {
    /// Before a network that can break.
    pub(crate) async fn before(network: Arc<FaultProxy>) -> Self {
        let plan = Plan::default();
        let theirs = Arc::clone(&plan);
        let wire = Wire::to(network.address(), move || Robber {
            network: Arc::clone(&network),
            plan: Arc::clone(&theirs),
            in_transaction: false,
        });
        Self {
            wire: wire.await,
            plan,
        }
    }

    /// Strikes once, at the next statement that is this or more.
    pub(crate) async fn lie_in_wait(&self, moment: Moment, blow: Blow) {
        *self.plan.lock().await = Some((moment, blow));
    }

    /// Lets everything pass. Who has struck has done so when this returns.
    pub(crate) async fn give_up(&self) {
        *self.plan.lock().await = None;
    }
}

/// On one connection.
struct Robber {
    network: Arc<FaultProxy>,
    plan: Plan,
    in_transaction: bool,
}

impl Robber {
    /// What a statement is; none for what prepares others.
    fn moment_of(&mut self, statement: &str) -> Option<Moment> {
        let is = |begins: &[&str]| begins.iter().any(|text| statement.starts_with(text));
        if is(&["BEGIN", "START TRANSACTION"]) {
            self.in_transaction = true;
            return None;
        }
        if is(&["COMMIT", "ROLLBACK"]) {
            self.in_transaction = false;
            return is(&["COMMIT"]).then_some(Moment::Lasting);
        }
        match (is(&["INSERT", "UPDATE", "DELETE"]), self.in_transaction) {
            (true, true) => Some(Moment::Write),
            (true, false) => Some(Moment::Lasting),
            // The driver asks a new connection for the server's settings.
            (false, false) if is(&["SELECT"]) && !is(&["SELECT @@"]) => Some(Moment::Step),
            (false, _) => None,
        }
    }
}

#[async_trait]
impl Reader for Robber {
    async fn before(&mut self, _: &mut Side, statement: &str) -> io::Result<()> {
        let Some(moment) = self.moment_of(statement.trim_start()) else {
            return Ok(());
        };
        let mut plan = self.plan.lock().await;
        match plan.take_if(|(planned, _)| moment >= *planned) {
            None => Ok(()),
            Some((_, Blow::Loss)) => Err(io::ErrorKind::ConnectionReset.into()),
            Some((_, Blow::Fault(fault))) => {
                self.network.set(fault).await.map_err(io::Error::other)
            }
        }
    }

    async fn after(&mut self, _: &mut Side, _: &str, _: Answer) -> io::Result<()> {
        Ok(())
    }
}
