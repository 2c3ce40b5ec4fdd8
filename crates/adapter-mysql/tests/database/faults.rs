//! Answers and stored data when the connection to the server breaks. An effect is complete or
//! absent. A repeat with the same key, or for the very same seats, finds the one effect.

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
const ENDLESS: Duration = Duration::from_hours(1);

/// A service whose network to its server can break.
struct FaultyProgram {
    /// Has connections of its own, past the faults.
    program: Program,
    proxy: FaultProxy,
    gate: StatementGate,
    database: MySqlDatabase,
}

impl FaultyProgram {
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

    /// Starts an effect and stops it before it sends this statement.
    async fn begin(&self, effect: &Effect, statement: &'static str) -> Running {
        self.gate.stop_at(statement);
        let (database, effect) = (self.database.clone(), effect.clone());
        let running = tokio::spawn(async move { effect.apply(&database).await });
        self.gate.stopped().await;
        running
    }

    /// Returns all stored effects of calls.
    async fn all_effects(&self) -> Vec<String> {
        let sql = "SELECT CONCAT_WS(' ', 'reservation', HEX(id), state) AS text FROM reservations
                   UNION ALL SELECT CONCAT_WS(' ', 'seat', label, HEX(reservation_id),
                                              held_until IS NULL)
                   FROM seats WHERE reservation_id IS NOT NULL
                   UNION ALL SELECT CONCAT_WS(' ', 'sold', SUM(seats_sold)) FROM performance_sales
                   UNION ALL SELECT CONCAT_WS(' ', 'balance', user_id, balance) FROM balances
                   UNION ALL SELECT CONCAT_WS(' ', 'ledger', user_id, reason, amount) FROM ledger
                   UNION ALL SELECT CONCAT_WS(' ', 'key', sender, idempotency_key)
                   FROM idempotency_records
                   ORDER BY 1";
        texts(&mut self.program.raw().await, sql).await
    }
}

type Running = tokio::task::JoinHandle<StoreResult<Outcome>>;

/// A call with a lasting effect.
#[derive(Debug, Clone)]
enum Effect {
    Hold(HoldRequest),
    Pay(PaymentRequest),
    Charge(Charge),
}

/// Whether a call made its effect or found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    New,
    Replayed,
}

impl Effect {
    /// Returns one effect of each kind. Its user has the points or the hold that it needs.
    async fn all(program: &Program) -> [Self; 3] {
        program.charge("pay", 1_000).await;
        let held = program.held("pay", &["A-1", "A-2"]).await;
        [
            Self::Hold(program.request("hold", &["A-3", "A-4"])),
            Self::Pay(program.payment_of(&held)),
            Self::Charge(program.charge_of("pay", 7)),
        ]
    }

    /// Returns a repeat of the call, with a new id for its effect, as a client's retry has.
    fn repeat(&self, program: &Program) -> Self {
        let mut repeat = self.clone();
        match &mut repeat {
            Self::Hold(request) => request.id.0 = program.next_id(),
            Self::Pay(request) => request.entry.0 = program.next_id(),
            Self::Charge(request) => request.entry.0 = program.next_id(),
        }
        repeat
    }

    async fn apply(&self, database: &MySqlDatabase) -> StoreResult<Outcome> {
        let replayed = match self {
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
        Ok(if replayed {
            Outcome::Replayed
        } else {
            Outcome::New
        })
    }

    /// Returns a statement in the middle of the call, after its first write.
    fn middle_statement(&self) -> &'static str {
        match self {
            Self::Hold(_) => "UPDATE seats",
            Self::Pay(_) | Self::Charge(_) => "INSERT INTO `ledger`",
        }
    }
}

fn assert_unknown(outcome: &StoreResult<Outcome>) {
    let unknown = matches!(outcome, Err(StoreError::OutcomeUnknown { .. }));
    assert!(unknown, "should be unknown: {outcome:?}");
}

