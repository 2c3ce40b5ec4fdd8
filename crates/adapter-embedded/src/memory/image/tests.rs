//! Files that are cut short, changed, or of another version.

use std::time::Duration;

use frontrow_domain::{
    model::{
        ConcertId, DatabaseId, ImageStamp, StopNumber, UserId,
        queue::{
            Arrival, Capacity, EffectiveState, GatePurpose, Generation, PolicyVersion, QueuePolicy,
            QueueSeed, Recovery, SaleCount, SaleState, Throughput, Ticket, VersionedPolicy,
        },
    },
    ports::{ImageSize, JoinOutcome},
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    error::ReadError,
    frames::FrameWriter,
    records::{FORMAT, Record},
    snapshot::{self, Image},
};
use crate::memory::state::QueueState;

const STAMP: ImageStamp = ImageStamp {
    database: DatabaseId(0x1234),
    stop: StopNumber(0x5678),
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

fn joined(queue: &mut QueueState, name: &str, second: i64) -> Ticket {
    match queue.join(&user(name), None, at(second)) {
        JoinOutcome::Joined(place) => place.ticket,
        other => panic!("{other:?}"),
    }
}

fn seed(number: u128, recovery: Option<Recovery>) -> QueueSeed {
    let policy = QueuePolicy {
        opens_at: Some("1970-01-01T00:00:00.000000001Z".parse().unwrap()),
        throughput: Some(Throughput {
            admit: 2,
            interval: Duration::from_millis(1_500),
        }),
        capacity: Some(Capacity { max_active: 100 }),
        max_waiting: Some(1_000_000),
        absent_after: Some(Duration::from_secs(45)),
        ..QueuePolicy::default()
    };
    QueueSeed {
        concert: ConcertId(Uuid::from_u128(number)),
        policy: VersionedPolicy {
            policy,
            version: PolicyVersion(17),
        },
        generation: Generation(u64::MAX),
        recovery,
    }
}

/// Returns a queue at second 100 that has entries of every kind.
fn busy() -> QueueState {
    let lasts = Duration::from_secs(1);
    let mut queue = QueueState::new(&seed(1, Some(Recovery::lasting(lasts))), at(0));
    let gone = joined(&mut queue, "gone", 0);
    queue.leave(&gone, at(1));
    let claimed = joined(&mut queue, "claimed", 1);
    joined(&mut queue, "unclaimed", 1);
    for name in ["absent", "present", "left", "last"] {
        let ticket = joined(&mut queue, name, 2);
        if name == "left" {
            queue.leave(&ticket, at(2));
        }
    }
    for second in (5..=100).step_by(5) {
        queue.expire(0, at(second));
    }
    let hold = GatePurpose::Hold {
        hold_for: Duration::from_mins(5),
    };
    queue.admit(9, at(100));
    queue.pass_gate(&claimed, hold, at(100));
    queue.set_sale(SaleCount {
        sale: SaleState::OnSale,
        counted_at: at(90),
    });
    assert_eq!(queue.terms.state(at(100)), EffectiveState::Open);
    queue
}

fn file_of(queues: &[&QueueState]) -> Vec<u8> {
    let mut writer = snapshot::begin(Vec::new(), STAMP, at(100)).unwrap();
    for queue in queues {
        queue.write(&mut writer).unwrap();
    }
    writer.end().unwrap()
}

fn read(file: &[u8]) -> Result<Image, ReadError> {
    Image::read(file)
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let idle = QueueState::new(&seed(2, None), at(0));
    let busy = busy();
    assert!(busy.waiting.aside() > 0 && !busy.ended.is_empty() && !busy.active.is_empty());
    let file = file_of(&[&busy, &idle]);
    let image = read(&file).unwrap();
    assert_eq!(image.stamp, STAMP);
    assert_eq!(image.stopped_at.at(), at(100));
    let places = busy.places();
    assert_eq!(image.size(), ImageSize { queues: 2, places });
    let again: Vec<_> = image.queues.iter().collect();
    assert_eq!(file_of(&again), file);
    assert_eq!(places_of(&image.queues[0]), places_of(&busy));
    assert_eq!(image.queues[0].terms, busy.terms);
    assert_eq!(image.queues[0].admission, busy.admission);
}

/// Returns all data of all places.
fn places_of(queue: &QueueState) -> Vec<String> {
    let waiting = queue.waiting.all().map(|place| format!("{place:?}"));
    let active = queue.active.all().map(|place| format!("{place:?}"));
    waiting.chain(active).collect()
}

#[test]
fn a_file_without_queues_is_valid() {
    assert_eq!(read(&file_of(&[])).unwrap().size(), ImageSize::default());
}

/// Another sum means another format, which needs another [`FORMAT`].
#[test]
fn the_layout_is_that_of_the_format_number() {
    let mut writer = snapshot::begin(Vec::new(), STAMP, at(100)).unwrap();
    let lasts = Duration::from_mins(1);
    let mut queue = QueueState::new(&seed(1, Some(Recovery::lasting(lasts))), at(1));
    queue.terms.last_arrival = Arrival::from_micros(9);
    queue.terms.gaps.open(Arrival::from_micros(1), None, at(2));
    queue.passed_to = Some(Arrival::from_micros(8));
    queue.write(&mut writer).unwrap();
    let arrival = Arrival::from_micros(7);
    for record in [
        Record::Waiting {
            user: "waiting",
            arrival,
            heartbeat: 6,
            is_aside: true,
        },
        Record::Active {
            user: "active",
            arrival,
            admitted_at: 5,
            claim: Some((4, 3)),
        },
        Record::Departure { arrival },
        Record::Ended {
            user: "ended",
            arrival,
        },
    ] {
        writer.write(&record).unwrap();
    }
    let file = writer.end().unwrap();
    // A CRC over a file that ends with its own CRC is constant, so another sum is needed.
    let sum = file.iter().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    assert_eq!((FORMAT, file.len(), sum), (1, 295, 253_188_552));
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let file = file_of(&[&busy()]);
    for length in 0..file.len() {
        let cut = read(&file[..length]);
        assert!(
            matches!(cut, Err(ReadError::Damaged(_))),
            "{length}: {cut:?}"
        );
    }
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let mut file = file_of(&[&busy()]);
    for at in 0..file.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            file[at] ^= flip;
            assert!(read(&file).is_err(), "byte {at}, {flip:x}");
            file[at] ^= flip;
        }
    }
    assert!(read(&file).is_ok());
}

