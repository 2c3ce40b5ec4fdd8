//! Calls the ports one after the other and checks the number of rows that each call reads.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncMysqlConnection};
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings};
use frontrow_domain::model::{ConcertId, HoldRequest, PerformanceId};

use super::dataset::{Dataset, Kind, id_of};
use crate::{
    one_database::settings,
    program::{Program, execute},
    wire::meter::{Meter, Metered},
};

/// The number of the concert that most calls are about. Its performances are upcoming.
const CONCERT: u64 = 90;
/// The number of its first performance.
const PERFORMANCE: u64 = 450;
/// The number of a performance that is over.
const PAST_PERFORMANCE: u64 = 10;
/// The number of a performance of another concert.
const OTHER_PERFORMANCE: u64 = 460;

/// Measures calls on a large database.
pub(super) struct CostCheck {
    /// The program. Its database goes through the meter.
    pub(super) program: Program,
    pub(super) dataset: Dataset,
    /// A connection past the meter.
    pub(super) raw: AsyncMysqlConnection,
    pub(super) past: (ConcertId, PerformanceId),
    pub(super) other: (ConcertId, PerformanceId),
    meter: Meter,
    /// The statements of the last call.
    pub(super) last_statements: Vec<Metered>,
    /// One line for each call.
    summaries: Vec<String>,
    /// The statements that read too many rows.
    too_expensive: Vec<String>,
}

impl CostCheck {
    /// Fills a new database and puts a meter in front of it.
    pub(super) async fn start(dataset: Dataset) -> Self {
        let mut program = Program::start().await;
        let mut raw = program.raw().await;
        dataset.load(&mut raw).await;
        // The first change of a concert makes the server read the definition of each table that
        // refers to it. No earlier call opens this table.
        execute(&mut raw, "SELECT COUNT(*) FROM served_arrivals")
            .await
            .unwrap();
        (program.concert, program.performance) = ids_of(&mut raw, CONCERT, PERFORMANCE).await;
        let past = ids_of(&mut raw, PAST_PERFORMANCE / 5, PAST_PERFORMANCE).await;
        let other = ids_of(&mut raw, OTHER_PERFORMANCE / 5, OTHER_PERFORMANCE).await;
        let meter = Meter::before(program.url()).await;
        let settings = MySqlSettings {
            pool_size: 1,
            // Calls that add up many rows take long on a large data set.
            statement_timeout: Duration::from_mins(5),
            ..settings()
        };
        let url = meter.wire.url(program.url());
        program.database = MySqlDatabase::open(&url, &settings, program.offset.clone())
            .await
            .unwrap();
        meter.take();
        Self {
            program,
            dataset,
            raw,
            past,
            other,
            meter,
            last_statements: Vec::new(),
            summaries: Vec::new(),
            too_expensive: Vec::new(),
        }
    }

    /// Makes a call whose statements may read few rows for those that they return and write.
    pub(super) async fn call<T>(&mut self, what: &str, call: impl AsyncFnOnce(&Program) -> T) -> T {
        self.call_that_counts(what, 0, call).await
    }

    /// Makes a call each of whose statements may read `extra_rows` more, because it counts them or
    /// adds them up.
    pub(super) async fn call_that_counts<T>(
        &mut self,
        what: &str,
        extra_rows: u64,
        call: impl AsyncFnOnce(&Program) -> T,
    ) -> T {
        let (outcome, statements) = self.measure(call).await;
        assert!(!statements.is_empty(), "{what}: no statement was measured");
        for statement in statements.iter().filter(|one| !one.is_cheap(extra_rows)) {
            self.too_expensive.push(format!("{what} {statement}"));
        }
        self.summarize(what, &statements);
        self.last_statements = statements;
        outcome
    }

    /// Adds the line of a call to the report.
    fn summarize(&mut self, what: &str, statements: &[Metered]) {
        let sum = |rows: fn(&Metered) -> u64| statements.iter().map(rows).sum::<u64>();
        self.summaries.push(format!(
            "{what}: {} statements read {} rows, returned {}, wrote {}",
            statements.len(),
            sum(|one| one.read),
            sum(|one| one.answer.returned),
            sum(|one| one.answer.changed),
        ));
    }

    /// Makes a call and returns its outcome and its statements.
    pub(super) async fn measure<T>(
        &self,
        call: impl AsyncFnOnce(&Program) -> T,
    ) -> (T, Vec<Metered>) {
        self.meter.take();
        let outcome = call(&self.program).await;
        (outcome, self.meter.take())
    }

    /// Runs a statement that is not one of the adapter, and returns its cost.
    pub(super) async fn measure_statement(&self, sql: &str) -> Metered {
        let url = self.meter.wire.url(self.program.url());
        let mut raw = AsyncMysqlConnection::establish(&format!("{url}?prefer_socket=false"))
            .await
            .unwrap();
        let ((), mut statements) = self
            .measure(async |_| execute(&mut raw, sql).await.unwrap())
            .await;
        statements.remove(0)
    }

    /// Prints the cost of every call. Panics if a statement was too expensive.
    pub(super) fn report(&self) {
        for summary in &self.summaries {
            println!("{summary}");
        }
        let too_expensive = self.too_expensive.join("\n");
        assert!(too_expensive.is_empty(), "{too_expensive}");
    }

    /// Returns a request for seats of another performance.
    pub(super) fn request_at(
        &self,
        (concert, performance): (ConcertId, PerformanceId),
        name: &str,
        labels: &[&str],
    ) -> HoldRequest {
        HoldRequest {
            concert,
            performance,
            ..self.program.request(name, labels)
        }
    }
}

/// Returns the ids of the concert and the performance with these numbers.
async fn ids_of(
    raw: &mut AsyncMysqlConnection,
    concert: u64,
    performance: u64,
) -> (ConcertId, PerformanceId) {
    (
        ConcertId(id_of(raw, Kind::Concert, concert).await),
        PerformanceId(id_of(raw, Kind::Performance, performance).await),
    )
}
