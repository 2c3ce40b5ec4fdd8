//! Requests that must be on the disk before they are answered, compared with the database's own
//! commits of one row each.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{
    against_bare::{self, SteadyLoad},
    commits::Commits,
    joining::Joining,
    queues::Queue,
    test_bed::{Environment, TestBed, expects},
};
use crate::{
    cli::Backend,
    client::{Request, Requests, Tally, Workload},
    measure::{Side, compare},
    program::seat_labels,
    report::{Bar, Due, Row},
    stores::DATABASE,
    users::{Cohort, Series},
};

/// More holds per second than are possible.
const HOLDS_PER_SECOND_MAX: u64 = 8_000;

/// The number of seats of each performance.
const SEATS_PER_PERFORMANCE: u32 = 20_000;

/// The number of users who wait before the measured joins.
const WAITING: u64 = 10_000;

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if environment.backend == Backend::Mysql {
        let test_bed = environment.start_program().await?;
        let queue = Queue::waiting(&test_bed, WAITING).await?;
        let mut subject = Joining::at(&test_bed, &queue.concert);
        let mut reference =
            Commits::on(environment.stores.mysql()?, test_bed.settings.connections).await?;
        let joins = compare(
            test_bed.plan(),
            &test_bed.meter,
            &mut subject,
            &mut reference,
        )
        .await?;
        let row = against_bare::rate("join: rate ÷ durable commits", "commits", &joins);
        rows.push(row.bar(Bar::AtLeast(1.2), Due::Plan(8)));
    }
    let test_bed = environment.start_program().await?;
    let mut subject = SeatHolds::on(&test_bed).await?;
    let mut reference =
        Commits::on(environment.stores.mysql()?, test_bed.settings.connections).await?;
    let holds = compare(
        test_bed.plan(),
        &test_bed.meter,
        &mut subject,
        &mut reference,
    )
    .await?;
    let what = "seat hold: cost ÷ durable commit";
    let row = against_bare::cost(what, "commits", DATABASE, &holds);
    rows.push(row.bar(Bar::AtMost(3.0), Due::Later));
    Ok(rows)
}

/// A side in which each user holds one free seat.
struct SeatHolds(SteadyLoad);

impl SeatHolds {
    async fn on(test_bed: &TestBed) -> Result<Self> {
        let slices = u64::from(test_bed.settings.pairs) + 1;
        let holds = slices * test_bed.settings.slice_s * HOLDS_PER_SECOND_MAX;
        let policy = json!({
            "throughput": { "admit": 10_000_000, "interval_s": 1 },
            "claim_ttl_s": 3_600,
        });
        let concert = test_bed.program.concert("Holds", policy).await?;
        let mut requests = Requests::default();
        let mut first = 0;
        while first < holds {
            // The program takes two performances with the same time and venue for one.
            let venue = format!("Hall {first}");
            let performance = test_bed
                .program
                .performance(&concert, &venue, SEATS_PER_PERFORMANCE)
                .await?;
            let cohort = Cohort {
                series: Series(1),
                first,
                count: u64::from(SEATS_PER_PERFORMANCE),
                keep_every: 1,
                state: "active",
            };
            let users = test_bed.join(&concert, cohort).await?;
            for (user, seat) in users.iter().zip(seat_labels(SEATS_PER_PERFORMANCE)) {
                let body = json!({ "performance_id": performance, "seats": [seat] }).to_string();
                let request = Request::post("/v1/reservations", &body);
                let request = request.identity(&user.identity);
                requests.push(request.queue_token(&user.token));
            }
            first += cohort.count;
        }
        let is_held = expects(201, r#""state":"held""#);
        Ok(Self(SteadyLoad(
            test_bed.load(Workload::once(requests), is_held)?,
        )))
    }
}

impl Side for SeatHolds {
    async fn slice(&mut self, duration: Duration) -> Result<Tally> {
        let tally = self.0.slice(duration).await?;
        ensure!(tally.answers() > 0, "there are no more free seats");
        Ok(tally)
    }
}
