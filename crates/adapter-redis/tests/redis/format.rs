//! Format numbers: queues of the former format are converted, those of other formats are refused.

use deadpool_redis::redis::{Cmd, cmd};
use frontrow_adapter_redis::{RedisOpenError, RedisStore, TimeOffset};
use frontrow_domain::{
    model::queue::{
        Arrival, GatePurpose, Generation, Heartbeat, PolicyState, PolicyVersion, Recovery,
        SaleCount, SaleState, Standing, Ticket,
    },
    ports::{
        LookUpOutcome, Queue, QueueControl, QueueSnapshots, QueueTicks, SeedOutcome, StoreError,
        StoreResult, TickOutcome,
    },
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, user},
};
use frontrow_test_harness::{RedisKeyspace, RedisServer};
use jiff::Timestamp;

use crate::{
    store_fixture::{StoreFixture, settings},
    test_store::{Raw, key, short_timeouts},
};

/// The terms of a queue in format 1: its throughput is two users an hour, its generation -8.
const TERMS: &[u8] =
    b"\x88\xa9claim_ttl\xce\x07\x27\x0e\x00\xa5admit\x02\xaaactive_ttl\xce\x23\xc3\x46\x00\
    \xa5state\xa4open\xaageneration\xb0fffffffffffffff8\xa8interval\xce\xd6\x93\xa4\x00\
    \xabwaiting_ttl\xce\x11\xe1\xa3\x00\xaflongest_silence\xce\x00\x4c\x4b\x40";

/// Digests of user-0, user-1 and so on.
const MEMBERS: [&[u8]; 4] = [
    b"\x7f\xad\x6a\x4d\x00\x41\xa9\x37\x5e\x2e\xf6\x46\xad\x05",
    b"\xc6\xc2\x89\xe4\x9e\x9c\x05\xb2\x14\x58\x60\x38\x7b\x73",
    b"\xd9\x2b\x69\xcf\xb8\x2c\xec\xab\x45\xc7\x53\xf5\x60\x02",
    b"\x92\x30\x3a\xa0\x84\x83\x6e\x18\xe3\x1f\xc3\x16\x5e\x43",
];

/// A queue that the former version wrote. It admits two users an hour. Five users have joined: the
/// first has claimed their place, the last has left. Instants are microseconds after the seed.
struct FormerQueue {
    seeded: i64,
}

impl FormerQueue {
    async fn write(keyspace: &RedisKeyspace, raw: &mut Raw) -> Self {
        let (seconds, micros): (i64, i64) = raw.run(&["TIME"]).await;
        let former = Self {
            seeded: seconds * 1_000_000 + micros - 3_000,
        };
        let test_queue = key_of(keyspace);
        let at = |micros: i64| former.seeded + micros;
        let mut queue = cmd("HSET");
        queue.arg(test_queue("queue")).arg("version").arg(1);
        queue.arg("terms").arg(TERMS).arg("listing").arg(1);
        queue.arg("ends_from").arg(at(120_000_975));
        queue.arg("last_arrival").arg(at(1_254));
        queue.arg("serving_since").arg(at(0));
        queue.arg("last_tick").arg(at(2_870));
        queue.arg("departed").arg(1).arg("left").arg(1);
        queue.arg("window_start").arg(at(775));
        queue.arg("window_interval").arg(3_600_000_000_i64);
        queue.arg("window_admitted").arg(2);
        raw.send::<()>(&queue).await;
        for (set, scores) in [
            (
                "waiting",
                [(at(1_078), MEMBERS[2]), (at(1_167), MEMBERS[3])].as_slice(),
            ),
            ("heard", &[(at(1_078), MEMBERS[2]), (at(1_167), MEMBERS[3])]),
            ("active", &[(at(600_001_872), MEMBERS[0])]),
            ("unclaimed", &[(at(975), MEMBERS[1])]),
        ] {
            raw.send::<()>(cmd("ZADD").arg(test_queue(set)).arg(scores))
                .await;
        }
        let claimed = [at(775), at(775), at(1_872), at(600_001_872)];
        let claimed: Vec<u8> = claimed.into_iter().flat_map(i64::to_le_bytes).collect();
        let unclaimed: Vec<u8> = [at(975); 2]
            .into_iter()
            .flat_map(i64::to_le_bytes)
            .collect();
        let mut places = cmd("HSET");
        places
            .arg(test_queue("places"))
            .arg(MEMBERS[0])
            .arg(claimed);
        places.arg(MEMBERS[1]).arg(unclaimed);
        raw.send::<()>(&places).await;
        raw.send::<()>(cmd("RPUSH").arg(test_queue("left")).arg(at(1_254)))
            .await;
        let mut list: Cmd = cmd("ZADD");
        list.arg(format!("{}busy", keyspace.prefix())).arg(1);
        raw.send::<()>(list.arg(frontrow_port_contracts::test_queue::CONCERT.to_string()))
            .await;
        former
    }

