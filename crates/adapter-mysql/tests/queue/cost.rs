//! No call reads more rows because more users wait, by the server's own counters.

use std::{collections::BTreeMap, env, time::Duration};

use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings, TimeOffset};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{
            DepartureCursor, GatePurpose, Heartbeat, QueuePolicy, SaleCount, SaleState, Standing,
            Ticket,
        },
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

/// Sets the number of users in the longer line, for longer runs.
const USERS_VARIABLE: &str = "FRONTROW_LINE_PEOPLE";
const USERS: i64 = 100_000;

fn users_max() -> i64 {
    env::var(USERS_VARIABLE).map_or(USERS, |users| users.parse().unwrap())
}

/// Maximum number of users that the calls admit.
const ADMITTED_MAX: u64 = 100;

/// Measures calls on one queue.
struct CostCheck {
    meter: Meter,
    offset: TimeOffset,
    /// The queue. Its statements go through the meter.
    queue: MySqlQueue,
    concert: ConcertId,
    /// Number of rows that each call has read.
    cost: BTreeMap<&'static str, u64>,
}

impl CostCheck {
    /// Puts a meter in front of a queue.
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

    /// Makes a call and records its cost.
    async fn call<T>(
        &mut self,
        what: &'static str,
        call: impl AsyncFnOnce(&MySqlQueue, ConcertId) -> T,
    ) -> T {
        self.meter.take();
        let outcome = call(&self.queue, self.concert).await;
        let statements = self.meter.take();
        assert!(!statements.is_empty(), "{what}: no statement was measured");
        for statement in &statements {
            assert!(!statement.prepared_again, "{what}: {statement}");
        }
        for write in statements.iter().filter(|one| is_write(one)) {
            // MySQL also writes and reads the list of rows, as a temporary table.
            assert!(write.is_cheap(2 * write.answer.changed), "{what}: {write}");
        }
        self.cost
            .insert(what, statements.iter().map(|one| one.read).sum());
        outcome
    }

