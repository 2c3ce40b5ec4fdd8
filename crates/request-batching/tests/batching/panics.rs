use frontrow_request_batching::{InFlight, Limits, SubmitError};

use crate::support::{Fixture, answers, wide};

#[tokio::test]
async fn requests_of_a_call_that_panics_are_lost_and_the_next_call_serves_the_others() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(3),
        ..wide()
    });
    let mut submitted = fixture.submit_all("a", 1..=2).await;
    let call = fixture.call().await;
    submitted.extend(fixture.submit_all("a", 3..=4).await);
    call.panic();
    let call = fixture.call().await;
    assert_eq!(call.requests, [3, 4]);
    call.answer();
    let lost = Err(SubmitError::Lost);
    assert_eq!(answers(submitted).await, [lost.clone(), lost, Ok(3), Ok(4)]);
    fixture.assert_is_idle().await;
}

#[tokio::test]
async fn a_call_that_panics_frees_its_capacity_for_other_keys_and_its_users() {
    let mut fixture = Fixture::new(Limits {
        in_flight: InFlight::Fixed(1),
        ..wide()
    });
    let _lost = fixture.submit("a", 1).await;
    let call = fixture.call().await;
    let other = fixture.submit("b", 2).await;
    call.panic();
    fixture.call().await.answer();
    assert_eq!(other.answer().await, Ok(2));
    fixture.assert_is_idle().await;
    let again = fixture.submit("a", 1).await;
    fixture.call().await.answer();
    assert_eq!(again.answer().await, Ok(1));
}
