use frontrow_request_batching::{InFlight, Limits};

use crate::support::{Room, answers, wide};

#[tokio::test]
async fn requests_in_flight_are_bounded_over_all_keys() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(6),
        ..wide()
    });
    let mut asked = room.ask_all("a", 1..=4).await;
    asked.extend(room.ask_all("b", 5..=8).await);
    asked.extend(room.ask_all("c", 9..=9).await);
    // Each key has a call, and the first to run takes what room is left.
    let (a, b, c) = (room.call().await, room.call().await, room.call().await);
    assert_eq!(
        (a.requests.len(), &*b.requests, &*c.requests),
        (4, &[5][..], &[9][..])
    );
    assert!(room.call_by_now().await.is_none());
    assert_eq!(room.batcher.stats().in_flight, 6);
    c.answer();
    assert!(room.call_by_now().await.is_none(), "one call a key");
    b.answer();
    let b = room.call().await;
    assert_eq!(b.requests, [6, 7]);
    assert!(room.call_by_now().await.is_none());
    a.answer();
    b.answer();
    let b = room.call().await;
    assert_eq!(b.requests, [8]);
    b.answer();
    assert_eq!(answers(asked).await, (1..=9).map(Ok).collect::<Vec<_>>());
    room.assert_is_idle().await;
}

#[tokio::test]
async fn a_small_limit_makes_small_batches() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(2),
        calls_per_key_max: 16,
        ..wide()
    });
    let asked = room.ask_all("a", 1..=5).await;
    for expected in [&[1, 2][..], &[3, 4], &[5]] {
        let call = room.call().await;
        assert_eq!(call.requests, expected);
        assert!(room.call_by_now().await.is_none());
        call.answer();
    }
    assert_eq!(answers(asked).await, (1..=5).map(Ok).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_further_call_needs_room_for_a_whole_batch() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(7),
        calls_per_key_max: 16,
        ..wide()
    });
    let mut asked = room.ask_all("a", 1..=4).await;
    let call = room.call().await;
    assert_eq!(call.requests, [1, 2, 3, 4]);
    asked.extend(room.ask_all("a", 5..=12).await);
    assert!(room.call_by_now().await.is_none());
    drop(asked);
}
