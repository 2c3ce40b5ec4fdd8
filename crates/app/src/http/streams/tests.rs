use frontrow_domain::{
    decorators::SnapshotQueue,
    model::{
        UserId,
        queue::{
            Arrival, Generation, Place, PolicyState, PollRange, QueueView, SaleState, Standing,
            Ticket,
        },
    },
    ports::{MockClock, MockQueue, MockQueueSnapshots, Stamped},
    read_models::QueueStatuses,
};
use jiff::Timestamp;

use super::*;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn waiting(position: u64) -> Place {
    Place {
        ticket: Ticket {
            concert: "0198c5f0-0000-7000-8000-000000000000".parse().unwrap(),
            user: UserId::try_from("ann").unwrap(),
            arrival: Arrival::from_micros(7),
            generation: Generation(1),
        },
        standing: Standing::Waiting {
            position,
            behind: 3,
            admitted: 0,
        },
        queue: QueueView {
            state: PolicyState::Open,
            opens_at: None,
            recovering: false,
            sale: SaleState::OnSale,
        },
    }
}

fn streams(max: usize) -> Arc<Streams> {
    let line = Arc::new(MockQueueSnapshots::new());
    let longest_poll = Duration::from_secs(15);
    let look = SnapshotQueue::new(
        Arc::new(MockQueue::new()),
        Arc::<MockQueueSnapshots>::clone(&line),
        Arc::new(MockClock::new()),
        10,
        longest_poll,
    );
    let follow = FollowPlaces {
        look: Arc::new(look),
        line,
        queue: Arc::new(MockQueue::new()),
        statuses: Arc::new(QueueStatuses::new(PollRange::default())),
    };
    Arc::new(Streams::new(follow, max, longest_poll))
}

fn open(streams: &Arc<Streams>, last: Option<EventId>) -> Option<EventBody> {
    let place = Stamped {
        as_of: at(100),
        value: waiting(5),
    };
    let report = streams.follow.report("token".to_owned(), place);
    Some(streams.open(streams.permit()?, report, last))
}

/// Returns the text that a stream writes until it waits or ends.
fn written(body: &mut EventBody) -> String {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use actix_web::body::MessageBody as _;

    let mut text = String::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(bytes))) = Pin::new(&mut *body).poll_next(&mut context) {
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    text
}

#[test]
fn the_number_of_streams_is_bounded() {
    let streams = streams(2);
    let first = open(&streams, None).unwrap();
    let second = open(&streams, None).unwrap();
    assert!(open(&streams, None).is_none());
    drop(first);
    assert!(open(&streams, None).is_some());
    drop(second);
}

#[test]
fn the_oldest_of_too_many_streams_of_a_place_ends() {
    let streams = streams(100);
    let mut bodies: Vec<_> = (0..=STREAMS_PER_PLACE)
        .map(|_| open(&streams, None).unwrap())
        .collect();
    let first = written(&mut bodies[0]);
    assert!(first.contains("event: superseded\n"), "{first}");
    assert!(first.contains("/problems/stream-superseded"), "{first}");
    for body in &mut bodies[1..] {
        assert!(!written(body).contains("superseded"));
    }
}

#[test]
fn a_client_that_has_the_state_does_not_get_it_again() {
    let streams = streams(10);
    let first = written(&mut open(&streams, None).unwrap());
    assert!(first.starts_with("retry: ") && first.contains("event: position\n"));
    let id = first.lines().find_map(|line| line.strip_prefix("id: "));
    let last: EventId = id.unwrap().parse().unwrap();
    let again = written(&mut open(&streams, Some(last)).unwrap());
    assert!(
        again.starts_with("retry: ") && again.ends_with("\n:\n\n"),
        "{again}"
    );
    assert!(!again.contains("event: "), "{again}");
    let mut other = last;
    other.state = PlaceState::of(&waiting(6), at(100));
    let newer = written(&mut open(&streams, Some(other)).unwrap());
    assert!(newer.contains("event: position\n"), "{newer}");
}

#[test]
fn a_stop_ends_all_streams_and_spreads_the_reconnections() {
    let streams = streams(1_000);
    let mut bodies: Vec<_> = (0..3).map(|_| open(&streams, None).unwrap()).collect();
    for body in &mut bodies {
        written(body);
    }
    streams.stop();
    let mut retries: Vec<u64> = bodies
        .iter_mut()
        .map(|body| {
            let text = written(body);
            assert!(body.has_ended);
            text.strip_prefix("retry: ")
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    retries.sort_unstable();
    retries.dedup();
    assert_eq!(retries.len(), 3, "{retries:?}");
    assert!(open(&streams, None).is_none());
    let all: Vec<u64> = (0..1_000).map(|n| streams.reconnect_after_ms(n)).collect();
    let (first, last) = (all.iter().min().unwrap(), all.iter().max().unwrap());
    assert!((1_000..1_100).contains(first) && (14_900..=15_000).contains(last));
}

#[test]
fn a_dropped_stream_leaves_no_entry() {
    let streams = streams(10);
    let body = open(&streams, None).unwrap();
    assert_eq!(streams.used_lines().len(), 1);
    drop(body);
    assert!(streams.used_lines().is_empty());
    assert_eq!(streams.open.load(Ordering::Relaxed), 0);
}
