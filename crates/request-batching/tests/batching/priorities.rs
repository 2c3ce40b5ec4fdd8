use frontrow_request_batching::{
    InFlight, Limits, Overload,
    Priority::{High, Low, Normal, Urgent},
};

use crate::support::{Room, answers, refused, wide};

fn one_in_flight() -> Limits {
    Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    }
}

#[tokio::test]
async fn within_a_key_the_more_important_join_first() {
    let mut room = Room::new(wide());
    let _blocker = room.ask("a", 0).await;
    let call = room.call().await;
    let mut asked = Vec::new();
    for (priority, request) in [
        (Low, 1),
        (Normal, 2),
        (Low, 3),
        (Urgent, 4),
        (High, 5),
        (Normal, 6),
        (Urgent, 7),
    ] {
        asked.push(room.ask_with("a", priority, request).await);
    }
    call.answer();
    let call = room.call().await;
    assert_eq!(call.requests, [4, 7, 5, 2]);
    call.answer();
    assert_eq!(room.call().await.requests, [6, 1, 3]);
}

#[tokio::test]
async fn the_newest_of_the_lowest_priority_makes_room() {
    let mut room = Room::new(Limits {
        pending_max: 4,
        ..wide()
    });
    let _blockers = (room.ask("a", 0).await, room.ask("b", 0).await);
    let (a, b) = (room.call().await, room.call().await);
    let old = room.ask_with("a", Low, 1).await;
    let normal = room.ask_with("a", Normal, 2).await;
    let new = room.ask_with("b", Low, 3).await;
    let high = room.ask_with("a", High, 4).await;

    let refused_low = room.ask_with("a", Low, 5).await;
    assert_eq!(refused_low.answer().await, refused(Overload::Total));

    let urgent = room.ask_with("c", Urgent, 6).await;
    assert_eq!(new.answer().await, refused(Overload::Shed));
    assert_eq!(room.call().await.requests, [6]);
    drop(urgent);

    // 6 is in a call, so there was room for one.
    let seventh = room.ask_with("b", Normal, 7).await;
    let eighth = room.ask_with("b", Normal, 8).await;
    assert_eq!(old.answer().await, refused(Overload::Shed));
    let ninth = room.ask_with("b", Normal, 9).await;
    assert_eq!(ninth.answer().await, refused(Overload::Total));
    let tenth = room.ask_with("b", Urgent, 10).await;
    assert_eq!(eighth.answer().await, refused(Overload::Shed));

    a.answer();
    b.answer();
    let (a, b) = (room.call().await, room.call().await);
    assert_eq!((&*a.requests, &*b.requests), (&[4, 2][..], &[10, 7][..]));
    a.answer();
    b.answer();
    let served = answers(vec![normal, high, seventh, tenth]).await;
    assert_eq!(served, [Ok(2), Ok(4), Ok(7), Ok(10)]);
    let shed = room.batcher.stats().shed;
    assert_eq!((shed.total, shed.displaced), (2, 3));
}

#[tokio::test]
async fn a_parked_request_makes_room_too() {
    let mut room = Room::new(Limits {
        pending_max: 2,
        ..wide()
    });
    let _blocker = room.ask_as("a", 7, Normal, 0).await;
    let call = room.call().await;
    let first = room.ask_as("a", 7, Low, 1).await;
    let second = room.ask_as("a", 7, Low, 2).await;
    let _other = room.ask_with("a", Normal, 3).await;
    assert_eq!(second.answer().await, refused(Overload::Shed));
    call.answer();
    let call = room.call().await;
    assert_eq!(call.requests, [3, 1]);
    call.answer();
    assert_eq!(first.answer().await, Ok(1));
}

#[tokio::test]
async fn a_user_who_is_refused_displaces_nobody() {
    let mut room = Room::new(Limits {
        pending_max: 3,
        pending_per_user_max: 2,
        ..wide()
    });
    let _blocker = room.ask("a", 0).await;
    let _call = room.call().await;
    let _low = room.ask_with("a", Low, 1).await;
    let _one = room.ask_as("a", 7, Urgent, 2).await;
    let _two = room.ask_as("a", 7, Urgent, 3).await;
    let three = room.ask_as("a", 7, Urgent, 4).await;
    assert_eq!(three.answer().await, refused(Overload::PerUser));
    assert_eq!(room.batcher.stats().pending, 3);
    assert_eq!(room.batcher.stats().shed.displaced, 0);
}

#[tokio::test]
async fn between_keys_the_more_important_go_first_and_equals_take_turns() {
    let mut room = Room::new(one_in_flight());
    let mut asked = vec![room.ask("a", 0).await];
    let mut call = room.call().await;
    for (key, priority, request) in [
        ("a", Normal, 1),
        ("a", Normal, 2),
        ("b", Normal, 3),
        ("b", Normal, 4),
        ("c", Low, 5),
        ("d", High, 6),
        // Its key waits with 5, and goes first from now on.
        ("c", Urgent, 7),
    ] {
        asked.push(room.ask_with(key, priority, request).await);
    }
    let mut order = Vec::new();
    for _ in 0..7 {
        assert!(room.call_by_now().await.is_none());
        call.answer();
        call = room.call().await;
        order.extend(call.requests.iter().copied());
    }
    // "b" came to wait for a call before "a", whose call was in flight until then.
    assert_eq!(order, [7, 6, 3, 1, 4, 2, 5]);
}

#[tokio::test]
async fn a_busy_key_leaves_the_others_their_turns() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(8),
        calls_per_key_max: 16,
        ..wide()
    });
    let mut asked = room.ask_all("busy", 0..100).await;
    let (first, second) = (room.call().await, room.call().await);
    assert_eq!((first.key, second.key), ("busy", "busy"));
    asked.push(room.ask("b", 200).await);
    asked.push(room.ask("c", 300).await);
    assert!(room.call_by_now().await.is_none());
    first.answer();
    let (b, c) = (room.call().await, room.call().await);
    assert_eq!((b.key, c.key), ("b", "c"));
    assert!(room.call_by_now().await.is_none(), "no room for a batch");
    b.answer();
    c.answer();
    assert_eq!(room.call().await.key, "busy");
    drop((asked, second));
}
