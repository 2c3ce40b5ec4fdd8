//! Acknowledged writes survive a restart.

use frontrow_domain::{
    model::{
        Applied, HoldRefusal, ReservationState,
        queue::{Generation, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{PayOutcome, PutOutcome, ReserveOutcome},
};

use super::{
    DatabaseFixture, HOLD, TestSale,
    calls::newly_paid,
    label, operator,
    test_sale::{far, long_ago},
};

/// The catalogue and the policies are as they were.
pub async fn a_restart_keeps_the_catalogue<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let policy = VersionedPolicy {
        policy: QueuePolicy {
            opens_at: Some(far()),
            ..QueuePolicy::default()
        },
        version: PolicyVersion(2),
    };
    let put = sale
        .ports
        .policies
        .put(sale.concert, PolicyVersion(1), &policy, &operator())
        .await;
    assert_eq!(put.expect("put policy"), PutOutcome::Put);
    let generation = Generation(7);
    let reserving = &sale.ports.policies;
    let reserved = reserving.reserve_generation(sale.concert, generation).await;
    let expected = ReserveOutcome::Reserved(generation);
    assert_eq!(reserved.expect("reserve a generation"), expected);
    let seeded = sale.ports.policies.mark_seeded(sale.concert).await;
    seeded.expect("mark seeded");
    let catalogue = sale.ports.concerts.catalogue(long_ago()).await;
    let listed = catalogue.expect("catalogue").concerts;
    let seats = sale.ports.concerts.seat_map(sale.performance).await;
    sale.reopen().await;
    let concerts = &sale.ports.concerts;
    let catalogue = concerts.catalogue(long_ago()).await;
    assert_eq!(catalogue.expect("catalogue").concerts, listed);
    assert_eq!(concerts.seat_map(sale.performance).await, seats);
    let master = sale.ports.policies.find(sale.concert).await;
    let master = master.expect("find policy").expect("the policy");
    assert_eq!(master.policy, policy);
    assert_eq!((master.seeded, master.reserved), (true, Some(generation)));
}

/// Holds, payments, balances and keys are as they were.
pub async fn a_restart_keeps_reservations_points_and_keys<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let bought = sale.held("ann", &["A-1"]).await;
    let paid = newly_paid(sale.pay_under(&bought, "key").await);
    let held = sale.held("ben", &["A-2"]).await;
    let released = sale.held("cat", &["A-3"]).await;
    sale.release("cat", released.id).await;

    sale.reopen().await;
    assert_eq!(sale.found(&bought).await, paid.reservation);
    assert_eq!(sale.found(&held).await, held);
    assert_eq!(sale.state(&released).await, ReservationState::Cancelled);
    assert_eq!(sale.balance("ann").await, 900);
    assert_eq!(sale.seats_left().await, 22);
    let refused = sale.refusal("dan", &["A-1", "A-2", "A-3"]).await;
    let taken = vec![label("A-1"), label("A-2")];
    assert_eq!(refused, HoldRefusal::SeatsTaken(taken));
    let replayed = Applied {
        effect: paid,
        replayed: true,
    };
    let again = sale.pay_under(&bought, "key").await;
    assert_eq!(again, PayOutcome::Paid(replayed));
}

/// A hold whose deadline passes while the service is down has expired when it is back.
pub async fn a_hold_expires_while_the_service_is_down<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.reopen().await;
    sale.pass(HOLD).await;
    sale.reopen().await;
    assert_eq!(sale.state(&held).await, ReservationState::Expired);
    assert_eq!(sale.sweep(10).await, 1);
    sale.held("ben", &["A-1"]).await;
}
