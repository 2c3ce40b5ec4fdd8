//! Starts and stops, complete or interrupted.

use mockall::Sequence;

use super::*;
use crate::{
    model::ImageFault,
    ports::{MockCleanStops, MockQueueImage},
    test_support::{clock, down, ids},
};

const DATABASE: DatabaseId = DatabaseId(1);
const STOP: StopNumber = StopNumber(2);
const STAMP: ImageStamp = ImageStamp {
    database: DATABASE,
    stop: STOP,
};
const SIZE: ImageSize = ImageSize {
    queues: 1,
    places: 3,
};
/// The run with the numbers that [`ids`] returns.
const RUN: Run = Run {
    id: RunId(7),
    database: DATABASE,
};

fn restart(stops: MockCleanStops, image: MockQueueImage) -> CleanRestart {
    CleanRestart {
        stops: Arc::new(stops),
        image: Arc::new(image),
        ids: ids(),
        clock: clock(0),
    }
}

fn begun(stop: Option<StopNumber>) -> MockCleanStops {
    let mut stops = MockCleanStops::new();
    let database = DATABASE;
    stops
        .expect_begin()
        .once()
        .return_once(move |_, _| Ok(BegunRun { database, stop }));
    stops
}

fn loaded(stamp: StoreResult<Option<ImageStamp>>) -> MockQueueImage {
    let mut image = MockQueueImage::new();
    image.expect_load().once().return_once(move || stamp);
    image
}

#[tokio::test]
async fn a_start_reads_then_clears_then_installs_then_removes() {
    let mut order = Sequence::new();
    let (mut stops, mut image) = (MockCleanStops::new(), MockQueueImage::new());
    let load = image.expect_load().once().in_sequence(&mut order);
    load.return_once(|| Ok(Some(STAMP)));
    let begin = stops.expect_begin().once().in_sequence(&mut order);
    let (database, stop) = (DATABASE, Some(STOP));
    begin.return_once(move |_, _| Ok(BegunRun { database, stop }));
    let install = image.expect_install().once().in_sequence(&mut order);
    install.return_once(|| SIZE);
    let remove = image.expect_remove().once().in_sequence(&mut order);
    remove.return_once(|| Ok(()));
    assert_eq!(restart(stops, image).resume().await, Ok(Some(RUN)));
}

#[tokio::test]
async fn an_image_that_does_not_match_is_removed_and_not_installed() {
    let foreign = ImageStamp {
        database: DatabaseId(9),
        stop: STOP,
    };
    let stale = ImageStamp {
        stop: StopNumber(9),
        ..STAMP
    };
    for (case, stamp, recorded) in [
        ("no image, no record", Ok(None), None),
        ("no image", Ok(None), Some(STOP)),
        ("no record", Ok(Some(STAMP)), None),
        ("another stop", Ok(Some(stale)), Some(STOP)),
        ("another database", Ok(Some(foreign)), Some(STOP)),
        ("damaged", Err(down()), Some(STOP)),
    ] {
        let mut image = loaded(stamp);
        image.expect_install().never();
        image.expect_remove().once().return_once(|| Ok(()));
        let resumed = restart(begun(recorded), image).resume().await;
        assert_eq!(resumed, Ok(Some(RUN)), "{case}");
    }
    let why = ImageDecision::of(stale, DATABASE, Some(STOP));
    assert_eq!(why, ImageDecision::Refuse(ImageFault::Stale));
}

#[tokio::test]
async fn a_used_image_that_cannot_be_removed_does_not_fail_the_start() {
    let mut image = loaded(Ok(Some(STAMP)));
    image.expect_install().once().return_once(|| SIZE);
    image.expect_remove().once().return_once(|| Err(down()));
    let resumed = restart(begun(Some(STOP)), image).resume().await;
    assert_eq!(resumed, Ok(Some(RUN)));
}

/// The record stays, so the image must be removed.
#[tokio::test]
async fn where_the_record_cannot_be_cleared_the_image_is_removed_and_not_used() {
    for stamp in [Ok(Some(STAMP)), Err(down())] {
        let mut stops = MockCleanStops::new();
        stops.expect_begin().return_once(|_, _| Err(down()));
        let mut image = loaded(stamp);
        image.expect_install().never();
        image.expect_remove().once().return_once(|| Ok(()));
        assert_eq!(restart(stops, image).resume().await, Ok(None));
    }
}

#[tokio::test]
async fn a_start_fails_where_an_image_might_be_used_later() {
    let failing = || {
        let mut stops = MockCleanStops::new();
        stops.expect_begin().return_once(|_, _| Err(down()));
        stops.expect_recorded().returning(|| Ok(Some(STOP)));
        stops
    };
    let elsewhere = loaded(Ok(None));
    let resumed = restart(failing(), elsewhere).resume().await;
    assert_eq!(resumed, Err(down()));

    let mut stays = loaded(Ok(Some(STAMP)));
    stays.expect_remove().return_once(|| Err(down()));
    let resumed = restart(failing(), stays).resume().await;
    assert_eq!(resumed, Err(down()));
}

#[tokio::test]
async fn without_a_record_a_database_that_cannot_be_written_does_not_fail_the_start() {
    let mut stops = MockCleanStops::new();
    stops.expect_begin().return_once(|_, _| Err(down()));
    stops.expect_recorded().returning(|| Ok(None));
    let mut image = loaded(Ok(None));
    image.expect_remove().return_once(|| Ok(()));
    assert_eq!(restart(stops, image).resume().await, Ok(None));
}

#[tokio::test]
async fn a_stop_writes_then_records() {
    let mut order = Sequence::new();
    let (mut stops, mut image) = (MockCleanStops::new(), MockQueueImage::new());
    let write = image.expect_write().once().in_sequence(&mut order);
    write.return_once(|stamp| {
        assert_eq!((stamp.database, stamp.stop), (DATABASE, StopNumber(7)));
        Ok(SIZE)
    });
    let record = stops.expect_record().once().in_sequence(&mut order);
    record.return_once(|run, stop| {
        assert_eq!((run, stop), (RunId(7), StopNumber(7)));
        Ok(true)
    });
    let saved = restart(stops, image).save(RUN).await;
    assert_eq!(saved, Ok(Saved::Saved(SIZE)));
}

#[tokio::test]
async fn a_stop_that_cannot_write_records_nothing() {
    let mut image = MockQueueImage::new();
    image.expect_write().return_once(|_| Err(down()));
    let mut stops = MockCleanStops::new();
    stops.expect_record().never();
    assert_eq!(restart(stops, image).save(RUN).await, Err(down()));
}

#[tokio::test]
async fn a_process_that_was_replaced_leaves_no_image() {
    let (mut stops, mut image) = (MockCleanStops::new(), MockQueueImage::new());
    image.expect_write().return_once(|_| Ok(SIZE));
    image.expect_remove().once().return_once(|| Ok(()));
    stops.expect_record().return_once(|_, _| Ok(false));
    let saved = restart(stops, image).save(RUN).await;
    assert_eq!(saved, Ok(Saved::Replaced));
}

#[tokio::test]
async fn a_start_on_another_store_clears_the_record_if_there_is_one() {
    let mut stops = begun(Some(STOP));
    stops.expect_recorded().return_once(|| Ok(Some(STOP)));
    assert_eq!(forget_clean_stop(&stops, &*ids()).await, Ok(()));
    let mut stops = MockCleanStops::new();
    stops.expect_recorded().return_once(|| Ok(None));
    assert_eq!(forget_clean_stop(&stops, &*ids()).await, Ok(()));
}
