use frontrow_request_batching::{
    InFlight, Limits, Overload,
    Priority::{High, Low, Normal, Urgent},
};

use crate::support::{Fixture, answers, refused, wide};

fn one_in_flight() -> Limits {
    Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    }
}

#[tokio::test]
async fn within_a_key_requests_of_higher_priorities_join_a_call_first() {
    let mut fixture = Fixture::new(wide());
    let _blocker = fixture.submit("a", 0).await;
    let call = fixture.call().await;
    let mut submitted = Vec::new();
    for (priority, request) in [
        (Low, 1),
        (Normal, 2),
        (Low, 3),
        (Urgent, 4),
        (High, 5),
        (Normal, 6),
        (Urgent, 7),
    ] {
        submitted.push(fixture.submit_with_priority("a", priority, request).await);
    }
    call.answer();
    let call = fixture.call().await;
    assert_eq!(call.requests, [4, 7, 5, 2]);
    call.answer();
    assert_eq!(fixture.call().await.requests, [6, 1, 3]);
}

#[tokio::test]
async fn the_newest_request_of_the_lowest_priority_is_displaced() {
    let mut fixture = Fixture::new(Limits {
        pending_max: 4,
        ..wide()
    });
    let _blockers = (fixture.submit("a", 0).await, fixture.submit("b", 0).await);
    let (a, b) = (fixture.call().await, fixture.call().await);
    let old = fixture.submit_with_priority("a", Low, 1).await;
    let normal = fixture.submit_with_priority("a", Normal, 2).await;
    let new = fixture.submit_with_priority("b", Low, 3).await;
    let high = fixture.submit_with_priority("a", High, 4).await;

    let refused_low = fixture.submit_with_priority("a", Low, 5).await;
    assert_eq!(refused_low.answer().await, refused(Overload::Total));

    let urgent = fixture.submit_with_priority("c", Urgent, 6).await;
    assert_eq!(new.answer().await, refused(Overload::Shed));
    assert_eq!(fixture.call().await.requests, [6]);
    drop(urgent);

    // 6 is in a call, so one more may be pending.
    let seventh = fixture.submit_with_priority("b", Normal, 7).await;
    let eighth = fixture.submit_with_priority("b", Normal, 8).await;
    assert_eq!(old.answer().await, refused(Overload::Shed));
    let ninth = fixture.submit_with_priority("b", Normal, 9).await;
    assert_eq!(ninth.answer().await, refused(Overload::Total));
    let tenth = fixture.submit_with_priority("b", Urgent, 10).await;
    assert_eq!(eighth.answer().await, refused(Overload::Shed));

    a.answer();
    b.answer();
    let (a, b) = (fixture.call().await, fixture.call().await);
    assert_eq!((&*a.requests, &*b.requests), (&[4, 2][..], &[10, 7][..]));
    a.answer();
    b.answer();
    let served = answers(vec![normal, high, seventh, tenth]).await;
    assert_eq!(served, [Ok(2), Ok(4), Ok(7), Ok(10)]);
    let shed = fixture.batcher.stats().shed;
    assert_eq!((shed.total, shed.displaced), (2, 3));
}

#[tokio::test]
async fn a_parked_request_is_displaced_too() {
    let mut fixture = Fixture::new(Limits {
        pending_max: 2,
        ..wide()
    });
    let _blocker = fixture.submit_as("a", 7, Normal, 0).await;
    let call = fixture.call().await;
    let first = fixture.submit_as("a", 7, Low, 1).await;
    let second = fixture.submit_as("a", 7, Low, 2).await;
    let _other = fixture.submit_with_priority("a", Normal, 3).await;
    assert_eq!(second.answer().await, refused(Overload::Shed));
    call.answer();
    let call = fixture.call().await;
    assert_eq!(call.requests, [3, 1]);
    call.answer();
    assert_eq!(first.answer().await, Ok(1));
}

#[tokio::test]
async fn a_refused_request_displaces_no_other() {
    let mut fixture = Fixture::new(Limits {
        pending_max: 3,
        pending_per_user_max: 2,
        ..wide()
    });
    let _blocker = fixture.submit("a", 0).await;
    let _call = fixture.call().await;
    let _low = fixture.submit_with_priority("a", Low, 1).await;
    let _one = fixture.submit_as("a", 7, Urgent, 2).await;
    let _two = fixture.submit_as("a", 7, Urgent, 3).await;
    let three = fixture.submit_as("a", 7, Urgent, 4).await;
    assert_eq!(three.answer().await, refused(Overload::PerUser));
    assert_eq!(fixture.batcher.stats().pending, 3);
    assert_eq!(fixture.batcher.stats().shed.displaced, 0);
}

#[tokio::test]
async fn between_keys_higher_priorities_go_first_and_equals_take_turns() {
    let mut fixture = Fixture::new(one_in_flight());
    let mut submitted = vec![fixture.submit("a", 0).await];
    let mut call = fixture.call().await;
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
        submitted.push(fixture.submit_with_priority(key, priority, request).await);
    }
    let mut order = Vec::new();
    for _ in 0..7 {
        assert!(fixture.call_if_begun().await.is_none());
        call.answer();
        call = fixture.call().await;
        order.extend(call.requests.iter().copied());
    }
    // "b" has waited for a call before "a", whose call was in flight until then.
    assert_eq!(order, [7, 6, 3, 1, 4, 2, 5]);
}

#[tokio::test]
async fn a_busy_key_does_not_hold_up_other_keys() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(8),
        calls_per_key_max: 16,
        ..wide()
    });
    let mut submitted = fixture.submit_all("busy", 0..100).await;
    let (first, second) = (fixture.call().await, fixture.call().await);
    assert_eq!((first.key, second.key), ("busy", "busy"));
    submitted.push(fixture.submit("b", 200).await);
    submitted.push(fixture.submit("c", 300).await);
    assert!(fixture.call_if_begun().await.is_none());
    first.answer();
    let (b, c) = (fixture.call().await, fixture.call().await);
    assert_eq!((b.key, c.key), ("b", "c"));
    assert!(
        fixture.call_if_begun().await.is_none(),
        "no capacity for a batch"
    );
    b.answer();
    c.answer();
    assert_eq!(fixture.call().await.key, "busy");
    drop((submitted, second));
}
