//! Answers and stored data when the connection to the server breaks: an effect is complete or
//! absent, and a retry with the same key, or for the very same seats, finds the one effect.

use std::time::Duration;

use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings};
use frontrow_domain::{
    model::HoldRequest,
    ports::{
        Charge, ChargeOutcome, HoldOutcome, PayOutcome, PaymentRequest, Points, Reservations,
        StoreError, StoreResult,
    },
};
use frontrow_test_harness::{Fault, FaultProxy};

use crate::{
    one_database::settings,
    program::{Program, texts},
    wire::{address_of, statement_gate::StatementGate},
};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_hours(1);

/// A service whose way to its server can break.
struct Troubled {
    /// Past the trouble.
    program: Program,
    proxy: FaultProxy,
    gate: StatementGate,
    database: MySqlDatabase,
}

impl Troubled {
    async fn start(settings: &MySqlSettings) -> Self {
        let program = Program::start().await;
        let proxy = FaultProxy::start(address_of(program.url()).await).unwrap();
        let gate = StatementGate::before(proxy.address()).await;
        let url = gate.wire.url(program.url());
        let database = MySqlDatabase::open(&url, settings, program.offset.clone())
            .await
            .unwrap();
        Self {
            program,
            proxy,
            gate,
            database,
        }
    }

    async fn set(&self, fault: Fault) {
        self.proxy.set(fault).await.unwrap();
    }

    /// Starts an effect and lets it come as far as to this statement, which it has not sent yet.
    async fn begin(&self, effect: &Effect, statement: &'static str) -> Running {
        self.gate.stop_at(statement);
        let (database, effect) = (self.database.clone(), effect.clone());
        let running = tokio::spawn(async move { effect.make(&database).await });
        self.gate.stopped().await;
        running
    }

    /// What there is of all that a call could have done.
    async fn everything(&self) -> Vec<String> {
        let sql = "SELECT CONCAT_WS(' ', 'reservation', HEX(id), state) AS text FROM reservations
                   UNION ALL SELECT CONCAT_WS(' ', 'seat', label, HEX(reservation_id), held_until IS NULL)
                   FROM seats WHERE reservation_id IS NOT NULL
                   UNION ALL SELECT CONCAT_WS(' ', 'sold', SUM(seats_sold)) FROM performance_sales
                   UNION ALL SELECT CONCAT_WS(' ', 'balance', user_id, balance) FROM balances
                   UNION ALL SELECT CONCAT_WS(' ', 'ledger', user_id, reason, amount) FROM ledger
                   UNION ALL SELECT CONCAT_WS(' ', 'key', sender, idempotency_key) FROM idempotency_records
                   ORDER BY 1";
        texts(&mut self.program.raw().await, sql).await
    }
}

type Running = tokio::task::JoinHandle<StoreResult<Made>>;

/// One that lasts.
#[derive(Debug, Clone)]
enum Effect {
    Hold(HoldRequest),
    Pay(PaymentRequest),
    Charge(Charge),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

impl Effect {
    /// One of each, of users who have what it takes.
    async fn all(program: &Program) -> [Self; 3] {
        program.charge("pay", 1_000).await;
        let held = program.held("pay", &["A-1", "A-2"]).await;
        [
            Self::Hold(program.request("hold", &["A-3", "A-4"])),
            Self::Pay(program.payment_of(&held)),
            Self::Charge(program.charge_of("pay", 7)),
        ]
    }

    /// As who asks again does: with an id of its own for what it would make.
    fn again(&self, program: &Program) -> Self {
        let mut again = self.clone();
        match &mut again {
            Self::Hold(request) => request.id.0 = program.name(),
            Self::Pay(request) => request.entry.0 = program.name(),
            Self::Charge(request) => request.entry.0 = program.name(),
        }
        again
    }

    async fn make(&self, database: &MySqlDatabase) -> StoreResult<Made> {
        let before = match self {
            Self::Hold(request) => match database.hold(request).await? {
                HoldOutcome::Held(_) => false,
                HoldOutcome::AlreadyHeld(_) => true,
                HoldOutcome::Refused(refusal) => panic!("{refusal:?}"),
            },
            Self::Pay(request) => match database.pay(request).await? {
                PayOutcome::Paid(paid) => paid.replayed,
                other => panic!("{other:?}"),
            },
            Self::Charge(request) => match database.charge(request).await? {
                ChargeOutcome::Charged(charged) => charged.replayed,
                other => panic!("{other:?}"),
            },
        };
        Ok(if before { Made::Before } else { Made::Now })
    }

    /// A statement in the midst of it, after it has written something.
    fn middle(&self) -> &'static str {
        match self {
            Self::Hold(_) => "UPDATE seats",
            Self::Pay(_) | Self::Charge(_) => "INSERT INTO `ledger`",
        }
    }
}

fn unknown(outcome: &StoreResult<Made>) {
    let unknown = matches!(outcome, Err(StoreError::OutcomeUnknown { .. }));
    assert!(unknown, "nobody can know: {outcome:?}");
}

