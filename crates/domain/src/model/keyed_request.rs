//! The idempotency key of a request, and how keys of the first edition are interpreted.

use jiff::Timestamp;

use super::{
    Amount, ConcertId, ConcertTitle, IdempotencyKey, Operation, RequestDigest, ReservationId,
    SeatPlan, Sender, UserId, Venue, queue::QueuePolicy,
};

/// The key of a request, its sender, and a digest of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The sender of the request.
    pub sender: Sender,
    /// The client's key.
    pub key: IdempotencyKey,
    /// The operation of the request.
    pub operation: Operation,
    /// The digest of the request.
    pub digest: RequestDigest,
    /// The key as the first edition would have stored it. None for requests that took no key then.
    pub former: Option<FormerKey>,
}

/// A key as the first edition stored it: under the account that it changed, without its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKey {
    /// The user whose points were charged or spent.
    pub account: UserId,
    /// The digest of the request, as the first edition made it.
    pub digest: RequestDigest,
}

/// The record that the first edition stored under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerRecord {
    /// The digest of the request.
    pub digest: RequestDigest,
    /// The charged amount. None for a payment.
    pub charged: Option<Amount>,
}

impl Keyed {
    /// `user` charges their own points.
    #[must_use]
    pub fn charge(user: &UserId, amount: Amount, key: IdempotencyKey) -> Self {
        let minor_units = amount.minor_units().to_be_bytes();
        let digest = RequestDigest::of_one(Operation::Charge, &minor_units);
        Self::of_user(user, Operation::Charge, digest, key)
    }

    /// `user` pays for `reservation`.
    #[must_use]
    pub fn payment(user: &UserId, reservation: ReservationId, key: IdempotencyKey) -> Self {
        let digest = RequestDigest::of_one(Operation::Payment, reservation.0.as_bytes());
        Self::of_user(user, Operation::Payment, digest, key)
    }

    /// The operator called `operator` charges the points of `user`.
    #[must_use]
    pub fn operator_charge(
        operator: &str,
        user: &UserId,
        amount: Amount,
        key: IdempotencyKey,
    ) -> Self {
        let minor_units = amount.minor_units().to_be_bytes();
        let parts = [user.as_str().as_bytes(), &minor_units];
        Self {
            former: Some(FormerKey {
                account: user.clone(),
                digest: RequestDigest::former_operator_charge(amount),
            }),
            ..Self::of_operator(operator, Operation::OperatorCharge, parts, key)
        }
    }

    /// The operator called `operator` creates a concert.
    #[must_use]
    pub fn create_concert(
        operator: &str,
        title: &ConcertTitle,
        policy: &QueuePolicy,
        key: IdempotencyKey,
    ) -> Self {
        let policy = policy_parts(policy);
        let parts = [title.as_str()]
            .into_iter()
            .chain(policy.iter().map(String::as_str));
        let parts = parts.map(str::as_bytes);
        Self::of_operator(operator, Operation::CreateConcert, parts, key)
    }

    /// The operator called `operator` creates a performance of `concert`.
    #[must_use]
    pub fn create_performance(
        operator: &str,
        concert: ConcertId,
        starts_at: Timestamp,
        venue: &Venue,
        seats: &SeatPlan,
        key: IdempotencyKey,
    ) -> Self {
        let starts_at_us = starts_at.as_microsecond().to_be_bytes();
        let fixed = [
            concert.0.as_bytes().as_slice(),
            &starts_at_us,
            venue.as_str().as_bytes(),
        ];
        let prices: Vec<_> = seats
            .seats()
            .iter()
            .map(|seat| seat.price.minor_units().to_be_bytes())
            .collect();
        let seats = seats.seats().iter().zip(&prices).flat_map(|(seat, price)| {
            [
                seat.label.as_str().as_bytes(),
                seat.section.as_bytes(),
                price.as_slice(),
            ]
        });
        let parts = fixed.into_iter().chain(seats);
        Self::of_operator(operator, Operation::CreatePerformance, parts, key)
    }

    fn of_user(
        user: &UserId,
        operation: Operation,
        digest: RequestDigest,
        key: IdempotencyKey,
    ) -> Self {
        Self {
            sender: Sender::User(user.clone()),
            key,
            operation,
            digest,
            former: Some(FormerKey {
                account: user.clone(),
                digest,
            }),
        }
    }

