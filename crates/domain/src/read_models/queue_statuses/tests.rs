use super::*;
use crate::{
    model::queue::{AdmissionWindow, PolicyState, PolicyVersion, SaleState, Throughput},
    test_support::*,
};

#[test]
fn a_waiting_user_gets_an_estimate_and_a_pause_until_the_next_poll() {
    let report = statuses().report("token".into(), stamped(waiting(500)));
    assert_eq!(report.estimated_wait, Some(Duration::from_secs(3)));
    assert!(report.poll_after.is_some());
}

#[test]
fn the_wait_includes_the_time_until_the_queue_opens() {
    let mut place = waiting(500);
    place.queue.opens_at = Some(at(160));
    let report = statuses().report("token".into(), stamped(place));
    assert_eq!(report.estimated_wait, Some(Duration::from_secs(63)));
}

#[test]
fn time_before_the_opening_makes_no_wait_longer() {
    let statuses = statuses();
    for second in 31..=100 {
        // Two places a second end, and the capacity allows no more.
        let admitted = u64::try_from(second - 90).unwrap_or(0) * 2;
        let tick = Stamped {
            as_of: at(second),
            value: TickReport {
                admitted,
                departed: admitted,
                throughput: None,
                queue: QueueView {
                    opens_at: Some(at(90)),
                    ..open_queue()
                },
                ..report(0, false)
            },
        };
        statuses.note_tick(CONCERT, &tick);
    }
    let mut place = waiting(20);
    place.queue.opens_at = Some(at(90));
    let report = statuses.report("token".into(), stamped(place));
    assert_eq!(report.estimated_wait, Some(Duration::from_secs(10)));
}

#[test]
fn the_wait_follows_the_window_of_the_last_tick() {
    let statuses = statuses();
    let tick = TickReport {
        window: Some(AdmissionWindow {
            start: at(95),
            interval: Duration::from_mins(10),
            admitted: 60,
        }),
        throughput: Some(Throughput {
            admit: 60,
            interval: Duration::from_mins(10),
        }),
        admitted: 40,
        ..report(0, false)
    };
    statuses.note_tick(CONCERT, &stamped(tick));
    for (position, seconds) in [(1, 595), (60, 595), (61, 1_195)] {
        let report = statuses.report("token".into(), stamped(waiting(position)));
        let wait = Some(Duration::from_secs(seconds));
        assert_eq!(report.estimated_wait, wait, "{position}");
    }
}

#[test]
fn a_queue_that_admits_no_user_gives_no_estimate() {
    let mut place = waiting(500);
    place.queue.sale = SaleState::SoldOut;
    let report = statuses().report("token".into(), stamped(place));
    assert_eq!(report.estimated_wait, None);
    assert!(report.poll_after.is_some());
}

#[test]
fn an_active_user_gets_no_estimate_and_no_pause() {
    let report = statuses().report("token".into(), stamped(active(at(200))));
    assert_eq!((report.estimated_wait, report.poll_after), (None, None));
}

#[test]
fn a_missing_queue_of_a_known_concert_is_requested_once() {
    let statuses = statuses();
    assert_eq!(statuses.missing(OTHER_CONCERT), QueueMissing::NoSuchConcert);
    assert_eq!(statuses.missing(CONCERT), QueueMissing::NotReady);
    assert_eq!(statuses.take_wanted(), HashSet::from([CONCERT]));
    assert_eq!(statuses.take_wanted(), HashSet::new());
}

#[test]
fn a_new_policy_shows_at_once_and_an_old_copy_never() {
    let statuses = statuses();
    let mut closed = policy(3);
    closed.policy.state = PolicyState::Closed;
    statuses.note_policy(CONCERT, &closed);
    statuses.note_policy(CONCERT, &policy(2));
    let view = statuses.view(CONCERT).unwrap();
    assert_eq!(view.state, PolicyState::Closed);
}

#[test]
fn the_view_of_a_queue_is_the_last_one_recorded() {
    let statuses = statuses();
    let sold_out = QueueView {
        sale: SaleState::SoldOut,
        ..open_queue()
    };
    assert_eq!(statuses.view(CONCERT), Some(open_queue()));
    statuses.note_view(CONCERT, sold_out);
    assert_eq!(statuses.view(CONCERT), Some(sold_out));
    assert_eq!(statuses.view(OTHER_CONCERT), None);
}

#[test]
fn a_store_with_an_older_policy_than_it_had_taken_is_given_the_policy_again() {
    let statuses = statuses();
    let tick = |version| Stamped {
        as_of: at(100),
        value: TickReport {
            policy_version: PolicyVersion(version),
            ..report(0, false)
        },
    };
    statuses.note_in_store(CONCERT, PolicyVersion(3));
    for version in [3, 4] {
        statuses.note_tick(CONCERT, &tick(version));
        assert!(statuses.take_wanted().is_empty(), "{version}");
    }
    statuses.note_tick(CONCERT, &tick(2));
    assert_eq!(
        statuses.take_wanted().into_iter().collect::<Vec<_>>(),
        [CONCERT]
    );
    assert!(!statuses.is_in_store(CONCERT, PolicyVersion(1)));
}
