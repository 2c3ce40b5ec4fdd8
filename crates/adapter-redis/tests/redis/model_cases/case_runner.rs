//! Writes cases to a server, sends their requests to the store, and compares the results.

use std::fmt::Debug;

use deadpool_redis::redis::{Cmd, cmd};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            AdmissionWindow, Arrival, Gap, Gaps, PolicyVersion, QueueSeed, SaleCount,
            VersionedPolicy,
        },
    },
    ports::{Queue, QueueControl, QueueTicks, SeedOutcome, TickOutcome},
};
use frontrow_port_contracts::test_queue::user;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    case::{Call, Case, CasePlace, TicketKind, TurnState},
    expected::{
        Expected, GENERATION, after_first, arrival, arrival_of, before, gap, last_arrival, recovery,
    },
};
use crate::{store_fixture::StoreFixture, test_store::Raw};

/// Runs cases on a store, with a connection that reads and writes its keys without the ports.
pub(super) struct CaseRunner<'a> {
    fixture: &'a StoreFixture,
    raw: Raw,
}

/// A case on the server.
struct Written {
    concert: ConcertId,
    at: Timestamp,
    lost_at: Option<Timestamp>,
}

fn user_id(number: usize) -> UserId {
    user(&format!("user-{number}"))
}

fn member(number: usize) -> Vec<u8> {
    Sha256::digest(user_id(number).as_str())[..14].to_vec()
}

fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

impl<'a> CaseRunner<'a> {
    pub(super) async fn new(fixture: &'a StoreFixture) -> Self {
        Self {
            raw: Raw::connect(fixture.keyspace.url()).await,
            fixture,
        }
    }

    fn key(&self, concert: ConcertId, part: &str) -> String {
        format!("{}{{{concert}}}:{part}", self.fixture.keyspace.prefix())
    }

    async fn seed(&self, case: &Case, concert: ConcertId, at: Timestamp) -> Option<Timestamp> {
        let mut policy = case.policy.clone();
        policy.opens_at = case.opens_in.map(|millis| before(at, -millis));
        let seed = QueueSeed {
            concert,
            policy: VersionedPolicy {
                policy,
                version: PolicyVersion(1),
            },
            generation: GENERATION,
            recovery: recovery(case, at),
        };
        let since = SignedDuration::from_millis(case.lost.map_or(0, |(millis, _)| millis));
        self.fixture.offset.shift(-since);
        let seeded = self.fixture.store.seed(&seed).await.unwrap();
        self.fixture.offset.shift(since);
        let count = SaleCount {
            sale: case.sale,
            counted_at: at,
        };
        self.fixture.store.set_sale(concert, count).await.unwrap();
        case.lost.map(|_| seeded.as_of)
    }

    /// Writes a case under a concert of its own.
    async fn write(&mut self, number: u64, case: &Case) -> Written {
        let concert = ConcertId(Uuid::from_u128(0xca_5e00_0000 + u128::from(number)));
        let (seconds, subsecond): (i64, i64) = self.raw.run(&["TIME"]).await;
        let at = Timestamp::from_microsecond(seconds * 1_000_000 + subsecond).unwrap();
        let lost_at = self.seed(case, concert, at).await;

        let mut queue = cmd("HSET");
        queue.arg(self.key(concert, "queue"));
        queue
            .arg("serving_since")
            .arg(micros(before(at, case.serving_since)));
        queue
            .arg("last_tick")
            .arg(micros(before(at, case.last_tick)));
        if let Some((start, millis, admitted)) = case.window {
            queue.arg("window_start").arg(micros(before(at, start)));
            queue.arg("window_interval").arg(millis * 1_000);
            queue.arg("window_admitted").arg(admitted);
        }
        queue
            .arg("last_arrival")
            .arg(last_arrival(case, at, lost_at).micros());
        if case.writes.moved {
            queue.arg("server").arg("before");
        }
        let is_passed = |place: &CasePlace| match place {
            CasePlace::Waiting { turn, .. } => *turn != TurnState::NotPassed,
            CasePlace::Unclaimed { .. } | CasePlace::Claimed { .. } => false,
        };
        if let Some(last) = case.places.iter().rposition(is_passed) {
            queue.arg("admitted_up_to").arg(arrival(at, last).micros());
        }
        if let Some(after) = case.at_once {
            let at_once = after_first(at, after).micros();
            queue.arg("at_once_up_to").arg(at_once);
        }
        let mut ends_from = 1 << 53;
        for (number, place) in case.places.iter().enumerate() {
            ends_from = ends_from.min(self.put(concert, at, number, *place, case).await);
        }
        if case.knows_ends {
            queue.arg("ends_from").arg(ends_from);
        }
        self.raw.send::<()>(&queue).await;
        self.write_losses(concert, at, case).await;
        Written {
            concert,
            at,
            lost_at,
        }
    }