    /// Returns the ticket of the user of this number.
    fn ticket(&self, number: usize) -> Ticket {
        let after = [775, 975, 1_078, 1_167, 1_254][number];
        Ticket {
            concert: frontrow_port_contracts::test_queue::CONCERT,
            user: user(&format!("user-{number}")),
            arrival: Arrival::from_micros(self.seeded + after),
            generation: Generation(u64::MAX - 7),
        }
    }
}

fn key_of(keyspace: &RedisKeyspace) -> impl Fn(&str) -> String + use<> {
    let prefix = keyspace.prefix().to_owned();
    move |part| {
        format!(
            "{prefix}{{{}}}:{part}",
            frontrow_port_contracts::test_queue::CONCERT
        )
    }
}

#[tokio::test]
async fn a_queue_of_the_former_version_keeps_its_line() {
    let fixture = StoreFixture::open().await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let former = FormerQueue::write(&fixture.keyspace, &mut raw).await;
    let mut test_queue = TestQueue::on(fixture.store.clone());

    // The store does not know the queue until a seed has converted it. Nothing is lost meanwhile.
    let looked_up = test_queue
        .store
        .look_up(&former.ticket(2))
        .await
        .unwrap()
        .value;
    assert_eq!(looked_up, LookUpOutcome::NotSeeded);
    let version = test_queue.store.policy_version(test_queue.concert).await;
    assert_eq!(version, Ok(None));
    assert!(test_queue.is_busy().await);
    let ticked = test_queue
        .store
        .admit(test_queue.concert, 10)
        .await
        .unwrap()
        .value;
    assert_eq!(ticked, TickOutcome::NotSeeded);

    // The database has a record of the queue, so the seed would begin a recovery of a lost queue.
    let mut seed = test_queue.seed_of(
        policies::in_state(PolicyState::Open),
        Some(Recovery::lasting(std::time::Duration::from_mins(1))),
    );
    seed.policy.version = PolicyVersion(1);
    seed.generation = Generation(5);
    let seeded = test_queue.store.seed(&seed).await.unwrap().value;
    assert_eq!(seeded, SeedOutcome::HasNewer(PolicyVersion(1)));

    let waits = |position, behind| Standing::Waiting {
        position,
        behind,
        admitted: 0,
    };
    assert_eq!(test_queue.standing(&former.ticket(2)).await, waits(1, 1));
    assert_eq!(test_queue.standing(&former.ticket(3)).await, waits(2, 0));
    assert_eq!(test_queue.join("user-3").await, former.ticket(3));
    for (number, is_claimed) in [(0, true), (1, false)] {
        let standing = test_queue.standing(&former.ticket(number)).await;
        let Standing::Active { until, claimed, .. } = standing else {
            panic!("{number} is active: {standing:?}");
        };
        assert_eq!(claimed, is_claimed);
        let lasts = if is_claimed { 600_001_872 } else { 120_000_975 };
        assert_eq!(until.as_microsecond(), former.seeded + lasts);
    }
    let gone = test_queue
        .store
        .look_up(&former.ticket(4))
        .await
        .unwrap()
        .value;
    assert_eq!(gone, LookUpOutcome::Gone);

    // The window keeps its start and its count.
    let report = test_queue.admit(10).await;
    assert_eq!((report.done, report.waiting, report.departed), (0, 2, 1));
    let window = report.window.unwrap();
    assert_eq!(window.start.as_microsecond(), former.seeded + 775);
    assert_eq!(window.admitted, 2);
    assert!(test_queue.is_busy().await);

    let late = test_queue.join("late").await;
    assert!(late.arrival > former.ticket(3).arrival);
    test_queue.version = 1;
    test_queue.change(policies::bypass()).await;
    test_queue.admit(1).await;
    assert!(matches!(
        test_queue.standing(&former.ticket(2)).await,
        Standing::Active { .. }
    ));
    assert!(matches!(
        test_queue.standing(&former.ticket(3)).await,
        Standing::Waiting { .. }
    ));
}

