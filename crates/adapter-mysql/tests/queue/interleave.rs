//! A proxy in front of the server that distinguishes kinds of statements, and injects a fault at
//! one of them.

use std::{io, sync::Arc};

use async_trait::async_trait;
use frontrow_test_harness::{Fault, FaultProxy};
use tokio::sync::Mutex;

use crate::wire::{Answer, Reader, Side, Wire};

/// What a statement does, in increasing order. An action at one kind also happens at later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StatementKind {
    /// A read outside a transaction.
    Read,
    /// A write in a transaction.
    Write,
    /// A commit, or a write outside a transaction.
    Durable,
}

/// What happens to a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// Its connection is reset before the server gets it. Other connections stay open.
    Reset,
    /// The network has this fault from then on.
    Fault(Fault),
}

type Plan = Arc<Mutex<Option<(StatementKind, Action)>>>;

/// A proxy that injects a planned action.
pub(crate) struct Interleaving {
    pub(crate) wire: Wire,
    plan: Plan,
}

impl Interleaving {
    /// Starts the proxy in front of a network that can break.
    pub(crate) async fn before(network: Arc<FaultProxy>) -> Self {
        let plan = Plan::default();
        let shared = Arc::clone(&plan);
        let wire = Wire::to(network.address(), move || InterleavingReader {
            network: Arc::clone(&network),
            plan: Arc::clone(&shared),
            in_transaction: false,
        });
        Self {
            wire: wire.await,
            plan,
        }
    }

    /// Plans an action at the next statement of this or a later kind, once.
    pub(crate) async fn plan(&self, kind: StatementKind, action: Action) {
        *self.plan.lock().await = Some((kind, action));
    }

    /// Cancels the planned action. If it has begun, this returns after its end.
    pub(crate) async fn cancel(&self) {
        *self.plan.lock().await = None;
    }
}

/// Reads the statements of one connection.
struct InterleavingReader {
    network: Arc<FaultProxy>,
    plan: Plan,
    in_transaction: bool,
}

impl InterleavingReader {
    /// Returns the kind of a statement. None for one that only prepares others, such as `BEGIN`.
    fn kind_of(&mut self, statement: &str) -> Option<StatementKind> {
        let is = |begins: &[&str]| begins.iter().any(|text| statement.starts_with(text));
        if is(&["BEGIN", "START TRANSACTION"]) {
            self.in_transaction = true;
            return None;
        }
        if is(&["COMMIT", "ROLLBACK"]) {
            self.in_transaction = false;
            return is(&["COMMIT"]).then_some(StatementKind::Durable);
        }
        match (is(&["INSERT", "UPDATE", "DELETE"]), self.in_transaction) {
            (true, true) => Some(StatementKind::Write),
            (true, false) => Some(StatementKind::Durable),
            // The driver asks a new connection for the server's settings.
            (false, false) if is(&["SELECT"]) && !is(&["SELECT @@"]) => Some(StatementKind::Read),
            (false, _) => None,
        }
    }
}

#[async_trait]
impl Reader for InterleavingReader {
    async fn before(&mut self, _: &mut Side, statement: &str) -> io::Result<()> {
        let Some(kind) = self.kind_of(statement.trim_start()) else {
            return Ok(());
        };
        let mut plan = self.plan.lock().await;
        match plan.take_if(|(planned, _)| kind >= *planned) {
            None => Ok(()),
            Some((_, Action::Reset)) => Err(io::ErrorKind::ConnectionReset.into()),
            Some((_, Action::Fault(fault))) => {
                self.network.set(fault).await.map_err(io::Error::other)
            }
        }
    }

    async fn after(&mut self, _: &mut Side, _: &str, _: Answer) -> io::Result<()> {
        Ok(())
    }
}