    fn of_operator<'a>(
        operator: &str,
        operation: Operation,
        parts: impl IntoIterator<Item = &'a [u8]>,
        key: IdempotencyKey,
    ) -> Self {
        Self {
            sender: Sender::Operator(operator.to_owned()),
            key,
            operation,
            digest: RequestDigest::of(operation, parts),
            former: None,
        }
    }

    /// Returns true if the request with this digest, which the store has under the key, was this
    /// very request.
    #[must_use]
    pub fn repeats(&self, stored: RequestDigest) -> bool {
        stored == self.digest
    }

    /// Returns what the key means if the first edition's record of the account has it.
    ///
    /// A record of an operator's charge counts for every operator, because it does not name the
    /// operator. All others count for their account only.
    #[must_use]
    pub fn former_meaning(&self, stored: FormerRecord) -> KeyMeaning {
        let of_operators = stored
            .charged
            .is_some_and(|amount| stored.digest == RequestDigest::former_operator_charge(amount));
        let by_operator = matches!(self.sender, Sender::Operator(_));
        match &self.former {
            Some(former) if of_operators == by_operator => {
                if former.digest == stored.digest {
                    KeyMeaning::Repeated
                } else {
                    KeyMeaning::OtherRequest
                }
            }
            _ => KeyMeaning::New,
        }
    }
}

/// The fields in which `policy` differs from the default, so that a field that is added later
/// changes no existing digest.
fn policy_parts(policy: &QueuePolicy) -> Vec<String> {
    let usual = QueuePolicy::default();
    let mut parts = Vec::new();
    let mut add = |differs: bool, part: String| {
        if differs {
            parts.push(part);
        }
    };
    add(
        policy.state != usual.state,
        format!("state {}", policy.state.as_str()),
    );
    let opens_at_us = policy.opens_at.map(Timestamp::as_microsecond);
    add(
        policy.opens_at != usual.opens_at,
        format!("opens_at {opens_at_us:?}"),
    );
    let throughput = policy
        .throughput
        .map(|throughput| (throughput.admit, throughput.interval.as_micros()));
    add(
        policy.throughput != usual.throughput,
        format!("throughput {throughput:?}"),
    );
    let max_active = policy.capacity.map(|capacity| capacity.max_active);
    add(
        policy.capacity != usual.capacity,
        format!("max_active {max_active:?}"),
    );
    let lives = [
        ("waiting_ttl", policy.waiting_ttl, usual.waiting_ttl),
        ("claim_ttl", policy.claim_ttl, usual.claim_ttl),
        ("active_ttl", policy.active_ttl, usual.active_ttl),
    ];
    for (name, ttl, usual) in lives {
        add(ttl != usual, format!("{name} {}", ttl.as_micros()));
    }
    add(
        policy.max_waiting != usual.max_waiting,
        format!("max_waiting {:?}", policy.max_waiting),
    );
    let absent_after = policy.absent_after.map(|after| after.as_micros());
    add(
        policy.absent_after != usual.absent_after,
        format!("absent_after {absent_after:?}"),
    );
    parts
}

/// The meaning of a key of the first edition for the request that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMeaning {
    /// The key is new for its sender: the request takes effect.
    New,
    /// The request took effect before.
    Repeated,
    /// The key stands for another request.
    OtherRequest,
}

#[cfg(test)]
mod tests {
    use KeyMeaning::{New, OtherRequest, Repeated};
    use uuid::Uuid;

    use super::*;
    use crate::model::{Row, Section};

    fn key() -> IdempotencyKey {
        IdempotencyKey::try_from("key").unwrap()
    }

    fn amount(minor_units: i64) -> Amount {
        Amount::try_from(minor_units).unwrap()
    }

    fn ann() -> UserId {
        UserId::try_from("ann").unwrap()
    }

    fn ben() -> UserId {
        UserId::try_from("ben").unwrap()
    }

    fn own(minor_units: i64) -> Keyed {
        Keyed::charge(&ann(), amount(minor_units), key())
    }

    fn by_operator(operator: &str, user: &UserId, minor_units: i64) -> Keyed {
        Keyed::operator_charge(operator, user, amount(minor_units), key())
    }