fn assert_not_applied(outcome: &StoreResult<Outcome>) {
    let Err(error @ StoreError::NotApplied { .. }) = outcome else {
        panic!("should not be applied: {outcome:?}");
    };
    assert!(error.retry_after().is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_found_again() {
    let faulty = FaultyProgram::start(&settings()).await;
    for effect in Effect::all(&faulty.program).await {
        let running = faulty.begin(&effect, "COMMIT").await;
        faulty.set(Fault::LoseAnswers).await;
        faulty.gate.open();
        faulty.proxy.answer_lost().await.unwrap();
        faulty.set(Fault::Reset).await;
        assert_unknown(&running.await.unwrap());
        faulty.set(Fault::Forward).await;
        let effects = faulty.all_effects().await;
        for database in [&faulty.database, &faulty.program.database] {
            let repeated = effect.repeat(&faulty.program).apply(database).await;
            assert_eq!(repeated, Ok(Outcome::Replayed), "{effect:?}");
        }
        assert_eq!(faulty.all_effects().await, effects);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_unknown_and_made_again() {
    let faulty = FaultyProgram::start(&settings()).await;
    for effect in Effect::all(&faulty.program).await {
        let before = faulty.all_effects().await;
        let running = faulty.begin(&effect, "COMMIT").await;
        faulty.set(Fault::Reset).await;
        faulty.gate.open();
        assert_unknown(&running.await.unwrap());
        faulty.set(Fault::Forward).await;
        assert_eq!(faulty.all_effects().await, before);
        for expected in [Outcome::New, Outcome::Replayed] {
            let repeated = effect.repeat(&faulty.program).apply(&faulty.database).await;
            assert_eq!(repeated, Ok(expected), "{effect:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_before_the_commit_changes_nothing() {
    let faulty = FaultyProgram::start(&settings()).await;
    for effect in Effect::all(&faulty.program).await {
        let before = faulty.all_effects().await;
        let running = faulty.begin(&effect, effect.middle_statement()).await;
        faulty.set(Fault::Refuse).await;
        faulty.gate.open();
        assert_not_applied(&running.await.unwrap());
        assert_eq!(faulty.all_effects().await, before);
        faulty.set(Fault::Forward).await;
        let repeated = effect.repeat(&faulty.program).apply(&faulty.database).await;
        assert_eq!(repeated, Ok(Outcome::New), "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_brief_fault_before_the_commit_leaves_one_effect() {
    let faulty = FaultyProgram::start(&settings()).await;
    for effect in Effect::all(&faulty.program).await {
        let retries = faulty.database.retries();
        let running = faulty.begin(&effect, effect.middle_statement()).await;
        faulty.set(Fault::Reset).await;
        faulty.set(Fault::Forward).await;
        faulty.gate.open();
        assert_eq!(running.await.unwrap(), Ok(Outcome::New), "{effect:?}");
        assert!(faulty.database.retries() > retries);
        let effects = faulty.all_effects().await;
        let repeated = effect.repeat(&faulty.program).apply(&faulty.database).await;
        assert_eq!(repeated, Ok(Outcome::Replayed), "{effect:?}");
        assert_eq!(faulty.all_effects().await, effects);
    }
}

/// A connection that is used again in the middle of a transaction would undo the next call with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_and_its_connection_not_used_again() {
    let faulty = FaultyProgram::start(&MySqlSettings {
        pool_size: 1,
        statement_timeout: Duration::from_secs(2),
        ..settings()
    })
    .await;
    for effect in Effect::all(&faulty.program).await {
        for (statement, check) in [
            (effect.middle_statement(), assert_not_applied as fn(&_)),
            ("COMMIT", assert_unknown),
        ] {
            let before = faulty.all_effects().await;
            let running = faulty.begin(&effect, statement).await;
            faulty.set(Fault::Delay(ENDLESS)).await;
            faulty.gate.open();
            check(&running.await.unwrap());
            faulty.set(Fault::Reset).await;
            faulty.set(Fault::Forward).await;
            assert_eq!(faulty.all_effects().await, before);
        }
        let repeated = effect.repeat(&faulty.program).apply(&faulty.database).await;
        assert_eq!(repeated, Ok(Outcome::New), "{effect:?}");
        // Other connections see a committed effect.
        let repeated = effect
            .repeat(&faulty.program)
            .apply(&faulty.program.database)
            .await;
        assert_eq!(repeated, Ok(Outcome::Replayed), "{effect:?}");
    }
}

/// Longer than a connection may be idle without a check before its next use.
const LONG_IDLE: Duration = Duration::from_millis(5_100);

impl FaultyProgram {
    async fn charge(&self) -> StoreResult<Outcome> {
        let charge = Effect::Charge(self.program.charge_of("idle", 1));
        charge.apply(&self.database).await
    }

    /// Makes this number of charges at once. Each has a connection of its own, since all wait for
    /// the same balance.
    async fn charge_at_once(&self, times: usize) {
        let charging = (0..times).map(|_| self.charge());
        for charged in futures_util::future::join_all(charging).await {
            assert_eq!(charged, Ok(Outcome::New));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_silent_server_ends_in_bounded_time() {
    let faulty = FaultyProgram::start(&MySqlSettings {
        connect_timeout: ENDLESS,
        statement_timeout: Duration::from_secs(2),
        ..settings()
    })
    .await;
    faulty.charge_at_once(1).await;
    tokio::time::sleep(LONG_IDLE).await;
    faulty.set(Fault::Delay(ENDLESS)).await;
    // The first call uses the idle connection, the second one makes a new one.
    for _ in 0..2 {
        let refused = tokio::time::timeout(Duration::from_mins(1), faulty.charge()).await;
        assert_not_applied(&refused.expect("an answer"));
    }
    faulty.set(Fault::Reset).await;
    faulty.set(Fault::Forward).await;
    assert_eq!(faulty.charge().await, Ok(Outcome::New));
}

/// A firewall may have forgotten the connections and drop all that is sent on them. New ones work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_does_not_wait_for_every_idle_connection_that_fell_silent() {
    let faulty = FaultyProgram::start(&MySqlSettings {
        acquire_timeout: Duration::from_secs(1),
        ..settings()
    })
    .await;
    faulty.charge_at_once(settings().pool_size).await;
    tokio::time::sleep(LONG_IDLE).await;
    faulty.set(Fault::LoseAnswersTo("DO 0")).await;
    assert_eq!(faulty.charge().await, Ok(Outcome::New));
}