fn not_applied(outcome: &StoreResult<Made>) {
    let Err(error @ StoreError::NotApplied { .. }) = outcome else {
        panic!("it is certain that nothing was changed: {outcome:?}");
    };
    assert!(error.retry_after().is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_found_again() {
    let trouble = Troubled::start(&settings()).await;
    for effect in Effect::all(&trouble.program).await {
        let running = trouble.begin(&effect, "COMMIT").await;
        trouble.set(Fault::LoseAnswers).await;
        trouble.gate.open();
        trouble.proxy.answer_lost().await.unwrap();
        trouble.set(Fault::Reset).await;
        unknown(&running.await.unwrap());
        trouble.set(Fault::Forward).await;
        let made = trouble.everything().await;
        for database in [&trouble.database, &trouble.program.database] {
            let again = effect.again(&trouble.program).make(database).await;
            assert_eq!(again, Ok(Made::Before), "{effect:?}");
        }
        assert_eq!(trouble.everything().await, made);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_unknown_and_made_again() {
    let trouble = Troubled::start(&settings()).await;
    for effect in Effect::all(&trouble.program).await {
        let before = trouble.everything().await;
        let running = trouble.begin(&effect, "COMMIT").await;
        trouble.set(Fault::Reset).await;
        trouble.gate.open();
        unknown(&running.await.unwrap());
        trouble.set(Fault::Forward).await;
        assert_eq!(trouble.everything().await, before);
        for expected in [Made::Now, Made::Before] {
            let again = effect.again(&trouble.program).make(&trouble.database).await;
            assert_eq!(again, Ok(expected), "{effect:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_before_the_commit_changes_nothing() {
    let trouble = Troubled::start(&settings()).await;
    for effect in Effect::all(&trouble.program).await {
        let before = trouble.everything().await;
        let running = trouble.begin(&effect, effect.middle()).await;
        trouble.set(Fault::Refuse).await;
        trouble.gate.open();
        not_applied(&running.await.unwrap());
        assert_eq!(trouble.everything().await, before);
        trouble.set(Fault::Forward).await;
        let again = effect.again(&trouble.program).make(&trouble.database).await;
        assert_eq!(again, Ok(Made::Now), "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_for_a_moment_before_the_commit_is_made_once() {
    let trouble = Troubled::start(&settings()).await;
    for effect in Effect::all(&trouble.program).await {
        let retries = trouble.database.retries();
        let running = trouble.begin(&effect, effect.middle()).await;
        trouble.set(Fault::Reset).await;
        trouble.set(Fault::Forward).await;
        trouble.gate.open();
        assert_eq!(running.await.unwrap(), Ok(Made::Now), "{effect:?}");
        assert!(trouble.database.retries() > retries);
        let made = trouble.everything().await;
        let again = effect.again(&trouble.program).make(&trouble.database).await;
        assert_eq!(again, Ok(Made::Before), "{effect:?}");
        assert_eq!(trouble.everything().await, made);
    }
}

/// One that is used again in the middle of a transaction would have what follows be undone with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_and_its_connection_not_used_again() {
    let trouble = Troubled::start(&MySqlSettings {
        pool_size: 1,
        statement_timeout: Duration::from_secs(2),
        ..settings()
    })
    .await;
    for effect in Effect::all(&trouble.program).await {
        for (statement, check) in [
            (effect.middle(), not_applied as fn(&_)),
            ("COMMIT", unknown),
        ] {
            let before = trouble.everything().await;
            let running = trouble.begin(&effect, statement).await;
            trouble.set(Fault::Delay(FOR_EVER)).await;
            trouble.gate.open();
            check(&running.await.unwrap());
            trouble.set(Fault::Reset).await;
            trouble.set(Fault::Forward).await;
            assert_eq!(trouble.everything().await, before);
        }
        let again = effect.again(&trouble.program).make(&trouble.database).await;
        assert_eq!(again, Ok(Made::Now), "{effect:?}");
        // What is committed can be seen by others.
        let again = effect
            .again(&trouble.program)
            .make(&trouble.program.database)
            .await;
        assert_eq!(again, Ok(Made::Before), "{effect:?}");
    }
}

/// Longer than a connection may lie idle and not be asked whether it is still there.
const LONG_IDLE: Duration = Duration::from_millis(5_100);

impl Troubled {
    async fn charge(&self) -> StoreResult<Made> {
        let charge = Effect::Charge(self.program.charge_of("idle", 1));
        charge.make(&self.database).await
    }

    /// Charges as often at once, each on a connection of its own, as all wait for the same balance.
    async fn charge_at_once(&self, times: usize) {
        let charging = (0..times).map(|_| self.charge());
        for made in futures_util::future::join_all(charging).await {
            assert_eq!(made, Ok(Made::Now));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fell_silent_is_not_waited_for_without_end() {
    let trouble = Troubled::start(&MySqlSettings {
        connect_timeout: FOR_EVER,
        statement_timeout: Duration::from_secs(2),
        ..settings()
    })
    .await;
    trouble.charge_at_once(1).await;
    tokio::time::sleep(LONG_IDLE).await;
    trouble.set(Fault::Delay(FOR_EVER)).await;
    // With the connection that was idle, and with one that is to be made.
    for _ in 0..2 {
        let refused = tokio::time::timeout(Duration::from_mins(1), trouble.charge()).await;
        not_applied(&refused.expect("an answer"));
    }
    trouble.set(Fault::Reset).await;
    trouble.set(Fault::Forward).await;
    assert_eq!(trouble.charge().await, Ok(Made::Now));
}

/// Something on the way has forgotten them, say, and drops what is sent on them: new ones are as good as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_fell_silent_while_idle_are_not_all_waited_for() {
    let trouble = Troubled::start(&MySqlSettings {
        acquire_timeout: Duration::from_secs(1),
        ..settings()
    })
    .await;
    trouble.charge_at_once(settings().pool_size).await;
    tokio::time::sleep(LONG_IDLE).await;
    trouble.set(Fault::LoseAnswersTo("DO 0")).await;
    assert_eq!(trouble.charge().await, Ok(Made::Now));
}