    /// Writes the gap and the ended place of a case.
    async fn write_losses(&mut self, concert: ConcertId, at: Timestamp, case: &Case) {
        const PACK: &str = "redis.call('HSET', KEYS[1], 'gaps', cmsgpack.pack({ {
            after = tonumber(ARGV[1]), last = tonumber(ARGV[2]), found_at = tonumber(ARGV[3]),
            confirmed = ARGV[4] == 'true' } }))";
        if let Some(gap) = gap(case, at) {
            let mut pack = cmd("EVAL");
            pack.arg(PACK).arg(1).arg(self.key(concert, "queue"));
            pack.arg(gap.after.micros()).arg(gap.until.micros());
            pack.arg(micros(gap.found_at))
                .arg(gap.confirmed.to_string());
            self.raw.send::<()>(&pack).await;
        }
        if let Some((ended, user_number)) = case.writes.ended.zip(case.call.user_number()) {
            let mut add = cmd("ZADD");
            add.arg(self.key(concert, "ended_at"));
            add.arg(arrival_of(ended, at, user_number).micros())
                .arg(member(user_number));
            self.raw.send::<()>(&add).await;
        }
    }

    /// Returns the gaps of a queue whose tickets still re-enter, and its last arrival.
    async fn losses(&mut self, queue: &Written, model: &Expected<'_>) -> (Gaps, i64) {
        const UNPACK: &str = "local fields = redis.call('HMGET', KEYS[1], 'gaps', 'last_arrival')
            local gaps = {}
            for n, gap in ipairs(fields[1] and cmsgpack.unpack(fields[1]) or {}) do
              gaps[n] = { gap.after, gap.last, gap.found_at, gap.confirmed and 1 or 0 }
            end
            return { gaps, tonumber(fields[2]) }";
        let mut unpack = cmd("EVAL");
        unpack
            .arg(UNPACK)
            .arg(1)
            .arg(self.key(queue.concert, "queue"));
        let (gaps, last_arrival): (Vec<[i64; 4]>, i64) = self.raw.send(&unpack).await;
        let gaps = gaps
            .into_iter()
            .map(|[after, until, found, confirmed]| Gap {
                after: Arrival::from_micros(after),
                until: Arrival::from_micros(until),
                found_at: Timestamp::from_microsecond(found).unwrap(),
                confirmed: confirmed == 1,
            });
        let mut gaps = Gaps::kept(gaps.collect());
        gaps.forget(model.now, model.terms.policy().waiting_ttl);
        (gaps, last_arrival)
    }

    /// Writes a place. Returns its earliest possible deadline in microseconds, whatever outages
    /// there were.
    async fn put(
        &mut self,
        concert: ConcertId,
        at: Timestamp,
        number: usize,
        place: CasePlace,
        case: &Case,
    ) -> i64 {
        let since = arrival(at, number).micros();
        let (set, score, fields, ttl): (_, _, Vec<i64>, _) = match place {
            CasePlace::Waiting { heartbeat, turn } => {
                let score = micros(before(at, heartbeat));
                let mut line = vec![("waiting", since), ("heard", score)];
                if turn == TurnState::Returned {
                    line.push(("returned", since));
                }
                for (set, score) in line {
                    let mut add = cmd("ZADD");
                    add.arg(self.key(concert, set)).arg(score);
                    self.raw.send::<()>(add.arg(member(number))).await;
                }
                let ttl = i64::try_from(case.policy.waiting_ttl.as_micros()).unwrap();
                return score + ttl;
            }
            CasePlace::Unclaimed { admitted } => {
                let admitted = micros(before(at, admitted));
                let ttl = i64::try_from(case.policy.claim_ttl.as_micros()).unwrap();
                ("unclaimed", admitted, vec![since, admitted], ttl)
            }
            CasePlace::Claimed { claimed, until } => {
                let (claimed, until) = (micros(before(at, claimed)), micros(before(at, until)));
                ("active", until, vec![since, claimed, claimed, until], 0)
            }
        };
        let mut add = cmd("ZADD");
        add.arg(self.key(concert, set)).arg(score);
        self.raw.send::<()>(add.arg(member(number))).await;
        let packed: Vec<u8> = fields.into_iter().flat_map(i64::to_le_bytes).collect();
        let mut set_place = cmd("HSET");
        set_place
            .arg(self.key(concert, "places"))
            .arg(member(number));
        self.raw.send::<()>(set_place.arg(packed)).await;
        score + ttl
    }

    /// Makes the call of a case on the store and on the model, and compares the results. Returns
    /// the kind of the result.
    pub(super) async fn decide(&mut self, number: u64, case: &Case) -> &'static str {
        let queue = self.write(number, case).await;
        let (store, concert) = (&self.fixture.store, queue.concert);
        let model = |now| Expected::new(case, concert, queue.at, now, queue.lost_at);
        // The ticket does not depend on the instant.
        let ticket_of = |user_number, kind_of_ticket| {
            model(queue.at).ticket(&user_id(user_number), user_number, kind_of_ticket)
        };
        let (kind, expected) = match case.call {
            Call::Join(user_number, kind_of_ticket) => {
                let answer = store
                    .join(
                        concert,
                        &user_id(user_number),
                        ticket_of(user_number, kind_of_ticket),
                    )
                    .await
                    .unwrap();
                let mut model = model(answer.as_of);
                let (kind, expected) =
                    model.join(&user_id(user_number), user_number, kind_of_ticket);
                assert_same(number, case, &answer.value, &expected);
                (kind, model)
            }
            Call::LookUp(user_number, kind_of_ticket) => {
                let ticket = ticket_of(user_number, kind_of_ticket).unwrap();
                let answer = store.look_up(&ticket).await.unwrap();
                let mut model = model(answer.as_of);
                let (kind, expected) = model.look_up(&ticket, user_number);
                assert_same(number, case, &answer.value, &expected);
                (kind, model)
            }
            Call::Gate(user_number, purpose) => {
                let ticket = ticket_of(user_number, TicketKind::Current).unwrap();
                let answer = store.pass_gate(&ticket, purpose).await.unwrap();
                let mut model = model(answer.as_of);
                let (kind, expected) = model.gate(&ticket, user_number, purpose);
                assert_same(number, case, &answer.value, &expected);
                (kind, model)
            }
            Call::Leave(user_number, kind_of_ticket) => {
                let ticket = ticket_of(user_number, kind_of_ticket).unwrap();
                let answer = store.leave(&ticket).await.unwrap();
                let mut model = model(answer.as_of);
                let (kind, expected) = model.leave(&ticket, user_number);
                assert_same(number, case, &answer.value, &expected);
                (kind, model)
            }
            Call::Admit(limit) => {
                let answer = store.admit(concert, limit).await.unwrap();
                let mut model = model(answer.as_of);
                let (kind, expected) = model.admit(limit);
                assert_same(number, case, &answer.value, &TickOutcome::Ticked(expected));
                (kind, model)
            }
            Call::Expire(limit) => {
                let answer = store.expire(concert, limit).await.unwrap();
                let mut model = model(answer.as_of);
                let (kind, expected) = model.expire(limit);
                assert_same(number, case, &answer.value, &TickOutcome::Ticked(expected));
                (kind, model)
            }
            Call::Change(throughput) => {
                let mut model = model(queue.at);
                let mut policy = model.terms.policy.clone();
                policy.version = PolicyVersion(2);
                policy.policy.throughput = Some(throughput);
                let seed = QueueSeed {
                    concert,
                    policy: policy.clone(),
                    generation: GENERATION,
                    recovery: None,
                };
                let answer = store.seed(&seed).await.unwrap();
                assert_eq!(answer.value, SeedOutcome::Taken { recovering: false });
                model.admission.change(&policy.policy, answer.as_of);
                ("change the window", model)
            }
            Call::Served => {
                let answer = store.served(concert).await.unwrap();
                let model = model(answer.as_of);
                let (kind, expected) = model.served();
                assert_same(number, case, &answer.value, &expected);
                (kind, model)
            }
        };
        self.compare(number, case, &queue, &expected).await;
        kind
    }

    /// Compares the stored window, the stored service, the losses and the users in the line.
    async fn compare(&mut self, number: u64, case: &Case, queue: &Written, model: &Expected<'_>) {
        let mut get = cmd("HMGET");
        get.arg(self.key(queue.concert, "queue"));
        get.arg(&["window_start", "window_interval", "window_admitted"]);
        get.arg(&["serving_since", "last_tick"]);
        let stored: Vec<Option<i64>> = self.raw.send(&get).await;
        let window = model.admission.window.map(|window: AdmissionWindow| {
            let interval = i64::try_from(window.interval.as_micros()).unwrap();
            [micros(window.start), interval, window.admitted.into()]
        });
        let window = window.map_or([None; 3], |window| window.map(Some));
        assert_same(number, case, &stored[..3], &window[..]);
        let service = [model.terms.serving_since, model.terms.last_tick];
        assert_same(
            number,
            case,
            &stored[3..],
            &service.map(|at| Some(micros(at)))[..],
        );

        let mut open = model.terms.gaps.clone();
        open.forget(model.now, model.terms.policy().waiting_ttl);
        let losses = self.losses(queue, model).await;
        let expected = (open, model.terms.last_arrival.micros());
        assert_same(number, case, &losses, &expected);

        let mut range: Cmd = cmd("ZRANGE");
        range.arg(self.key(queue.concert, "waiting")).arg(0).arg(-1);
        let line: Vec<Vec<u8>> = self.raw.send(&range).await;
        let waits = |number: &&usize| matches!(case.places[**number], CasePlace::Waiting { .. });
        let expected: Vec<_> = model
            .places
            .iter()
            .filter(waits)
            .map(|n| member(*n))
            .collect();
        // A user who joined in this call is none of the case's places.
        let of_case: Vec<_> = (0..case.places.len()).map(member).collect();
        let ours = line.into_iter().filter(|user| of_case.contains(user));
        let mut waiting: Vec<_> = ours.collect();
        if let Call::Join(user_number, _) = case.call {
            waiting
                .retain(|user| model.places.contains(&user_number) || *user != member(user_number));
        }
        assert_same(number, case, &waiting, &expected);

        let mut range: Cmd = cmd("ZRANGE");
        range
            .arg(self.key(queue.concert, "returned"))
            .arg(0)
            .arg(-1);
        let returned: Vec<Vec<u8>> = self.raw.send(&range).await;
        let returned = returned.into_iter().filter(|user| of_case.contains(user));
        let returned: Vec<_> = returned.collect();
        let expected: Vec<_> = model.returned.iter().map(|&user| member(user)).collect();
        assert_same(number, case, &returned, &expected);
    }
}

fn assert_same<T: PartialEq + Debug + ?Sized>(number: u64, case: &Case, actual: &T, expected: &T) {
    assert!(
        actual == expected,
        "case {number}: {case:?}\n  expected {expected:?}\n  but got  {actual:?}"
    );
}
