//! Calls the ports one after the other and checks the rows that each call reads.

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncMysqlConnection};
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings};
use frontrow_domain::model::{ConcertId, HoldRequest, PerformanceId};

use super::season::{Kind, Season, id_of};
use crate::{
    one_database::settings,
    program::{Program, execute},
    wire::meter::{Meter, Metered},
};

/// The concert that the tour is about, one of those to come, and its first performance.
const CONCERT: u64 = 90;
const PERFORMANCE: u64 = 450;
/// Performances that are over and of another concert.
const PERFORMANCE_PAST: u64 = 10;
const PERFORMANCE_ELSEWHERE: u64 = 460;

pub(super) struct Tour {
    /// Its database is metered.
    pub(super) program: Program,
    pub(super) season: Season,
    /// Past the meter.
    pub(super) raw: AsyncMysqlConnection,
    pub(super) past: (ConcertId, PerformanceId),
    pub(super) elsewhere: (ConcertId, PerformanceId),
    meter: Meter,
    /// What the last call has cost, statement by statement.
    pub(super) last_bill: Vec<Metered>,
    bills: Vec<String>,
    too_dear: Vec<String>,
}

impl Tour {
    pub(super) async fn start(season: Season) -> Self {
        let mut program = Program::start().await;
        let mut raw = program.raw().await;
        season.load(&mut raw).await;
        // The first change of a concert reads what the server keeps of each table that refers to
        // it; no call of the tour has used this one before.
        execute(&mut raw, "SELECT COUNT(*) FROM served_arrivals")
            .await
            .unwrap();
        (program.concert, program.performance) = of(&mut raw, CONCERT, PERFORMANCE).await;
        let past = of(&mut raw, PERFORMANCE_PAST / 5, PERFORMANCE_PAST).await;
        let elsewhere = of(&mut raw, PERFORMANCE_ELSEWHERE / 5, PERFORMANCE_ELSEWHERE).await;
        let meter = Meter::before(program.url()).await;
        let settings = MySqlSettings {
            pool_size: 1,
            // Those who add up a long season need their time with a large one, and have it here.
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
            season,
            raw,
            past,
            elsewhere,
            meter,
            last_bill: Vec::new(),
            bills: Vec::new(),
            too_dear: Vec::new(),
        }
    }

    /// Makes a call, none of whose statements may read much more rows than it gives or writes.
    pub(super) async fn call<T>(&mut self, what: &str, call: impl AsyncFnOnce(&Program) -> T) -> T {
        self.counting(what, 0, call).await
    }

    /// The same where each statement may read `needs` rows more, as many as it counts or adds up.
    pub(super) async fn counting<T>(
        &mut self,
        what: &str,
        needs: u64,
        call: impl AsyncFnOnce(&Program) -> T,
    ) -> T {
        let (outcome, bill) = self.metered(call).await;
        assert!(!bill.is_empty(), "{what}: nothing was metered");
        for statement in bill.iter().filter(|one| !one.is_lean(needs)) {
            self.too_dear.push(format!("{what} {statement}"));
        }
        self.note(what, &bill);
        self.last_bill = bill;
        outcome
    }

    /// Remembers a bill for the report.
    fn note(&mut self, what: &str, bill: &[Metered]) {
        let sum = |rows: fn(&Metered) -> u64| bill.iter().map(rows).sum::<u64>();
        self.bills.push(format!(
            "{what}: {} statements read {} rows, gave {}, wrote {}",
            bill.len(),
            sum(|one| one.read),
            sum(|one| one.answer.returned),
            sum(|one| one.answer.changed),
        ));
    }

    /// Makes a call and gives its bill.
    pub(super) async fn metered<T>(
        &self,
        call: impl AsyncFnOnce(&Program) -> T,
    ) -> (T, Vec<Metered>) {
        self.meter.take();
        let outcome = call(&self.program).await;
        (outcome, self.meter.take())
    }

    /// The bill of a statement that is none of the adapter's.
    pub(super) async fn bill_of(&self, sql: &str) -> Metered {
        let url = self.meter.wire.url(self.program.url());
        let mut raw = AsyncMysqlConnection::establish(&format!("{url}?prefer_socket=false"))
            .await
            .unwrap();
        let ((), mut bill) = self
            .metered(async |_| execute(&mut raw, sql).await.unwrap())
            .await;
        bill.remove(0)
    }

    /// Tells what every call has cost; fails where that was too much.
    pub(super) fn report(&self) {
        for bill in &self.bills {
            println!("{bill}");
        }
        assert!(self.too_dear.is_empty(), "{}", self.too_dear.join("\n"));
    }

    /// A request for seats of another performance than the tour's.
    pub(super) fn request_at(
        &self,
        (concert, performance): (ConcertId, PerformanceId),
        who: &str,
        labels: &[&str],
    ) -> HoldRequest {
        HoldRequest {
            concert,
            performance,
            ..self.program.request(who, labels)
        }
    }
}

async fn of(
    raw: &mut AsyncMysqlConnection,
    concert: u64,
    performance: u64,
) -> (ConcertId, PerformanceId) {
    (
        ConcertId(id_of(raw, Kind::Concert, concert).await),
        PerformanceId(id_of(raw, Kind::Performance, performance).await),
    )
}
