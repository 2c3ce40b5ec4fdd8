//! No call reads more rows because more users wait, as the server itself counts.

use std::{collections::BTreeMap, env};

use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings, TimeOffset};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{DepartureCursor, GatePurpose, Heartbeat, SaleCount, SaleState, Standing, Ticket},
    },
    ports::{LookUpOutcome, Queue, QueueControl, QueueSnapshots, QueueTicks, SnapshotOutcome},
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, join_new, report, user},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    long_line,
    one_queue::{OneQueue, execute, open_test_queue, settings},
    wire::meter::{Meter, Metered},
};

/// How many wait in the longer line, where somebody has the time for more.
const PEOPLE_VARIABLE: &str = "FRONTROW_LINE_PEOPLE";
const PEOPLE: i64 = 100_000;

fn people_max() -> i64 {
    env::var(PEOPLE_VARIABLE).map_or(PEOPLE, |people| people.parse().unwrap())
}

/// How many are admitted at most in the tour.
const ADMITTED_MAX: u64 = 100;

/// Somebody who makes every call once, and looks at the bill of each.
struct Tour {
    meter: Meter,
    offset: TimeOffset,
    /// Its statements are metered.
    queue: MySqlQueue,
    concert: ConcertId,
    /// How many rows each call has read.
    cost: BTreeMap<&'static str, u64>,
}

impl Tour {
    async fn of(test_queue: &TestQueue<OneQueue>) -> Self {
        let meter = Meter::before(test_queue.store.url()).await;
        let settings = MySqlSettings {
            pool_size: 1,
            ..settings()
        };
        let offset = test_queue.store.offset.clone();
        let url = meter.wire.url(test_queue.store.url());
        Self {
            queue: MySqlQueue::open(&url, &settings, offset.clone())
                .await
                .unwrap(),
            offset,
            meter,
            concert: test_queue.concert,
            cost: BTreeMap::new(),
        }
    }

    /// Makes a call, and notes what it has cost.
    async fn call<T>(
        &mut self,
        what: &'static str,
        call: impl AsyncFnOnce(&MySqlQueue, ConcertId) -> T,
    ) -> T {
        self.meter.take();
        let outcome = call(&self.queue, self.concert).await;
        let bill = self.meter.take();
        assert!(!bill.is_empty(), "{what}: nothing was metered");
        for statement in &bill {
            assert!(!statement.prepared_again, "{what}: {statement}");
        }
        for write in bill.iter().filter(|one| is_write(one)) {
            // The list of rows is a table, too, which MySQL writes down and reads.
            assert!(write.is_lean(2 * write.answer.changed), "{what}: {write}");
        }
        self.cost
            .insert(what, bill.iter().map(|one| one.read).sum());
        outcome
    }

    /// Looks at the line.
    async fn snapshot(
        &mut self,
        what: &'static str,
        since: Option<DepartureCursor>,
    ) -> DepartureCursor {
        let looked = self
            .call(what, async |queue, concert| {
                queue.snapshot(concert, since).await.unwrap()
            })
            .await;
        match looked.value {
            SnapshotOutcome::Seen(line) => line.mark,
            SnapshotOutcome::NotSeeded => panic!("the store has the queue"),
        }
    }
}

