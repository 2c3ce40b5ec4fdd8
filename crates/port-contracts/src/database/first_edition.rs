//! A database that was filled by a program of the first edition and migrated by the adapter: its
//! rows are still valid.
//!
//! The adapter builds the database, because today's ports cannot write such rows. Its rows are
//! those that [`CONCERT`] and the other items here describe.

use std::sync::atomic::{AtomicU64, Ordering};

use frontrow_domain::{
    model::{
        ConcertId, IdempotencyKey, Keyed, LedgerEntryId, NewPerformance, PerformanceEdit,
        PerformanceId, PerformanceUse, RequestDigest, Sender, queue::Generation,
    },
    ports::{
        Charge, ChargeOutcome, CreatePerformanceOutcome, DeletePerformanceOutcome, EditOutcome,
        Operator, ReserveOutcome,
    },
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    amount,
    test_sale::{far, operator, plan_of, user, venue},
};
use crate::DatabasePorts;

/// The one concert. Its queue was seeded.
pub const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0x10));
/// A performance at [`starts_at`] in the venue `Hall`, with the seat `A-1` in `Stalls` for 100.
pub const FIRST: PerformanceId = PerformanceId(Uuid::from_u128(0x11));
/// A duplicate of [`FIRST`].
pub const SECOND: PerformanceId = PerformanceId(Uuid::from_u128(0x12));
/// The same in the venue `Barn`.
pub const ELSEWHERE: PerformanceId = PerformanceId(Uuid::from_u128(0x13));
/// The ledger entry of an operator's charge of 7 to the account of `ann`, under the key `theirs`.
/// It is the later of the two entries.
pub const THEIR_ENTRY: LedgerEntryId = LedgerEntryId(Uuid::from_u128(1));
/// The ledger entry of a charge of 100 by `ann` herself, under the key `own`.
pub const OWN_ENTRY: LedgerEntryId = LedgerEntryId(Uuid::from_u128(2));

/// Returns the start of every performance.
#[must_use]
pub fn starts_at() -> Timestamp {
    far()
}

/// Returns the digest under the key `own`.
///
/// # Panics
/// Panics if the domain no longer knows how the first edition made it.
#[must_use]
pub fn own_digest() -> RequestDigest {
    own(100, "own").former.expect("a former key").digest
}

/// Returns the digest under the key `theirs`.
///
/// # Panics
/// Panics if the domain no longer knows how the first edition made it.
#[must_use]
pub fn their_digest() -> RequestDigest {
    by("ops", 7, "theirs").former.expect("a former key").digest
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text).expect("a key")
}

fn own(points: i64, text: &str) -> Keyed {
    Keyed::charge(&user("ann"), amount(points), key(text))
}

fn by(name: &str, points: i64, text: &str) -> Keyed {
    Keyed::operator_charge(name, &user("ann"), amount(points), key(text))
}

/// Returns an id that is not in use.
fn fresh_id() -> Uuid {
    static NEXT_ID: AtomicU64 = AtomicU64::new(0x100);
    Uuid::from_u128(NEXT_ID.fetch_add(1, Ordering::Relaxed).into())
}

/// Charges `points`. The outcome says whether it is that of an earlier charge.
async fn charge(ports: &DatabasePorts, points: i64, keyed: Keyed) -> ChargeOutcome {
    let by = match &keyed.sender {
        Sender::User(_) => None,
        Sender::Operator(name) => Some(Operator {
            name: name.clone(),
            ..operator()
        }),
    };
    let account = keyed.former.as_ref().expect("a former key").account.clone();
    let charge = Charge {
        entry: LedgerEntryId(fresh_id()),
        user: account,
        amount: amount(points),
        keyed,
        operator: by,
    };
    ports.points.charge(&charge).await.expect("an outcome")
}

fn is_replayed(outcome: &ChargeOutcome, replayed: bool) -> bool {
    matches!(outcome, ChargeOutcome::Charged(done) if done.replayed == replayed)
}

/// The queue counts as seeded, so a store without it has lost it.
pub async fn its_queue_counts_as_seeded(ports: &DatabasePorts) {
    let master = ports.policies.find(CONCERT).await.expect("find policy");
    let master = master.expect("the policy");
    assert_eq!((master.seeded, master.reserved), (true, None));
    let reserved = ports.policies.reserve_generation(CONCERT, Generation(7));
    let reserved = reserved.await.expect("an outcome");
    assert_eq!(reserved, ReserveOutcome::SeededBefore);
}