    /// Takes a snapshot of the line.
    async fn snapshot(
        &mut self,
        what: &'static str,
        since: Option<DepartureCursor>,
    ) -> DepartureCursor {
        let taken = self
            .call(what, async |queue, concert| {
                queue.snapshot(concert, since).await.unwrap()
            })
            .await;
        match taken.value {
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

/// Makes the calls of users.
async fn user_calls(check: &mut CostCheck, line: &[Ticket]) {
    let (head, last) = (line.first().unwrap(), line.last().unwrap());
    check
        .call("join", async |queue, concert| {
            join_new(queue, concert, "newcomer").await;
        })
        .await;
    check
        .call("join again", async |queue, concert| {
            queue.join(concert, &user("newcomer"), None).await.unwrap();
        })
        .await;
    for (what, ticket) in [("look up the head", head), ("look up the last", last)] {
        check
            .call(what, async |queue, _| find(queue, ticket).await)
            .await;
    }
    check
        .call("gate, waiting", async |queue, _| {
            queue.pass_gate(last, GatePurpose::Browse).await.unwrap();
        })
        .await;
    let mark = check.snapshot("snapshot", None).await;
    for leaver in line.iter().skip(line.len() / 2).take(3) {
        check
            .call("leave the line", async |queue, _| {
                queue.leave(leaver).await.unwrap();
            })
            .await;
    }
    check.snapshot("snapshot with departures", Some(mark)).await;
    // With more heartbeats, the number of their transactions would depend on timing.
    let heartbeats = [heartbeat(last)];
    check
        .call("record a heartbeat", async |queue, concert| {
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

/// Makes the calls of jobs, and those of admitted users.
async fn job_calls(check: &mut CostCheck, test_queue: &mut TestQueue<OneQueue>, line: &[Ticket]) {
    let head = line.first().unwrap();
    tick(check, "remove users who left").await;
    test_queue
        .change(policies::throughput(u32::try_from(ADMITTED_MAX).unwrap()))
        .await;
    check
        .call("admit some", async |queue, concert| {
            queue.admit(concert, 20).await.unwrap();
        })
        .await;
    check
        .call("gate, a claim", async |queue, _| {
            queue.pass_gate(head, GatePurpose::Browse).await.unwrap();
        })
        .await;
    check
        .call("leave an active place", async |queue, _| {
            queue.leave(head).await.unwrap();
        })
        .await;
    for what in ["admit the rest of the window", "admit none"] {
        check
            .call(what, async |queue, concert| {
                let _report = report(queue.admit(concert, 1_000).await.unwrap().value);
            })
            .await;
    }
    tick(check, "remove one user").await;
    tick(check, "expire none").await;
    // An outage does not count against deadlines, so no place is expired.
    test_queue.store.offset.shift(SignedDuration::from_mins(10));
    tick(check, "after an outage").await;
}

async fn tick(check: &mut CostCheck, what: &'static str) {
    // A tick without work records its instant at most once a second. After this it always does.
    check.offset.shift(SignedDuration::from_secs(2));
    check
        .call(what, async |queue, concert| {
            let _report = report(queue.expire(concert, 1_000).await.unwrap().value);
        })
        .await;
}

/// Makes the calls of operators and of provisioning.
async fn operator_calls(check: &mut CostCheck) {
    check
        .call("busy", async |queue, _| {
            queue.busy().await.unwrap();
        })
        .await;
    check
        .call("empty", async |queue, concert| {
            queue.is_empty(concert).await.unwrap();
        })
        .await;
    check
        .call("policy version", async |queue, concert| {
            queue.policy_version(concert).await.unwrap();
        })
        .await;
    check
        .call("sell out", async |queue, concert| {
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
async fn a_longer_line_makes_no_call_more_expensive() {
    let mut costs = Vec::new();
    for count in [1_000, users_max()] {
        let mut test_queue = open_test_queue(policies::paused()).await;
        let line = long_line::line_up(&mut test_queue, count).await;
        let last = test_queue.look_up(line.last().unwrap()).await.standing;
        let at_the_end =
            matches!(last, Standing::Waiting { position, .. } if position == line.len() as u64);
        assert!(at_the_end, "{last:?}");
        let mut check = CostCheck::of(&test_queue).await;
        user_calls(&mut check, &line).await;
        job_calls(&mut check, &mut test_queue, &line).await;
        operator_calls(&mut check).await;
        costs.push(check.cost);
    }
    assert_eq!(costs[0], costs[1]);
    println!("{:#?}", costs[0]);
    let most = costs[0].iter().max_by_key(|(_, rows)| **rows).unwrap();
    assert!(*most.1 < 15 * ADMITTED_MAX, "{most:?}");
    // A look-up reads the queue, the place, and the list of users, which is a table too. The
    // heartbeat reads those again, and the rows that it changes.
    assert!(costs[0]["look up the last"] <= 11, "{costs:#?}");
}

/// Every instance ticks three times per window, and most ticks find the window used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_without_room_takes_no_lock() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    test_queue.crowd(3).await;
    test_queue.change(policies::throughput(1)).await;
    assert_eq!(test_queue.admit(10).await.done, 1);
    let check = CostCheck::of(&test_queue).await;
    loop {
        check.offset.shift(SignedDuration::from_secs(2));
        let recorded = check
            .queue
            .admit(test_queue.concert, 10)
            .await
            .unwrap()
            .as_of;
        check.meter.take();
        let again = check
            .queue
            .admit(test_queue.concert, 10)
            .await
            .unwrap()
            .as_of;
        let statements = check.meter.take();
        // Once a second a tick records its instant. On a slow machine that may be this tick.
        if again.duration_since(recorded) <= SignedDuration::from_secs(1) {
            let lock = statements
                .iter()
                .find(|one| one.statement.contains("FOR UPDATE"));
            assert!(lock.is_none(), "{}", lock.unwrap());
            break;
        }
    }
}

/// A lost queue may leave very many places. One transaction that removed them all would reach its
/// time limit and be rolled back, at every attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_that_a_lost_queue_left_behind_are_removed_in_steps() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    long_line::line_up(&mut test_queue, 25_000).await;
    let raw = &mut test_queue.store.raw().await;
    execute(raw, "DELETE FROM queues").await.unwrap();
    let check = CostCheck::of(&test_queue).await;
    check.meter.take();
    check
        .queue
        .seed(&test_queue.seed_of(policies::throughput(1), None))
        .await
        .unwrap();
    let removed: Vec<u64> = check
        .meter
        .take()
        .iter()
        .filter(|one| one.statement.starts_with("DELETE FROM queue_places"))
        .map(|one| one.answer.changed)
        .collect();
    assert_eq!(removed, [10_000, 10_000, 5_001]);
    let place = join_new(&check.queue, test_queue.concert, "first").await;
    assert!(matches!(place.standing, Standing::Active { .. }));
}

/// Their heartbeats are recent, so only their order in the line distinguishes them from users whose
/// turn has yet to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_stand_aside_make_no_call_more_expensive() {
    let mut costs = Vec::new();
    for count in [1_000, 20_000] {
        let mut test_queue = open_test_queue(policies::paused()).await;
        let line = long_line::line_up(&mut test_queue, count).await;
        for _ in 0..16 {
            test_queue.store.offset.shift(SignedDuration::from_secs(3));
            test_queue.expire(1).await;
        }
        let policy = QueuePolicy {
            absent_after: Some(Duration::from_secs(45)),
            ..policies::capacity(3)
        };
        test_queue.change(policy).await;
        while test_queue.admit(500).await.more {}
        let after = test_queue.admit(500).await;
        assert_eq!((after.admitted, after.aside), (0, line.len() as u64));

        let mut check = CostCheck::of(&test_queue).await;
        for what in ["join at once", "join at once, again"] {
            check
                .call(what, async |queue, concert| {
                    let place =
                        join_new(queue, concert, what.split(' ').next_back().unwrap()).await;
                    assert!(matches!(place.standing, Standing::Active { .. }));
                })
                .await;
        }
        // The first job of an instance connects, and reads the server's name.
        check
            .call("connect", async |queue, concert| {
                let _report = report(queue.admit(concert, 500).await.unwrap().value);
            })
            .await;
        check
            .call("admit none", async |queue, concert| {
                let _report = report(queue.admit(concert, 500).await.unwrap().value);
            })
            .await;
        check
            .call("served arrivals", async |queue, concert| {
                let served = queue.served(concert).await.unwrap().value.unwrap();
                assert_eq!(served.up_to, line[0].arrival.just_before());
            })
            .await;
        check
            .call("return", async |queue, _| find(queue, &line[0]).await)
            .await;
        check
            .call("join behind a returned user", async |queue, concert| {
                let place = join_new(queue, concert, "late").await;
                assert!(matches!(place.standing, Standing::Waiting { .. }));
            })
            .await;
        check
            .call("admit a returned user", async |queue, concert| {
                assert_eq!(
                    report(queue.admit(concert, 500).await.unwrap().value).done,
                    1
                );
            })
            .await;
        costs.push(check.cost);
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0]["admit none"], 1, "the queue alone: {costs:#?}");
}
