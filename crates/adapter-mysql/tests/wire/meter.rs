//! Measures what a statement costs the server: the rows that it reads, by the server's own
//! counters.

use std::{
    fmt, io, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Answer, Reader, Side, Wire, address_of};

/// A statement may read so many times as many rows as it gives and writes: to look a row up, to find
/// it again in order to write it, and each of its neighbours.
const READS_A_ROW_MAX: u64 = 4;

/// And so many on top, since one that gives nothing has had to look: up to four seats, their
/// reservations, what a row refers to.
const READS_FOR_NOTHING_MAX: u64 = 16;

/// A statement that was run, and what it cost.
#[derive(Debug, Clone)]
pub(crate) struct Metered {
    pub(crate) statement: String,
    /// How often the server's tables were asked for a row: found by a key, next to the last one, or next
    /// in the table, whether it was wanted or not.
    pub(crate) read: u64,
    /// True where the connection had prepared the same statement before: that costs another trip to the
    /// server each time, which reads the text again.
    pub(crate) prepared_again: bool,
    pub(crate) answer: Answer,
}

impl Metered {
    /// Whether it reads little more than it gives and writes, where `needs` more rows are counted or
    /// added up by its nature.
    pub(crate) fn is_lean(&self, needs: u64) -> bool {
        let rows = self.answer.returned + self.answer.changed;
        self.read <= READS_A_ROW_MAX * rows + needs + READS_FOR_NOTHING_MAX
    }
}

impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { returned, changed } = self.answer;
        let (read, statement) = (self.read, &self.statement);
        if self.prepared_again {
            write!(f, "was prepared again, ")?;
        }
        write!(
            f,
            "read {read} rows, gave {returned}, wrote {changed}: {statement}"
        )
    }
}

/// Meters every statement on its way to a server.
pub(crate) struct Meter {
    pub(crate) wire: Wire,
    seen: Arc<Mutex<Vec<Metered>>>,
}

impl Meter {
    /// Before the server of a URL.
    pub(crate) async fn before(url: &str) -> Self {
        let seen = Arc::default();
        let theirs = Arc::clone(&seen);
        let wire = Wire::to(address_of(url).await, move || Counters {
            read: None,
            prepared_again: None,
            seen: Arc::clone(&theirs),
        });
        Self {
            wire: wire.await,
            seen,
        }
    }

    /// What was run since the last time.
    pub(crate) fn take(&self) -> Vec<Metered> {
        mem::take(&mut *locked(&self.seen))
    }
}

fn locked(seen: &Mutex<Vec<Metered>>) -> MutexGuard<'_, Vec<Metered>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counters of one connection.
struct Counters {
    /// How they stood last.
    read: Option<u64>,
    /// What was prepared last, if it had been before.
    prepared_again: Option<String>,
    seen: Arc<Mutex<Vec<Metered>>>,
}

#[async_trait]
impl Reader for Counters {
    async fn before(&mut self, server: &mut Side, _: &str) -> io::Result<()> {
        if self.read.is_none() {
            // Rows that the engine leaves out by itself would not be counted.
            server
                .ask("SET SESSION optimizer_switch = 'index_condition_pushdown=off'")
                .await?;
            self.read = Some(rows_read(server).await?);
        }
        Ok(())
    }

    async fn after(
        &mut self,
        server: &mut Side,
        statement: &str,
        answer: Answer,
    ) -> io::Result<()> {
        // Asking is not counted.
        let read = rows_read(server).await?;
        let before = self.read.replace(read).unwrap_or_default();
        locked(&self.seen).push(Metered {
            statement: statement.split_whitespace().collect::<Vec<_>>().join(" "),
            read: read - before,
            prepared_again: self.prepared_again.take().as_deref() == Some(statement),
            answer,
        });
        Ok(())
    }

    fn prepared_again(&mut self, statement: &str) {
        self.prepared_again = Some(statement.to_owned());
    }
}

async fn rows_read(server: &mut Side) -> io::Result<u64> {
    let counters = server
        .ask("SHOW SESSION STATUS LIKE 'Handler\\_read%'")
        .await?;
    let values = counters.iter().filter_map(|counter| counter.get(1));
    Ok(values.filter_map(|value| value.parse::<u64>().ok()).sum())
}
