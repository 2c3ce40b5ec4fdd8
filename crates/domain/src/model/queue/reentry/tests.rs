use uuid::Uuid;

use super::*;
use crate::model::{
    ConcertId, UserId,
    queue::{EffectiveState, Gaps, Generation, PolicyVersion, QueuePolicy, VersionedPolicy},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn terms(recovery: Option<u64>) -> QueueTerms {
    let policy = VersionedPolicy {
        policy: QueuePolicy::default(),
        version: PolicyVersion(1),
    };
    let recovery = recovery.map(Duration::from_secs).map(Recovery::lasting);
    QueueTerms::new(policy, Generation(7), recovery, named("a").as_ref(), at(0))
}

fn named(name: &str) -> Option<ServerId> {
    ServerId::named(name)
}

fn arrival(second: i64) -> Arrival {
    Arrival::from_micros(second * 1_000_000)
}

fn ticket(generation: u64) -> Ticket {
    ticket_of(generation, -1)
}

fn ticket_of(generation: u64, second: i64) -> Ticket {
    Ticket {
        concert: ConcertId(Uuid::nil()),
        user: UserId::try_from("alice").unwrap(),
        arrival: arrival(second),
        generation: Generation(generation),
    }
}

/// Each row: seconds after a loss with a recovery of 60 s and a waiting TTL of 300 s, the state,
/// and whether users re-enter.
#[test]
fn a_lost_queue_recovers_then_accepts_late_users() {
    let lost = terms(Some(60));
    for (second, state, accepts) in [
        (0, EffectiveState::Recovering, true),
        (59, EffectiveState::Recovering, true),
        (60, EffectiveState::Open, true),
        (359, EffectiveState::Open, true),
        (360, EffectiveState::Open, false),
    ] {
        assert_eq!(lost.state(at(second)), state, "{second}");
        assert_eq!(lost.accepts_reentry(at(second)), accepts, "{second}");
        assert_eq!(
            lost.reenters(&ticket(6), None, at(second)),
            accepts,
            "{second}"
        );
        assert!(!lost.reenters(&ticket(7), None, at(second)), "{second}");
    }
}

#[test]
fn users_who_were_served_before_the_loss_do_not_re_enter() {
    let mut lost = terms(Some(60));
    let period = lost.reentry.as_mut().unwrap();
    period.served_up_to = Some(arrival(-50));
    lost.find_losses(named("b").as_ref(), at(0));
    for (generation, second, reenters) in [
        (6, -51, false),
        (6, -50, false),
        (6, -49, true),
        // An arrival of a gap of this generation, which begins later.
        (7, 1, true),
    ] {
        let ticket = ticket_of(generation, second);
        let found = lost.reenters(&ticket, None, at(1));
        assert_eq!(found, reenters, "{generation} {second}");
    }
}

#[test]
fn users_are_served_up_to_the_first_user_who_may_still_wait() {
    let mut terms = terms(None);
    let served = |terms: &QueueTerms, admitted: Option<i64>, waits: Option<i64>, second| {
        let found = terms.served_up_to(admitted.map(arrival), waits.map(arrival), at(second));
        found.map(Arrival::micros)
    };
    for (admitted, waits, expected) in [
        (None, None, None),
        (None, Some(5), None),
        (Some(4), None, Some(4_000_000)),
        (Some(4), Some(5), Some(4_000_000)),
        // The waiting user stands aside or has re-entered.
        (Some(4), Some(2), Some(1_999_999)),
    ] {
        assert_eq!(
            served(&terms, admitted, waits, 6),
            expected,
            "{admitted:?} {waits:?}"
        );
    }
    terms.next_arrival(at(50));
    terms.tick(at(60));
    terms.tick(at(125));
    assert_eq!(
        served(&terms, Some(126), None, 126),
        Some(126_000_000),
        "a silence"
    );
    terms.find_losses(named("b").as_ref(), at(127));
    assert_eq!(
        served(&terms, Some(140), None, 140),
        Some(50_000_000),
        "a gap"
    );
    assert_eq!(
        served(&terms, Some(440), None, 440),
        Some(440_000_000),
        "it is over"
    );
}

#[test]
fn while_users_re_enter_no_later_user_counts_as_served() {
    let mut lost = terms(Some(60));
    let up_to = |lost: &QueueTerms, second| {
        let found = lost.served_up_to(Some(arrival(90)), None, at(second));
        found.map(Arrival::micros)
    };
    assert_eq!(up_to(&lost, 359), Some(0));
    lost.reentry.as_mut().unwrap().served_up_to = Some(arrival(-50));
    assert_eq!(up_to(&lost, 359), Some(-50_000_000));
    assert_eq!(up_to(&lost, 360), Some(90_000_000));
}

#[test]
fn a_reentry_period_that_is_over_stays_over_when_the_clock_steps_back() {
    let mut lost = terms(Some(60));
    lost.tick(at(360));
    assert!(!lost.accepts_reentry(at(10)));
}

#[test]
fn another_server_opens_a_gap_before_anything_else() {
    let mut terms = terms(None);
    terms.next_arrival(at(50));
    terms.find_losses(named("a").as_ref(), at(60));
    terms.find_losses(None, at(60));
    assert!(!terms.reenters(&ticket_of(7, 50), None, at(60)));
    assert!(!terms.accepts_reentry(at(60)));
    terms.find_losses(named("b").as_ref(), at(60));
    assert!(
        !terms.reenters(&ticket_of(7, 50), None, at(60)),
        "it was known"
    );
    assert!(terms.reenters(&ticket_of(7, 51), None, at(60)));
    assert!(terms.reenters(&ticket_of(7, 65), None, at(60)));
    assert!(
        !terms.reenters(&ticket_of(6, 51), None, at(60)),
        "of another generation"
    );
    assert_eq!(terms.reentry_until(at(60)), Some(at(360)));
    let next = terms.next_arrival(at(61));
    assert_eq!(next.micros(), 65_000_001);
    assert!(terms.reenters(&ticket_of(7, 51), None, at(359)));
    terms.tick(at(360));
    assert!(!terms.reenters(&ticket_of(7, 51), None, at(359)));
}

#[test]
fn a_ticket_after_the_last_arrival_proves_a_loss() {
    let mut terms = terms(None);
    terms.next_arrival(at(50));
    let lost = ticket_of(7, 70);
    assert!(terms.reenters(&lost, None, at(60)));
    terms.reenter(&lost, at(60));
    assert_eq!(terms.last_arrival, arrival(75));
    assert!(terms.reenters(&ticket_of(7, 51), None, at(60)));
    assert_eq!(terms.reentry_until(at(60)), Some(at(360)));
}

#[test]
fn a_silence_opens_a_gap_that_only_a_lost_ticket_confirms() {
    let mut terms = terms(None);
    terms.next_arrival(at(50));
    terms.tick(at(60));
    assert!(!terms.may_have_lost_writes(None, at(120)));
    assert!(terms.may_have_lost_writes(None, at(121)));
    terms.find_losses(None, at(121));
    assert_eq!(terms.next_arrival(at(121)), arrival(121));
    // The silence is found once, even without a tick.
    assert!(!terms.may_have_lost_writes(None, at(130)));
    terms.find_losses(None, at(130));
    assert_eq!(terms.gaps.as_slice().len(), 1);
    terms.tick(at(131));
    assert!(!terms.accepts_reentry(at(131)));
    let lost = ticket_of(7, 100);
    assert!(terms.reenters(&lost, None, at(200)));
    terms.reenter(&lost, at(200));
    assert!(terms.accepts_reentry(at(200)));
    assert_eq!(terms.last_arrival, arrival(121));
}

#[test]
fn ticks_in_time_open_no_gap() {
    let mut terms = terms(None);
    terms.next_arrival(at(1));
    for second in [60, 120, 180] {
        terms.find_losses(None, at(second));
        terms.tick(at(second));
    }
    assert_eq!(terms.gaps, Gaps::default());
}

#[test]
fn a_place_that_ended_does_not_re_enter_but_a_later_one_does() {
    let mut lost = terms(Some(60));
    lost.next_arrival(at(50));
    lost.find_losses(named("b").as_ref(), at(60));
    for (generation, ended, reenters) in [
        (6, None, true),
        (6, Some(1), false),
        (7, None, true),
        (7, Some(54), true),
        (7, Some(55), false),
        (7, Some(90), false),
    ] {
        let ticket = ticket_of(generation, 55);
        let found = lost.reenters(&ticket, ended.map(arrival), at(60));
        assert_eq!(found, reenters, "{generation} {ended:?}");
    }
}

#[test]
fn an_arrival_that_is_given_out_leaves_its_gap() {
    let mut terms = terms(None);
    terms.next_arrival(at(1));
    terms.find_losses(None, at(100));
    terms.tick(at(100));
    // The clock steps back behind the silence.
    let given = terms.next_arrival(at(50));
    assert_eq!(given, arrival(50));
    assert!(!terms.reenters(&ticket_of(7, 50), None, at(51)));
    assert!(terms.reenters(&ticket_of(7, 99), None, at(51)));
}

#[test]
fn a_gap_that_is_over_stays_over_when_the_next_one_opens() {
    let mut terms = terms(None);
    terms.next_arrival(at(1));
    terms.find_losses(named("b").as_ref(), at(10));
    terms.find_losses(named("c").as_ref(), at(310));
    assert!(!terms.reenters(&ticket_of(7, 11), None, at(310)));
    assert!(terms.reenters(&ticket_of(7, 16), None, at(310)));
}
