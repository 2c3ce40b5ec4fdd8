//! Requests that must be on the disk before they are answered, compared with the database's own
//! commits of one row each.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{
    against_bare::{self, Steady},
    commits::Commits,
    joining::Joining,
    queues::Queue,
    stage::{Stage, Stages, expects},
};
use crate::{
    cli::Backend,
    client::{Feed, Request, Requests, Tally},
    measure::{Side, compare},
    people::{Crowd, Series},
    program::seat_labels,
    report::{Bar, Due, Row},
    stores::DATABASE,
};

/// More holds per second than are possible.
const HOLDS_PER_SECOND_MAX: u64 = 8_000;

/// The number of seats of a hall.
const HALL: u32 = 20_000;

/// The number of users who wait before the measured joins.
const WAITING: u64 = 10_000;

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if stages.backend == Backend::Mysql {
        let stage = stages.set().await?;
        let queue = Queue::waiting(&stage, WAITING).await?;
        let mut ours = Joining::at(&stage, &queue.concert);
        let mut theirs = Commits::on(stages.stores.mysql()?, stage.settings.connections).await?;
        let joined = compare(stage.plan(), &stage.meter, &mut ours, &mut theirs).await?;
        let row = against_bare::rate("join: rate ÷ durable commits", "commits", &joined);
        rows.push(row.bar(Bar::AtLeast(1.2), Due::Plan(8)));
    }
    let stage = stages.set().await?;
    let mut ours = Holding::on(&stage).await?;
    let mut theirs = Commits::on(stages.stores.mysql()?, stage.settings.connections).await?;
    let held = compare(stage.plan(), &stage.meter, &mut ours, &mut theirs).await?;
    let what = "seat hold: cost ÷ durable commit";
    let row = against_bare::cost(what, "commits", DATABASE, &held);
    rows.push(row.bar(Bar::AtMost(3.0), Due::Later));
    Ok(rows)
}

/// Each user holds one free seat.
struct Holding(Steady);

impl Holding {
    async fn on(stage: &Stage) -> Result<Self> {
        let slices = u64::from(stage.settings.pairs) + 1;
        let holds = slices * stage.settings.slice_s * HOLDS_PER_SECOND_MAX;
        let policy = json!({
            "throughput": { "admit": 10_000_000, "interval_s": 1 },
            "claim_ttl_s": 3_600,
        });
        let concert = stage.program.concert("Holds", policy).await?;
        let mut requests = Requests::default();
        let mut first = 0;
        while first < holds {
            // Two performances with the same time and venue would be one.
            let venue = format!("Hall {first}");
            let hall = stage.program.performance(&concert, &venue, HALL).await?;
            let crowd = Crowd {
                series: Series(1),
                first,
                count: u64::from(HALL),
                keep_every: 1,
                state: "active",
            };
            let people = stage.join(&concert, crowd).await?;
            for (person, seat) in people.iter().zip(seat_labels(HALL)) {
                let body = json!({ "performance_id": hall, "seats": [seat] }).to_string();
                let asked = Request::post("/v1/reservations", &body);
                let asked = asked.identity(&person.identity);
                requests.push(asked.queue_token(&person.token));
            }
            first += crowd.count;
        }
        let held = expects(201, r#""state":"held""#);
        Ok(Self(Steady(stage.load(Feed::once(requests), held)?)))
    }
}

impl Side for Holding {
    async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
        let tally = self.0.slice(lasts).await?;
        ensure!(tally.answers() > 0, "there are no more free seats");
        Ok(tally)
    }
}
