//! Measures the cost of each statement: the rows that the server reads for it, by the server's own
//! counters.

use std::{
    fmt, io, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Answer, Reader, Side, Wire, address_of};

/// Maximum number of rows that a statement may read for each row that it returns or writes: it
/// looks the row up, finds it again in order to write it, and reads each of its neighbours.
const READS_PER_ROW_MAX: u64 = 4;

/// Maximum number of rows that a statement may read in addition. One that returns no row reads too:
/// up to four seats, their reservations, and the rows to which a row refers.
const READS_WITHOUT_ROWS_MAX: u64 = 16;

/// A statement that was run, and its cost.
#[derive(Debug, Clone)]
pub(crate) struct Metered {
    pub(crate) statement: String,
    /// Number of reads of a row: by a key, next to the last one, or next in the table, whether it
    /// was wanted or not.
    pub(crate) read: u64,
    /// True if the connection had prepared the same statement before: that costs another round trip
    /// each time, and the server parses the text again.
    pub(crate) prepared_again: bool,
    pub(crate) answer: Answer,
}

impl Metered {
    /// Returns true if it reads few rows for those that it returns and writes. By its nature it
    /// counts or adds up `extra_rows` more.
    pub(crate) fn is_cheap(&self, extra_rows: u64) -> bool {
        let rows = self.answer.returned + self.answer.changed;
        self.read <= READS_PER_ROW_MAX * rows + extra_rows + READS_WITHOUT_ROWS_MAX
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
            "read {read} rows, returned {returned}, wrote {changed}: {statement}"
        )
    }
}

/// A proxy that measures every statement.
pub(crate) struct Meter {
    pub(crate) wire: Wire,
    seen: Arc<Mutex<Vec<Metered>>>,
}

impl Meter {
    /// Starts a meter in front of the server of a URL.
    pub(crate) async fn before(url: &str) -> Self {
        let seen = Arc::default();
        let shared = Arc::clone(&seen);
        let wire = Wire::to(address_of(url).await, move || Counters {
            read: None,
            prepared_again: None,
            seen: Arc::clone(&shared),
        });
        Self {
            wire: wire.await,
            seen,
        }
    }

    /// Returns the statements that were run since the last call.
    pub(crate) fn take(&self) -> Vec<Metered> {
        mem::take(&mut *locked(&self.seen))
    }
}

fn locked(seen: &Mutex<Vec<Metered>>) -> MutexGuard<'_, Vec<Metered>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counters of one connection.
struct Counters {
    /// The number of rows read so far. None before the first statement.
    read: Option<u64>,
    /// The statement that was prepared last, if it had been prepared before.
    prepared_again: Option<String>,
    seen: Arc<Mutex<Vec<Metered>>>,
}

#[async_trait]
impl Reader for Counters {
    async fn before(&mut self, server: &mut Side, _: &str) -> io::Result<()> {
        if self.read.is_none() {
            // The server does not count rows that the engine itself filters out.
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
        // The server does not count this query itself.
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