/// In format 2 no user stood aside: waiting users whom admission had passed had re-entered.
#[tokio::test]
async fn a_queue_of_the_former_format_keeps_its_line() {
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let line = test_queue.line(4).await;
    let (queue, format) = (
        key(&test_queue, &fixture.keyspace, "queue"),
        format!("{}format", fixture.keyspace.prefix()),
    );
    raw.run::<()>(&["HSET", &queue, "format", "2"]).await;
    let passed = line[1].arrival.micros().to_string();
    raw.run::<()>(&["HSET", &queue, "admitted_up_to", &passed])
        .await;
    raw.run::<()>(&["SET", &format, "2"]).await;

    let opened = RedisStore::open(&settings(&fixture.keyspace), TimeOffset::default()).await;
    let store = opened.unwrap();
    assert_eq!(raw.run::<String>(&["GET", &format]).await, "3");
    let mut seed = test_queue.seed_of(policies::paused(), None);
    seed.policy.version = PolicyVersion(1);
    store.seed(&seed).await.unwrap();
    test_queue
        .change(policies::in_state(PolicyState::Open))
        .await;
    let report = test_queue.admit(3).await;
    assert_eq!((report.done, report.waiting, report.aside), (3, 1, 0));
    let last = test_queue.standing(&line[3]).await;
    assert!(
        matches!(last, Standing::Waiting { position: 1, .. }),
        "{last:?}"
    );
}

#[tokio::test]
async fn open_refuses_another_format_with_an_error_of_one_line() {
    let fixture = StoreFixture::open().await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let format = format!("{}format", fixture.keyspace.prefix());
    assert_eq!(raw.run::<String>(&["GET", &format]).await, "3");
    raw.run::<()>(&["SET", &format, "4"]).await;
    let opened = RedisStore::open(&settings(&fixture.keyspace), TimeOffset::default()).await;
    let error = opened.unwrap_err();
    assert!(
        matches!(error, RedisOpenError::OtherFormat { .. }),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.ends_with("have format 4, this program knows 3: stop one of the two versions"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
    assert_eq!(raw.run::<String>(&["GET", &format]).await, "4");
}

#[tokio::test]
async fn a_store_opens_on_a_full_server() {
    let server = RedisServer::start().await.unwrap();
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let opened = RedisStore::open(&short_timeouts(&server), TimeOffset::default()).await;
    opened.unwrap();
    assert_eq!(raw.run::<String>(&["GET", "frontrow:format"]).await, "3");
}

/// Checks that a call was refused because of the queue's format.
fn assert_refused<T>(call: &str, outcome: StoreResult<T>) {
    let Err(StoreError::NotApplied { what, .. }) = outcome else {
        panic!("{call} should be refused");
    };
    assert_eq!(
        what, "Redis: the queue has format 4, this program knows 3: stop one of the two versions",
        "{call}"
    );
}

#[tokio::test]
async fn every_call_refuses_a_queue_in_another_format_and_changes_nothing() {
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let line = test_queue.line(2).await;
    test_queue
        .change(policies::in_state(PolicyState::Open))
        .await;
    test_queue.admit(1).await;
    let (store, concert, ticket) = (&fixture.store, test_queue.concert, &line[0]);
    let queue = key(&test_queue, &fixture.keyspace, "queue");
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    raw.run::<()>(&["HSET", &queue, "format", "4"]).await;
    let keys: Vec<String> = raw
        .run(&["KEYS", &key(&test_queue, &fixture.keyspace, "*")])
        .await;
    let mut before: Vec<Vec<u8>> = Vec::new();
    for key in &keys {
        before.push(raw.run(&["DUMP", key]).await);
    }

    assert_refused("join", store.join(concert, &user("ann"), None).await);
    assert_refused("look_up", store.look_up(ticket).await);
    assert_refused(
        "pass_gate",
        store.pass_gate(ticket, GatePurpose::Browse).await,
    );
    assert_refused("leave", store.leave(ticket).await);
    assert_refused("snapshot", store.snapshot(concert, None).await);
    let heartbeat = Heartbeat {
        user: ticket.user.clone(),
        arrival: ticket.arrival,
        at: Timestamp::MAX,
    };
    assert_refused(
        "record_heartbeats",
        store.record_heartbeats(concert, &[heartbeat]).await,
    );
    assert_refused("admit", store.admit(concert, 1).await);
    assert_refused("expire", store.expire(concert, 1).await);
    assert_refused("is_empty", store.is_empty(concert).await);
    assert_refused("remove", store.remove(concert).await);
    assert_refused("policy_version", store.policy_version(concert).await);
    let count = SaleCount {
        sale: SaleState::SoldOut,
        ..SaleCount::default()
    };
    assert_refused("set_sale", store.set_sale(concert, count).await);
    let mut seed = test_queue.seed_of(policies::in_state(PolicyState::Closed), None);
    seed.policy.version = PolicyVersion(100);
    assert_refused("seed", store.seed(&seed).await);

    let mut after: Vec<Vec<u8>> = Vec::new();
    for key in &keys {
        after.push(raw.run(&["DUMP", key]).await);
    }
    assert_eq!(before, after);
    raw.run::<()>(&["HSET", &queue, "format", "3"]).await;
    assert!(matches!(
        test_queue.standing(ticket).await,
        Standing::Active { .. }
    ));
}
