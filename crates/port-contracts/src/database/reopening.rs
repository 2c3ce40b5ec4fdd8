//! Acknowledged writes survive a restart.

use frontrow_domain::{
    model::{
        Applied, HoldRefusal, ReservationState,
        queue::{Generation, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{PayOutcome, PutOutcome, ReserveOutcome},
};

use super::{
    BoxOffice, DatabaseFixture, HOLD,
    asking::newly_paid,
    box_office::{far, long_ago},
    label, operator,
};

/// The catalogue and the policies are as they were.
pub async fn a_restart_keeps_the_catalogue<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let policy = VersionedPolicy {
        policy: QueuePolicy {
            opens_at: Some(far()),
            ..QueuePolicy::default()
        },
        version: PolicyVersion(2),
    };
    let put = office
        .ports
        .policies
        .put(office.concert, PolicyVersion(1), &policy, &operator())
        .await;
    assert_eq!(put.expect("put policy"), PutOutcome::Put);
    let generation = Generation(7);
    let reserving = &office.ports.policies;
    let reserved = reserving
        .reserve_generation(office.concert, generation)
        .await;
    let expected = ReserveOutcome::Reserved(generation);
    assert_eq!(reserved.expect("reserve a generation"), expected);
    let seeded = office.ports.policies.mark_seeded(office.concert).await;
    seeded.expect("mark seeded");
    let catalogue = office.ports.concerts.catalogue(long_ago()).await;
    let listed = catalogue.expect("catalogue").concerts;
    let seats = office.ports.concerts.seat_map(office.performance).await;
    office.reopen().await;
    let concerts = &office.ports.concerts;
    let catalogue = concerts.catalogue(long_ago()).await;
    assert_eq!(catalogue.expect("catalogue").concerts, listed);
    assert_eq!(concerts.seat_map(office.performance).await, seats);
    let master = office.ports.policies.find(office.concert).await;
    let master = master.expect("find policy").expect("the policy");
    assert_eq!(master.policy, policy);
    assert_eq!((master.seeded, master.reserved), (true, Some(generation)));
}

/// Holds, payments, balances and keys are as they were.
pub async fn a_restart_keeps_reservations_points_and_keys<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let bought = office.held("ann", &["A-1"]).await;
    let paid = newly_paid(office.pay_under(&bought, "key").await);
    let held = office.held("ben", &["A-2"]).await;
    let released = office.held("cat", &["A-3"]).await;
    office.release("cat", released.id).await;

    office.reopen().await;
    assert_eq!(office.found(&bought).await, paid.reservation);
    assert_eq!(office.found(&held).await, held);
    assert_eq!(office.state(&released).await, ReservationState::Cancelled);
    assert_eq!(office.balance("ann").await, 900);
    assert_eq!(office.seats_left().await, 22);
    let refused = office.refusal("dan", &["A-1", "A-2", "A-3"]).await;
    let taken = vec![label("A-1"), label("A-2")];
    assert_eq!(refused, HoldRefusal::SeatsTaken(taken));
    let replayed = Applied {
        effect: paid,
        replayed: true,
    };
    let again = office.pay_under(&bought, "key").await;
    assert_eq!(again, PayOutcome::Paid(replayed));
}

/// A hold whose deadline passes while the service is down has expired when it is back.
pub async fn a_hold_runs_out_while_the_service_is_down<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    office.reopen().await;
    office.pass(HOLD).await;
    office.reopen().await;
    assert_eq!(office.state(&held).await, ReservationState::Expired);
    assert_eq!(office.sweep(10).await, 1);
    office.held("ben", &["A-1"]).await;
}
