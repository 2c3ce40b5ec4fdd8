//! The calls of operators and jobs.

use std::time::Duration;

use frontrow_domain::{
    model::{
        Amount, ConcertId, ConcertTitle, NewPerformance, PerformanceEdit, PerformanceId, Row,
        SeatPlan, Section, Span, Venue,
        queue::{
            Arrival, Generation, PolicyVersion, QueuePolicy, Served, ServedEntry, VersionedPolicy,
        },
    },
    ports::{
        ConcertEditor, CreatePerformanceOutcome, EditOutcome, Idempotency, PutOutcome,
        QueuePolicies, RankingCounters, RankingSource, Reservations, ReserveOutcome,
        ServedArrivals,
    },
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{cost_check::CostCheck, dataset::CONCERTS};
use crate::program::{Program, execute, far, operator, texts};

pub(super) async fn catalogue(check: &mut CostCheck) {
    let made = check.call("a new concert", async |program| {
        let id = ConcertId(program.next_id());
        program
            .database
            .create_concert(id, &title("New"), &policy(1), &operator(), None)
            .await
            .unwrap();
        id
    });
    let made = made.await;
    for what in ["another title", "the same title"] {
        let renamed = check.call(what, async |program| {
            program
                .database
                .retitle_concert(made, &title("Newer"), &operator())
                .await
                .unwrap()
        });
        assert_eq!(renamed.await, EditOutcome::Done);
    }
    for (what, concert) in [
        ("a new performance", made),
        ("one of nothing", ConcertId(Uuid::nil())),
    ] {
        let created = check.call(what, async |program| {
            let performance = NewPerformance {
                id: PerformanceId(program.next_id()),
                concert,
                starts_at: far(),
                venue: venue("Hall"),
                seats: plan(12),
            };
            program
                .database
                .create_performance(&performance, &operator(), None)
                .await
                .unwrap()
        });
        let done = matches!(created.await, CreatePerformanceOutcome::Created(_));
        assert_eq!(done, concert == made, "{what}");
    }
    edits(check).await;
}

async fn edits(check: &mut CostCheck) {
    let rows = u16::try_from(check.dataset.seats_per_performance() / 10).unwrap();
    let other_venue = PerformanceEdit {
        venue: Some(venue("Arena")),
        ..PerformanceEdit::default()
    };
    let seats = |rows| PerformanceEdit {
        seats: Some(plan(rows)),
        ..PerformanceEdit::default()
    };
    for (what, edit) in [
        ("another venue", &other_venue),
        ("no other venue", &other_venue),
        ("one more row", &seats(rows + 1)),
        ("the same rows", &seats(rows + 1)),
        ("one row less", &seats(rows)),
    ] {
        let edited = check.call(what, async |program| edit_of(program, edit).await);
        assert_eq!(edited.await, EditOutcome::Done, "{what}");
    }
    let fewer = seats(rows - 1);
    let refused = check.call("too few rows", async |program| {
        edit_of(program, &fewer).await
    });
    assert!(matches!(refused.await, EditOutcome::SeatsInUse(_)));
}

async fn edit_of(program: &Program, edit: &PerformanceEdit) -> EditOutcome {
    let (concert, performance) = (program.concert, program.performance);
    program
        .database
        .edit_performance(concert, performance, edit, &operator())
        .await
        .unwrap()
}

pub(super) async fn policies(check: &mut CostCheck) {
    let nothing = ConcertId(Uuid::nil());
    for (what, concert) in [("no policy", nothing), ("a policy", check.program.concert)] {
        let found = check.call(what, async |program| {
            QueuePolicies::find(&program.database, concert)
                .await
                .unwrap()
        });
        assert_eq!(found.await.is_some(), concert != nothing);
    }
    // For each concert it finds the last performance twice, and one entry of the index before it.
    let all = check.call_that_counts("all policies", 4 * CONCERTS, async |program| {
        program.database.all(Timestamp::MIN).await.unwrap()
    });
    assert!(all.await.len() as u64 > CONCERTS);
    for (what, expected) in [
        ("a new policy", PutOutcome::Put),
        ("an old one", PutOutcome::Outdated),
    ] {
        let put = check.call(what, async |program| {
            let based_on = PolicyVersion(1);
            program
                .database
                .put(program.concert, based_on, &policy(2), &operator())
                .await
                .unwrap()
        });
        assert_eq!(put.await, expected);
    }
    for what in ["a generation is reserved", "another one is not"] {
        let reserved = check.call(what, async |program| {
            let generation = Generation(7);
            program
                .database
                .reserve_generation(program.concert, generation)
                .await
                .unwrap()
        });
        let expected = ReserveOutcome::Reserved(Generation(7));
        assert_eq!(reserved.await, expected);
    }
    for what in ["a queue is seeded", "it is again"] {
        check
            .call(what, async |program| {
                program.database.mark_seeded(program.concert).await.unwrap();
            })
            .await;
    }
    served(check).await;
    check
        .call("it ends in good order", async |program| {
            program
                .database
                .forget_seeded(program.concert)
                .await
                .unwrap();
        })
        .await;
}

/// The served entries cover the time that an active place can last. Only a call after a loss reads
/// all of them.
async fn served(check: &mut CostCheck) {
    let entry = |second: i64| ServedEntry {
        at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        served: Served {
            up_to: Arrival::from_micros(second),
            serving_since: Timestamp::UNIX_EPOCH,
        },
        life: Duration::from_mins(17),
    };
    for second in (0..1_200).step_by(10) {
        let (program, entry) = (&check.program, entry(second));
        let recorded = program.database.record(program.concert, &entry).await;
        recorded.unwrap();
    }
    for (what, second) in [("an entry is recorded", 1_200), ("it is again", 1_209)] {
        check
            .call(what, async |program| {
                let entry = entry(second);
                let recorded = program.database.record(program.concert, &entry).await;
                recorded.unwrap();
            })
            .await;
    }
    let served = check.call_that_counts("served arrivals", 2 * 120, async |program| {
        program.database.served_before_loss(program.concert).await
    });
    assert_eq!(served.await, Ok(Some(Arrival::from_micros(180))));
}

/// A ranking reads the uncounted sales of its span from their index, and the counters of its span.
/// It groups them, adds each to a sum, and reads the sums to sort them. Counting reads the
/// reservations that it counts.
pub(super) async fn rankings(check: &mut CostCheck) {
    // When MySQL first opens a table it reads its definition, and counts those reads too.
    let count = "SELECT CAST(COUNT(*) AS CHAR) AS text FROM concert_sales";
    texts(&mut check.raw, count).await;
    for (what, span) in spans() {
        let sold = sold_in(check, span, "COUNT(*)").await;
        ranking(check, &format!("{what}, uncounted"), span, sold).await;
    }
    let mut counted = 1;
    while counted > 0 {
        let chunk = check.call("a chunk is counted", async |program| {
            program.database.add_up(1_000).await.unwrap()
        });
        counted = chunk.await;
    }
    for (what, span) in spans() {
        let counters = counters_in(check, span).await;
        ranking(check, what, span, counters).await;
    }
    let forgotten = check.call("counters are forgotten", async |program| {
        let before = "2025-03-01T00:00:00Z".parse().unwrap();
        program.database.forget(before, 100).await.unwrap()
    });
    assert_eq!(forgotten.await, 100);
}

/// Returns spans that end at half past, so that they include counters of minutes and hours.
fn spans() -> [(&'static str, Span); 4] {
    let to: Timestamp = "2025-12-01T00:30:00Z".parse().unwrap();
    [
        ("an hour's ranking", 1),
        ("a day's", 24),
        ("a week's", 7 * 24),
        ("a month's", 30 * 24),
    ]
    .map(|(what, hours)| {
        let from = to - SignedDuration::from_hours(hours);
        (what, Span { from, to })
    })
}

/// Ranks the sales in `span`, for which a call must read `parts` rows.
async fn ranking(check: &mut CostCheck, what: &str, span: Span, parts: u64) {
    let concerts = sold_in(check, span, "COUNT(DISTINCT concert_id)").await;
    let ranked = check.call_that_counts(what, 3 * parts + 6 * concerts, async |program| {
        program.database.top(span, 20).await.unwrap()
    });
    assert_eq!(ranked.await.len() as u64, concerts.min(20), "{what}");
}

/// Returns the aggregate `what` of the reservations confirmed in `span`.
async fn sold_in(check: &mut CostCheck, span: Span, what: &str) -> u64 {
    let count = format!(
        "SELECT CAST({what} AS CHAR) AS text FROM reservations WHERE {}",
        within("confirmed_at", span),
    );
    texts(&mut check.raw, &count).await[0].parse().unwrap()
}

/// Returns how many counters cover a span.
async fn counters_in(check: &mut CostCheck, span: Span) -> u64 {
    let parts = span.buckets();
    let grains = [
        (3, &[parts.days][..]),
        (2, &parts.hours),
        (1, &parts.minutes),
    ];
    let parts = grains.iter().flat_map(|(grain, parts)| {
        let part = move |&part| format!("(grain = {grain} AND {})", within("starts_at", part));
        parts.iter().map(part)
    });
    let count = format!(
        "SELECT CAST(COUNT(*) AS CHAR) AS text FROM concert_sales WHERE {}",
        parts.collect::<Vec<_>>().join(" OR "),
    );
    texts(&mut check.raw, &count).await[0].parse().unwrap()
}

fn within(column: &str, Span { from, to }: Span) -> String {
    let (from, to) = (from.strftime("%F %T"), to.strftime("%F %T"));
    format!("{column} >= '{from}' AND {column} < '{to}'")
}

pub(super) async fn sweeps_and_purges(check: &mut CostCheck) {
    let held =
        "SELECT CONCAT_WS(' ', COUNT(*), COALESCE(SUM(held_until < '2100-01-01'), 0)) AS text
                FROM reservations WHERE held_until IS NOT NULL";
    let before = texts(&mut check.raw, held).await.remove(0);
    let (all, over) = before.split_once(' ').unwrap();
    let (all, over): (u32, u32) = (all.parse().unwrap(), over.parse().unwrap());
    let swept = check.call("a sweep", async |program| {
        program.database.sweep(250).await.unwrap()
    });
    assert_eq!(swept.await, 250);
    // A transaction locks its rows until the commit, so it ends a bounded number of holds.
    let batches = check.last_statements.iter().map(|one| one.answer.changed);
    assert_eq!(batches.max(), Some(100), "{:?}", check.last_statements);
    let swept = check.call("a sweep of all", async |program| {
        program.database.sweep(u32::MAX).await.unwrap()
    });
    assert_eq!(swept.await, over - 250);
    let none = check.call("a sweep of none", async |program| {
        program.database.sweep(100).await.unwrap()
    });
    assert_eq!(none.await, 0);
    // No hold that is not expired was ended.
    let after = texts(&mut check.raw, held).await.remove(0);
    assert_eq!(after, format!("{} 0", all - over));
    let purged = check.call("a purge", async |program| {
        program.database.purge(100).await.unwrap()
    });
    assert_eq!(purged.await, 100);
    let keep =
        "UPDATE idempotency_records SET expires_at = '2200-01-01' WHERE expires_at IS NOT NULL";
    execute(&mut check.raw, keep).await.unwrap();
    let purged = check.call("a purge of none", async |program| {
        program.database.purge(100).await.unwrap()
    });
    assert_eq!(purged.await, 0);
}

fn title(text: &str) -> ConcertTitle {
    ConcertTitle::try_from(text).unwrap()
}

fn venue(text: &str) -> Venue {
    Venue::try_from(text).unwrap()
}

fn policy(version: i64) -> VersionedPolicy {
    VersionedPolicy {
        policy: QueuePolicy::default(),
        version: PolicyVersion(version),
    }
}

/// Returns a plan with this number of rows of ten seats, as the data set has them.
fn plan(rows: u16) -> SeatPlan {
    let stalls = Section {
        name: "Stalls".into(),
        price: Amount::try_from(100).unwrap(),
        rows: (0..rows)
            .map(|row| Row {
                name: format!("R{row}"),
                seats: 10,
            })
            .collect(),
    };
    SeatPlan::new(&[stalls]).unwrap()
}