    /// Returns the record that the first edition stored of a request, with the amount if it was a
    /// charge.
    fn former(keyed: &Keyed, charged: Option<i64>) -> FormerRecord {
        FormerRecord {
            digest: keyed.former.as_ref().unwrap().digest,
            charged: charged.map(amount),
        }
    }

    #[test]
    fn a_key_of_the_first_edition_belongs_to_its_user_or_to_every_operator() {
        let reservation = ReservationId(Uuid::from_u128(1));
        let pay = Keyed::payment(&ann(), reservation, key());
        let pay_another = Keyed::payment(&ann(), ReservationId(Uuid::from_u128(2)), key());
        let ops = by_operator("ops", &ann(), 5);
        let web = by_operator("web", &ann(), 5);
        let web_other_amount = by_operator("web", &ann(), 6);
        for (stored, request, expected) in [
            (former(&own(5), Some(5)), &own(5), Repeated),
            (former(&own(5), Some(5)), &own(6), OtherRequest),
            (former(&own(5), Some(5)), &pay, OtherRequest),
            (former(&own(5), Some(5)), &ops, New),
            (former(&pay, None), &pay, Repeated),
            (former(&pay, None), &pay_another, OtherRequest),
            (former(&pay, None), &own(5), OtherRequest),
            (former(&pay, None), &ops, New),
            (former(&ops, Some(5)), &ops, Repeated),
            (former(&ops, Some(5)), &web, Repeated),
            (former(&ops, Some(5)), &web_other_amount, OtherRequest),
            (former(&ops, Some(5)), &own(5), New),
            (former(&ops, Some(5)), &pay, New),
        ] {
            assert_eq!(
                request.former_meaning(stored),
                expected,
                "{stored:?} {request:?}"
            );
        }
    }

    #[test]
    fn a_digest_of_a_charge_covers_its_user_and_its_amount() {
        let ops = by_operator("ops", &ann(), 5);
        assert!(ops.repeats(ops.digest));
        for other in [by_operator("ops", &ben(), 5), by_operator("ops", &ann(), 6)] {
            assert!(!ops.repeats(other.digest));
        }
        assert_ne!(own(5).digest, ops.digest);
    }

    #[test]
    fn a_digest_of_a_performance_covers_its_fields_and_all_its_seats() {
        let plan = |section: &str, row: &str, price| {
            let section = Section {
                name: section.into(),
                price: amount(price),
                rows: vec![Row {
                    name: row.into(),
                    seats: 2,
                }],
            };
            SeatPlan::new(&[section]).unwrap()
        };
        let keyed = |concert, starts_at_s, venue: &str, seats: &SeatPlan| {
            let concert = ConcertId(Uuid::from_u128(concert));
            let starts_at = Timestamp::from_second(starts_at_s).unwrap();
            let venue = Venue::try_from(venue).unwrap();
            Keyed::create_performance("ops", concert, starts_at, &venue, seats, key())
        };
        let first = keyed(1, 1, "Hall", &plan("Stalls", "A", 5));
        assert_eq!(first, keyed(1, 1, "Hall", &plan("Stalls", "A", 5)));
        for other in [
            keyed(2, 1, "Hall", &plan("Stalls", "A", 5)),
            keyed(1, 2, "Hall", &plan("Stalls", "A", 5)),
            keyed(1, 1, "Barn", &plan("Stalls", "A", 5)),
            keyed(1, 1, "Hall", &plan("Ring", "A", 5)),
            keyed(1, 1, "Hall", &plan("Stalls", "B", 5)),
            keyed(1, 1, "Hall", &plan("Stalls", "A", 6)),
        ] {
            assert!(!first.repeats(other.digest));
        }
    }

    #[test]
    fn a_concerts_digest_covers_its_title_and_its_policy() {
        let keyed = |title: &str, policy: &QueuePolicy| {
            let title = ConcertTitle::try_from(title).unwrap();
            Keyed::create_concert("ops", &title, policy, key()).digest
        };
        let policy = QueuePolicy::default();
        let other = QueuePolicy {
            max_waiting: Some(7),
            ..policy.clone()
        };
        assert_eq!(keyed("One", &policy), keyed("One", &policy));
        assert_ne!(keyed("One", &policy), keyed("Two", &policy));
        assert_ne!(keyed("One", &policy), keyed("One", &other));
    }
}
