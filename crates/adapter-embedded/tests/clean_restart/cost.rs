//! Measures a clean restart with a long line. `cargo xtask soak` runs it with a million users.

use std::{env, sync::Arc, time::Instant};

use frontrow_adapter_embedded::{MemoryQueue, QueueImageFile};
use frontrow_domain::{
    model::UserId,
    ports::{Queue, QueueControl, QueueImage},
};

use crate::test_queue::{CONCERT, STAMP, StandingClock, seed};

const VARIABLE: &str = "FRONTROW_IMAGE_USERS";

#[tokio::test]
async fn a_long_line_is_saved_and_read() {
    let users: u32 = env::var(VARIABLE).map_or(2_000, |text| text.parse().unwrap());
    let clock = StandingClock::new();
    let queue = Arc::new(MemoryQueue::new(clock.clone()));
    queue.seed(&seed(1, 200, None)).await.unwrap();
    for number in 0..users {
        // As long as a UUID, and not in order.
        let number = number.wrapping_mul(2_654_435_761);
        let name = format!("{number:08x}-0000-7000-8000-{number:012x}");
        let user = UserId::try_from(name.as_str()).unwrap();
        queue.join(CONCERT, &user, None).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queues");
    let before = now();
    let written = QueueImageFile::new(&path, queue).write(STAMP).await;
    let write_ms = before.elapsed().as_millis();
    let size = written.unwrap();
    assert_eq!(size.places, usize::try_from(users).unwrap());

    let queue = Arc::new(MemoryQueue::new(clock));
    let image = QueueImageFile::new(&path, Arc::clone(&queue));
    let before = now();
    assert_eq!(image.load().await, Ok(Some(STAMP)));
    let load_ms = before.elapsed().as_millis();
    let before = now();
    assert_eq!(image.install().await, size);
    let install_ms = before.elapsed().as_millis();
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "{users} places, {bytes} bytes: written in {write_ms} ms, read in {load_ms} ms, \
         installed in {install_ms} ms"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the printed durations decide nothing"
)]
fn now() -> Instant {
    Instant::now()
}
