use frontrow_request_batching::{InFlight, Limits, SubmitError};

use crate::support::{Room, answers, wide};

#[tokio::test]
async fn requests_of_a_call_that_panics_are_lost_and_the_next_call_serves_the_others() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(3),
        ..wide()
    });
    let mut asked = room.ask_all("a", 1..=2).await;
    let call = room.call().await;
    asked.extend(room.ask_all("a", 3..=4).await);
    call.panic();
    let call = room.call().await;
    assert_eq!(call.requests, [3, 4]);
    call.answer();
    let lost = Err(SubmitError::Lost);
    assert_eq!(answers(asked).await, [lost.clone(), lost, Ok(3), Ok(4)]);
    room.assert_is_idle().await;
}

#[tokio::test]
async fn a_call_that_panics_frees_its_room_for_other_keys_and_its_users() {
    let mut room = Room::new(Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    });
    let _lost = room.ask("a", 1).await;
    let call = room.call().await;
    let other = room.ask("b", 2).await;
    call.panic();
    room.call().await.answer();
    assert_eq!(other.answer().await, Ok(2));
    room.assert_is_idle().await;
    let again = room.ask("a", 1).await;
    room.call().await.answer();
    assert_eq!(again.answer().await, Ok(1));
}
