use super::*;
use crate::model::{
    ConcertId, UserId,
    queue::{Arrival, PolicyState, SaleState, Ticket},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn place() -> Place {
    Place {
        ticket: Ticket {
            concert: ConcertId(uuid::Uuid::nil()),
            user: UserId::try_from("ann").unwrap(),
            arrival: Arrival::from_micros(7),
            generation: Generation(0xab),
        },
        standing: waiting(3),
        queue: QueueView {
            state: PolicyState::Open,
            opens_at: None,
            recovering: false,
            sale: SaleState::OnSale,
        },
    }
}

fn waiting(position: u64) -> Standing {
    Standing::Waiting {
        position,
        behind: 1,
        admitted: 40,
    }
}

fn active(until: i64) -> Standing {
    Standing::Active {
        admitted_at: at(1),
        until: at(until),
        claimed: false,
    }
}

#[test]
fn the_kind_of_event_follows_from_the_standing_and_the_queue() {
    use PolicyState as P;
    use SaleState as S;
    let open = place().queue;
    let view = |state, sale| QueueView {
        state,
        sale,
        ..open
    };
    let later = QueueView {
        opens_at: Some(at(101)),
        ..open
    };
    let recovering = QueueView {
        recovering: true,
        ..open
    };
    for (queue, expected) in [
        (open, "position"),
        (view(P::Bypass, S::OnSale), "position"),
        (view(P::Paused, S::OnSale), "paused"),
        (view(P::Open, S::Unplanned), "paused"),
        (later, "paused"),
        (recovering, "paused"),
        (view(P::Closed, S::OnSale), "closed"),
        (view(P::Open, S::SoldOut), "sold_out"),
        (view(P::Open, S::Ended), "ended"),
    ] {
        let waits = PlaceNews::of(&waiting(1), &queue, at(100));
        assert_eq!(waits.name(), expected, "{queue:?}");
        assert_eq!(PlaceNews::of(&active(200), &queue, at(100)).name(), "turn");
    }
}

/// Returns the state after a change of the place.
fn changed(change: impl FnOnce(&mut Place)) -> PlaceState {
    let mut place = place();
    change(&mut place);
    PlaceState::of(&place, at(100))
}

#[test]
fn only_changes_that_a_user_sees_make_another_state() {
    type Change = fn(&mut Place);
    let before = changed(|_| {});
    let changes: [Change; 7] = [
        |place| place.standing = waiting(2),
        |place| place.standing = active(200),
        |place| place.queue.state = PolicyState::Paused,
        |place| place.queue.sale = SaleState::SoldOut,
        |place| place.queue.opens_at = Some(at(50)),
        |place| place.queue.recovering = true,
        |place| place.ticket.generation = Generation(2),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_ne!(changed(change), before, "change {number}");
    }
    let one_more_behind = changed(|place| {
        place.standing = Standing::Waiting {
            position: 3,
            behind: 2,
            admitted: 39,
        };
    });
    assert_eq!(one_more_behind, before);
    assert_ne!(
        changed(|place| place.standing = active(200)),
        changed(|place| place.standing = active(201))
    );
}

#[test]
fn an_id_is_read_as_it_was_written() {
    for (wait_s, text) in [(Some(17), "-17"), (None, "-")] {
        let id = EventId {
            state: changed(|_| {}),
            wait_s,
        };
        let written = id.to_string();
        assert!(
            written.starts_with("position-00000000000000ab-3-"),
            "{written}"
        );
        assert!(written.ends_with(text), "{written}");
        assert_eq!(written.parse(), Ok(id));
    }
}

#[test]
fn other_texts_are_no_ids() {
    for text in [
        "",
        "7",
        "position-ab-3-0",
        "nothing-ab-3-0-",
        "position-xy-3-0-",
        "position-ab--3-0-",
        "position-ab-3-0-soon",
        "position-ab-3-0-1-2",
    ] {
        assert_eq!(text.parse::<EventId>(), Err(NoEventId), "{text}");
    }
}

#[test]
fn an_estimate_is_sent_if_a_countdown_would_not_have_reached_it() {
    let id = |wait_s| EventId {
        state: changed(|_| {}),
        wait_s,
    };
    for (last, now, is_outdated) in [
        (None, None, false),
        (None, Some(9), true),
        (Some(9), None, true),
        (Some(9), Some(4), false),
        (Some(9), Some(15), true),
        (Some(100), Some(80), false),
        (Some(100), Some(79), true),
        (Some(100), Some(126), true),
    ] {
        assert_eq!(
            id(last).is_outdated_by(&id(now)),
            is_outdated,
            "{last:?} {now:?}"
        );
    }
    let moved = EventId {
        state: changed(|place| place.standing = waiting(2)),
        wait_s: Some(9),
    };
    assert!(id(Some(9)).is_outdated_by(&moved));
}