#[test]
fn a_longer_file_is_refused() {
    let mut file = file_of(&[&busy()]);
    file.push(0);
    assert!(matches!(read(&file), Err(ReadError::Damaged(_))));
}

#[test]
fn a_file_of_another_format_or_kind_is_refused_as_such() {
    let mut file = file_of(&[&busy()]);
    file[8] += 1;
    let found = FORMAT + 1;
    assert!(matches!(read(&file), Err(ReadError::Format { found: it, .. }) if it == found));
    let other = read(b"SQLite format 3\0");
    assert!(matches!(other, Err(ReadError::NotOurs)), "{other:?}");
}

/// Returns a complete file with these records after its head.
fn file_with(records: &[Record<'_>]) -> Vec<u8> {
    let mut writer = snapshot::begin(Vec::new(), STAMP, at(100)).unwrap();
    for record in records {
        writer.write(record).unwrap();
    }
    writer.end().unwrap()
}

#[test]
fn records_that_do_not_form_a_queue_are_refused() {
    let arrival = Arrival::from_micros(1);
    let waiting = |user| Record::Waiting {
        user,
        arrival,
        heartbeat: 0,
        is_aside: false,
    };
    let active = |user| Record::Active {
        user,
        arrival,
        admitted_at: 0,
        claim: None,
    };
    let stop = || Record::Stop {
        database: 1,
        stop: 2,
        stopped_at: 3,
    };
    assert!(read(&file_with(&[])).is_ok());
    for (case, records) in [
        ("no queue", vec![waiting("a")]),
        ("a second head", vec![stop()]),
        ("an end in the middle", vec![Record::End { count: 1 }]),
        ("a wrong count at the end", vec![Record::End { count: 7 }]),
    ] {
        assert!(read(&file_with(&records)).is_err(), "{case}");
    }
    for (case, records) in [
        ("two waiting places", vec![waiting("a"), waiting("a")]),
        ("two active places", vec![active("a"), active("a")]),
        ("waiting and active", vec![waiting("a"), active("a")]),
        ("no name", vec![waiting("")]),
        (
            "an invalid name",
            vec![Record::Ended {
                user: "a b",
                arrival,
            }],
        ),
        (
            "more departures than their number",
            vec![Record::Departure { arrival }],
        ),
    ] {
        let mut writer = snapshot::begin(Vec::new(), STAMP, at(100)).unwrap();
        let idle = QueueState::new(&seed(2, None), at(0));
        idle.write(&mut writer).unwrap();
        for record in &records {
            writer.write(record).unwrap();
        }
        assert!(read(&writer.end().unwrap()).is_err(), "{case}");
    }
}

#[test]
fn an_invalid_frame_is_refused() {
    let head = FrameWriter::begin(Vec::new()).unwrap().end().unwrap();
    let head = &head[..12];
    for tail in [&[0xff, 0xff][..], &[1, 0, 99], &[0, 0], &[2, 0, 6, 0xff]] {
        let file = [head, tail, &[0; 2_000]].concat();
        assert!(
            matches!(read(&file), Err(ReadError::Damaged(_))),
            "{tail:?}"
        );
    }
}

/// Instants are in seconds. The stop is at 100.
#[test]
fn time_out_of_service_does_not_count_even_if_the_clock_moves_back() {
    let names = ["claimed", "unclaimed", "absent", "present", "last"];
    let before = busy();
    let ends = |queue: &QueueState, now: i64| {
        let mut ends = Vec::new();
        let deadlines = queue.terms.deadlines(at(now));
        for (user, _, heartbeat, _) in queue.waiting.all() {
            let end = deadlines.waiting_end(heartbeat.at());
            ends.push((user.to_string(), end.duration_since(at(now)).as_secs()));
        }
        for (user, place) in queue.active.all() {
            let until = match place.claim {
                Some(claim) => claim.until.at(),
                None => deadlines.claim_end(place.admitted_at.at()),
            };
            ends.push((user.to_string(), until.duration_since(at(now)).as_secs()));
        }
        ends.sort();
        ends
    };
    let expected = ends(&before, 100);
    assert_eq!(expected.len(), names.len());
    for downtime in [0, 3, 3_600, -50] {
        let mut image = read(&file_of(&[&before])).unwrap();
        let mut queue = image.queues.remove(0);
        queue.shift(downtime * 1_000_000);
        assert_eq!(ends(&queue, 100 + downtime), expected, "{downtime}");
        let reentry = queue.terms.reentry.unwrap().open_until;
        let as_before = before.terms.reentry.unwrap().open_until;
        let moved = reentry.duration_since(as_before).as_secs();
        assert_eq!(moved, downtime);
        for name in names {
            assert_eq!(
                queue.arrival_of(&user(name)),
                before.arrival_of(&user(name))
            );
        }
    }
}

/// The policy admits two users per window of 1.5 s, in windows from second 100. The first two joins
/// have used the first window.
#[test]
fn admission_windows_continue_and_do_not_save_up_unused_room() {
    for (downtime_ms, admitted) in [(0, 0), (1_400, 0), (1_500, 2), (1_000_000, 2), (-10_000, 0)] {
        let mut queue = QueueState::new(&seed(1, None), at(0));
        joined(&mut queue, "one", 100);
        joined(&mut queue, "two", 100);
        joined(&mut queue, "three", 100);
        joined(&mut queue, "four", 100);
        joined(&mut queue, "five", 100);
        let mut queue = read(&file_of(&[&queue])).unwrap().queues.remove(0);
        queue.shift(downtime_ms * 1_000);
        let now = Timestamp::from_millisecond(100_000 + downtime_ms).unwrap();
        assert_eq!(queue.admit(9, now).done, admitted, "{downtime_ms}");
    }
}