/// Keys of users are valid for their user. Keys of operators are valid for every operator, because
/// operators had no names then.
pub async fn its_keys_are_honoured(ports: &DatabasePorts) {
    // Operators could use one key for several accounts, so its use for another account hides no
    // charge.
    let bens = Keyed::operator_charge("ops", &user("ben"), amount(7), key("theirs"));
    let outcome = charge(ports, 7, bens).await;
    assert!(is_replayed(&outcome, false), "{outcome:?}");
    for (points, keyed) in [
        (100, own(100, "own")),
        (7, by("ops", 7, "theirs")),
        (7, by("web", 7, "theirs")),
    ] {
        let outcome = charge(ports, points, keyed).await;
        assert!(is_replayed(&outcome, true), "{outcome:?}");
    }
    for (points, keyed) in [(101, own(101, "own")), (8, by("ops", 8, "theirs"))] {
        let outcome = charge(ports, points, keyed).await;
        assert_eq!(outcome, ChargeOutcome::KeyReused);
    }
    // A key of an operator is new for a user, and the other way round.
    for (points, keyed) in [(1, own(1, "theirs")), (2, by("ops", 2, "own"))] {
        for replayed in [false, true] {
            let outcome = charge(ports, points, keyed.clone()).await;
            assert!(is_replayed(&outcome, replayed), "{outcome:?}");
        }
    }
    let balance = ports.points.balance(&user("ann")).await.expect("a balance");
    assert_eq!(balance.0, amount(110));
}

/// New entries of a ledger have numbers from 1. Entries from before have none.
pub async fn its_ledger_goes_on_in_order(ports: &DatabasePorts) {
    charge(ports, 5, own(5, "new")).await;
    let accounts = ports.books.accounts(None, 10).await.expect("accounts");
    let numbers: Vec<_> = accounts[0].entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [None, None, Some(1)]);
    assert_eq!(accounts[0].differences(), []);
}

/// Existing duplicates stay, and no more are created or moved there.
pub async fn its_duplicates_stay_and_no_more_come(ports: &DatabasePorts) {
    let (editor, operator) = (&ports.editor, operator());
    let listed = async || {
        let duplicates = editor.duplicate_performances().await.expect("duplicates");
        let listed = duplicates.iter().map(|one| (one.id, one.concert, one.used));
        listed.collect::<Vec<_>>()
    };
    let none = PerformanceUse::default();
    let expected = [(FIRST, CONCERT, none), (SECOND, CONCERT, none)];
    assert_eq!(listed().await, expected);

    for (seats, expected) in [
        (1, CreatePerformanceOutcome::Exists(FIRST)),
        (2, CreatePerformanceOutcome::SlotTaken(FIRST)),
    ] {
        let new = NewPerformance {
            id: PerformanceId(fresh_id()),
            concert: CONCERT,
            starts_at: starts_at(),
            venue: venue("Hall"),
            seats: plan_of(&[("Stalls", "A", seats, 100)]),
        };
        let created = editor.create_performance(&new, &operator, None);
        assert_eq!(created.await.expect("an outcome"), expected);
    }
    let move_to = async |id, name| {
        let edit = PerformanceEdit {
            venue: Some(venue(name)),
            ..PerformanceEdit::default()
        };
        let edited = editor.edit_performance(CONCERT, id, &edit, &operator);
        edited.await.expect("an outcome")
    };
    let taken = EditOutcome::SlotTaken;
    assert_eq!(move_to(ELSEWHERE, "Hall").await, taken(FIRST));
    // A duplicate may be edited in its slot. Once the first is gone, the second has the slot alone.
    assert_eq!(move_to(SECOND, "Hall").await, EditOutcome::Done);
    let deleted = editor.delete_performance(CONCERT, FIRST, &operator);
    let deleted = deleted.await.expect("an outcome");
    assert_eq!(deleted, DeletePerformanceOutcome::Deleted);
    assert_eq!(move_to(ELSEWHERE, "Hall").await, taken(SECOND));
    assert_eq!(move_to(SECOND, "Tent").await, EditOutcome::Done);
    assert_eq!(move_to(ELSEWHERE, "Tent").await, taken(SECOND));
    assert_eq!(move_to(ELSEWHERE, "Hall").await, EditOutcome::Done);
    assert_eq!(listed().await, []);
}