fn is_write(statement: &Metered) -> bool {
    let text = statement.statement.trim_start();
    ["INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|verb| text.starts_with(verb))
}

async fn find(queue: &MySqlQueue, ticket: &Ticket) {
    let found = queue.look_up(ticket).await.unwrap().value;
    assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
}

/// What people ask.
async fn people(tour: &mut Tour, line: &[Ticket]) {
    let (head, last) = (line.first().unwrap(), line.last().unwrap());
    tour.call("join", async |queue, concert| {
        join_new(queue, concert, "newcomer").await;
    })
    .await;
    tour.call("join again", async |queue, concert| {
        queue.join(concert, &user("newcomer"), None).await.unwrap();
    })
    .await;
    for (what, ticket) in [("look up the head", head), ("look up the last", last)] {
        tour.call(what, async |queue, _| find(queue, ticket).await)
            .await;
    }
    tour.call("gate, waiting", async |queue, _| {
        queue.pass_gate(last, GatePurpose::Browse).await.unwrap();
    })
    .await;
    let mark = tour.snapshot("look at the line", None).await;
    for leaver in line.iter().skip(line.len() / 2).take(3) {
        tour.call("leave the line", async |queue, _| {
            queue.leave(leaver).await.unwrap();
        })
        .await;
    }
    tour.snapshot("look who left", Some(mark)).await;
    // One: of many it depends on the moment in how many transactions they are written.
    let heartbeats = [heartbeat(last)];
    tour.call("record a heartbeat", async |queue, concert| {
        queue.record_heartbeats(concert, &heartbeats).await.unwrap();
    })
    .await;
}

fn heartbeat(ticket: &Ticket) -> Heartbeat {
    Heartbeat {
        user: ticket.user.clone(),
        arrival: ticket.arrival,
        at: Timestamp::MAX,
    }
}

/// What the jobs do, and what people ask who were admitted.
async fn ticks(tour: &mut Tour, test_queue: &mut TestQueue<OneQueue>, line: &[Ticket]) {
    let head = line.first().unwrap();
    tick(tour, "count leavers out").await;
    test_queue
        .change(policies::rate(u32::try_from(ADMITTED_MAX).unwrap()))
        .await;
    tour.call("admit some", async |queue, concert| {
        queue.admit(concert, 20).await.unwrap();
    })
    .await;
    tour.call("gate, a claim", async |queue, _| {
        queue.pass_gate(head, GatePurpose::Browse).await.unwrap();
    })
    .await;
    tour.call("leave an active place", async |queue, _| {
        queue.leave(head).await.unwrap();
    })
    .await;
    for what in ["admit the rest of the window", "admit nobody"] {
        tour.call(what, async |queue, concert| {
            let _report = report(queue.admit(concert, 1_000).await.unwrap().value);
        })
        .await;
    }
    tick(tour, "count one out").await;
    tick(tour, "expire nobody").await;
    // Time without service ends nobody's wait, so nothing is over.
    test_queue.store.offset.shift(SignedDuration::from_mins(10));
    tick(tour, "after a break").await;
}

async fn tick(tour: &mut Tour, what: &'static str) {
    // A tick that finds nothing to do records its instant once a second: here always.
    tour.offset.shift(SignedDuration::from_secs(2));
    tour.call(what, async |queue, concert| {
        let _report = report(queue.expire(concert, 1_000).await.unwrap().value);
    })
    .await;
}

/// What operators ask, and the jobs that keep the store supplied.
async fn control(tour: &mut Tour) {
    tour.call("busy", async |queue, _| {
        queue.busy().await.unwrap();
    })
    .await;
    tour.call("empty", async |queue, concert| {
        queue.is_empty(concert).await.unwrap();
    })
    .await;
    tour.call("policy version", async |queue, concert| {
        queue.policy_version(concert).await.unwrap();
    })
    .await;
    tour.call("sell out", async |queue, concert| {
        queue
            .set_sale(
                concert,
                SaleCount {
                    sale: SaleState::SoldOut,
                    ..SaleCount::default()
                },
            )
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_longer_line_costs_nobody_more() {
    let mut told = Vec::new();
    for count in [1_000, people_max()] {
        let mut test_queue = open_test_queue(policies::paused()).await;
        let line = long_line::line_up(&mut test_queue, count).await;
        let last = test_queue.look_up(line.last().unwrap()).await.standing;
        let at_the_end =
            matches!(last, Standing::Waiting { position, .. } if position == line.len() as u64);
        assert!(at_the_end, "{last:?}");
        let mut tour = Tour::of(&test_queue).await;
        people(&mut tour, &line).await;
        ticks(&mut tour, &mut test_queue, &line).await;
        control(&mut tour).await;
        told.push(tour.cost);
    }
    assert_eq!(told[0], told[1]);
    println!("{:#?}", told[0]);
    let most = told[0].iter().max_by_key(|(_, rows)| **rows).unwrap();
    assert!(*most.1 < 15 * ADMITTED_MAX, "{most:?}");
    // The queue, the place, and the list of users, which is a table, too; then those again, for the
    // heartbeat, and the rows that it changes.
    assert!(told[0]["look up the last"] <= 11, "{told:#?}");
}

/// Ticks come three times a window on every instance, and most of them find a window that is used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_without_room_takes_no_lock() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    test_queue.crowd(3).await;
    test_queue.change(policies::rate(1)).await;
    assert_eq!(test_queue.admit(10).await.done, 1);
    let tour = Tour::of(&test_queue).await;
    loop {
        tour.offset.shift(SignedDuration::from_secs(2));
        let recorded = tour
            .queue
            .admit(test_queue.concert, 10)
            .await
            .unwrap()
            .as_of;
        tour.meter.take();
        let again = tour
            .queue
            .admit(test_queue.concert, 10)
            .await
            .unwrap()
            .as_of;
        let bill = tour.meter.take();
        // Once a second a tick records its instant: on a slow machine that may be this one.
        if again.duration_since(recorded) <= SignedDuration::from_secs(1) {
            let locks = bill.iter().find(|one| one.statement.contains("FOR UPDATE"));
            assert!(locks.is_none(), "{}", locks.unwrap());
            break;
        }
    }
}

/// The places of a lost queue may be very many: one transaction that removed them all would be rolled
/// back at the end of its time, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_that_a_lost_queue_left_behind_are_removed_in_steps() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    long_line::line_up(&mut test_queue, 25_000).await;
    let raw = &mut test_queue.store.raw().await;
    execute(raw, "DELETE FROM queues").await.unwrap();
    let tour = Tour::of(&test_queue).await;
    tour.meter.take();
    tour.queue
        .seed(&test_queue.seed_of(policies::rate(1), None))
        .await
        .unwrap();
    let removed: Vec<u64> = tour
        .meter
        .take()
        .iter()
        .filter(|one| one.statement.starts_with("DELETE FROM queue_places"))
        .map(|one| one.answer.changed)
        .collect();
    assert_eq!(removed, [10_000, 10_000, 5_001]);
    let place = join_new(&tour.queue, test_queue.concert, "first").await;
    assert!(matches!(place.standing, Standing::Active { .. }));
}

/// Their heartbeats are newer than the end of any place, so only their order in the line tells them
/// from users who take turns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_stand_aside_cost_nobody_more() {
    let mut told = Vec::new();
    for count in [1_000, 20_000] {
        let mut test_queue = open_test_queue(policies::paused()).await;
        let line = long_line::line_up(&mut test_queue, count).await;
        for _ in 0..16 {
            test_queue.store.offset.shift(SignedDuration::from_secs(3));
            test_queue.expire(1).await;
        }
        test_queue.change(policies::capacity(3)).await;
        while test_queue.admit(500).await.more {}
        let after = test_queue.admit(500).await;
        assert_eq!((after.admitted, after.aside), (0, line.len() as u64));

        let mut tour = Tour::of(&test_queue).await;
        for what in ["join at once", "join at once, again"] {
            tour.call(what, async |queue, concert| {
                let place = join_new(queue, concert, what.split(' ').next_back().unwrap()).await;
                assert!(matches!(place.standing, Standing::Active { .. }));
            })
            .await;
        }
        // The first job of an instance connects, and asks which server it is.
        tour.call("connect", async |queue, concert| {
            let _report = report(queue.admit(concert, 500).await.unwrap().value);
        })
        .await;
        tour.call("admit nobody", async |queue, concert| {
            let _report = report(queue.admit(concert, 500).await.unwrap().value);
        })
        .await;
        tour.call("who was served", async |queue, concert| {
            let served = queue.served(concert).await.unwrap().value.unwrap();
            assert_eq!(served.up_to, line[0].arrival.just_before());
        })
        .await;
        tour.call("return", async |queue, _| find(queue, &line[0]).await)
            .await;
        tour.call("join behind who returned", async |queue, concert| {
            let place = join_new(queue, concert, "late").await;
            assert!(matches!(place.standing, Standing::Waiting { .. }));
        })
        .await;
        tour.call("admit who returned", async |queue, concert| {
            assert_eq!(
                report(queue.admit(concert, 500).await.unwrap().value).done,
                1
            );
        })
        .await;
        told.push(tour.cost);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0]["admit nobody"], 1, "the queue alone: {told:#?}");
}
