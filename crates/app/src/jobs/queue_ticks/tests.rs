//! Tests of the scheduler under a paused clock, which advances only while all tasks wait.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use frontrow_domain::{
    model::queue::{Pace, Throughput},
    use_cases::NextTick,
};
use uuid::Uuid;

use super::*;

type Ended = StoreResult<QueueTick>;

/// A store in which `work` decides how long a tick takes, and its result.
struct Fake<F> {
    busy: RefCell<StoreResult<Vec<ConcertId>>>,
    known: RefCell<Vec<ConcertId>>,
    work: F,
    began: Instant,
    ticks: RefCell<HashMap<ConcertId, Vec<Duration>>>,
    running: RefCell<HashSet<ConcertId>>,
    most_running: Cell<usize>,
}

impl<F: AsyncFn(ConcertId) -> Ended> Fake<F> {
    fn new(busy: Vec<ConcertId>, work: F) -> Self {
        Self {
            busy: RefCell::new(Ok(busy)),
            known: RefCell::default(),
            work,
            began: now(),
            ticks: RefCell::default(),
            running: RefCell::default(),
            most_running: Cell::default(),
        }
    }

    /// Runs the scheduler for `span`.
    async fn run(&self, span: Duration) {
        let stop = CancellationToken::new();
        let stopping = async {
            tokio::time::sleep(span).await;
            stop.cancel();
        };
        tokio::join!(tick_queues(self, stop.clone()), stopping);
    }

    /// Returns the times at which the ticks of a queue began, since the start.
    fn ticks(&self, concert: ConcertId) -> Vec<Duration> {
        let ticks = self.ticks.borrow();
        ticks.get(&concert).cloned().unwrap_or_default()
    }

    /// Returns the longest time between two ticks of a queue, the start and `end` included.
    fn longest_gap(&self, concert: ConcertId, end: Duration) -> Duration {
        let ticks = self.ticks(concert);
        let from = std::iter::once(Duration::ZERO).chain(ticks.iter().copied());
        let to = ticks.iter().copied().chain([end]);
        from.zip(to)
            .map(|(from, to)| to.saturating_sub(from))
            .max()
            .unwrap()
    }
}

/// Records the end of a tick, also if it was cancelled.
struct Running<'a> {
    running: &'a RefCell<HashSet<ConcertId>>,
    concert: ConcertId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.running.borrow_mut().remove(&self.concert);
    }
}

impl<F: AsyncFn(ConcertId) -> Ended> Ticking for Fake<F> {
    async fn busy(&self) -> StoreResult<Vec<ConcertId>> {
        self.busy.borrow().clone()
    }

    fn recovering(&self) -> Vec<ConcertId> {
        Vec::new()
    }

    fn known(&self) -> Vec<ConcertId> {
        self.known.borrow().clone()
    }

    async fn tick(&self, concert: ConcertId, _expire: bool) -> Ended {
        let fresh = self.running.borrow_mut().insert(concert);
        assert!(fresh, "a queue is ticked twice at once");
        let _running = Running {
            running: &self.running,
            concert,
        };
        let running = self.running.borrow().len();
        self.most_running.set(self.most_running.get().max(running));
        let since = now() - self.began;
        self.ticks
            .borrow_mut()
            .entry(concert)
            .or_default()
            .push(since);
        (self.work)(concert).await
    }
}

fn concert(number: u128) -> ConcertId {
    ConcertId(Uuid::from_u128(number))
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn next(next: NextTick) -> QueueTick {
    QueueTick {
        admitted: 0,
        expired: 0,
        expiry_left: false,
        next,
    }
}

/// Returns the time from each tick to the next one.
fn pauses(ticks: &[Duration]) -> Vec<Duration> {
    let pairs = ticks.iter().zip(ticks.iter().skip(1));
    pairs.map(|(from, to)| to.saturating_sub(*from)).collect()
}

fn in_a_second() -> QueueTick {
    next(NextTick::After(secs(1)))
}

fn down() -> StoreError {
    StoreError::not_applied("down")
}

/// Returns an outcome whose next tick is at the next third of a window of `interval`, by [`Pace`].
/// The windows began with the test.
fn aligned(began: Instant, interval: Duration) -> QueueTick {
    use frontrow_domain::model::queue::AdmissionWindow;
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let throughput = Throughput { admit: 1, interval };
    let window = AdmissionWindow::first(epoch, throughput);
    let now = epoch + (now() - began);
    let pause = Pace::of(Some(throughput)).until_next(Some(window), None, now);
    next(NextTick::After(pause))
}

#[tokio::test(start_paused = true)]
async fn queues_that_hang_hold_up_no_other_queue() {
    for hanging in [1, 3, 20] {
        let hangs = move |queue: ConcertId| queue.0.as_u128() <= hanging;
        let queues: Vec<_> = (1..=hanging + 5).map(concert).collect();
        let fake = Fake::new(queues.clone(), async |queue| {
            if hangs(queue) {
                tokio::time::sleep(secs(20)).await;
            }
            Ok(in_a_second())
        });
        fake.run(secs(120)).await;
        for queue in queues.into_iter().filter(|queue| !hangs(*queue)) {
            let ticks = fake.ticks(queue);
            // If many queues hang for the first time, the others wait until those are recognized.
            let first = if hanging > 3 {
                secs(12)
            } else {
                Duration::ZERO
            };
            let steady: Vec<_> = ticks
                .iter()
                .copied()
                .filter(|tick| *tick >= first)
                .collect();
            let gap = pauses(&steady).into_iter().max().unwrap();
            assert!(gap <= millis(1_005), "{hanging} hang: {gap:?}");
            assert!(*ticks.last().unwrap() > secs(118), "{hanging} hang");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_hung_is_ticked_within_3_seconds_when_it_works_again() {
    for works_from in (20_000..24_000).step_by(130) {
        let began = now();
        let fake = Fake::new(vec![concert(1)], async |_| {
            if now() - began < millis(works_from) {
                tokio::time::sleep(secs(20)).await;
            }
            Ok(in_a_second())
        });
        fake.run(secs(40)).await;
        let ticks = fake.ticks(concert(1));
        let works = |tick: &&Duration| **tick >= millis(works_from);
        let first = *ticks.iter().find(works).unwrap();
        assert!(first <= millis(works_from) + secs(3), "{first:?}");
        let steady: Vec<_> = ticks.into_iter().filter(|tick| *tick >= first).collect();
        let in_pace = |pause: Duration| pause <= millis(1_005);
        assert!(pauses(&steady).into_iter().all(in_pace));
    }
}

#[tokio::test(start_paused = true)]
async fn ticks_fall_on_the_starts_of_windows() {
    for (interval, ticks_per_window) in [
        (millis(100), 3),
        (millis(1_700), 3),
        (secs(3), 3),
        (secs(10), 10),
    ] {
        let began = now();
        let fake = Fake::new(vec![concert(1)], async |_| {
            tokio::time::sleep(millis(5)).await;
            Ok(aligned(began, interval))
        });
        fake.run(interval * 20).await;
        let ticks = fake.ticks(concert(1));
        for window in 0..20 {
            let start = interval * window;
            let in_window = ticks
                .iter()
                .filter(|tick| (start..start + interval).contains(*tick));
            let in_window: Vec<_> = in_window.collect();
            assert_eq!(in_window.len(), ticks_per_window, "{interval:?}");
            let first = **in_window.first().unwrap();
            assert!(first <= start + millis(1), "{interval:?}: {first:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_ticks_are_bounded_and_each_queue_gets_its_turn() {
    let queues: Vec<_> = (1..=50).map(concert).collect();
    let fake = Fake::new(queues.clone(), async |_| {
        tokio::time::sleep(millis(30)).await;
        Ok(next(NextTick::After(millis(10))))
    });
    fake.run(secs(20)).await;
    assert_eq!(fake.most_running.get(), CONCURRENT);
    for queue in queues {
        // A round is 50 ticks of 30 ms, four at a time.
        assert!(fake.longest_gap(queue, secs(20)) <= millis(450));
    }
}

/// A tick that takes longer than its pace is not overtaken by the next one of the same queue.
#[tokio::test(start_paused = true)]
async fn a_queue_is_never_ticked_twice_at_once() {
    let fake = Fake::new(vec![concert(1), concert(2)], async |_| {
        tokio::time::sleep(millis(1_900)).await;
        Ok(next(NextTick::After(Duration::ZERO)))
    });
    fake.run(secs(60)).await;
    assert_eq!(fake.most_running.get(), 2);
    assert!(fake.ticks(concert(1)).len() > 30);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_backs_off_up_to_a_bound() {
    let fake = Fake::new(vec![concert(1)], async |_| Err(down()));
    fake.run(secs(30)).await;
    let ticks = fake.ticks(concert(1));
    let pauses = pauses(&ticks);
    let expected = [500, 1_000, 2_000, 2_500, 2_500].map(millis);
    for (pause, expected) in pauses.iter().zip(expected) {
        assert!(
            *pause >= expected && *pause <= expected + millis(2),
            "{pauses:?}"
        );
    }
    assert!(fake.longest_gap(concert(1), secs(30)) <= millis(2_505));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_queues_are_served_in_time_when_work_is_instant() {
    let began = now();
    let interval = |queue: ConcertId| {
        let number = u64::try_from(queue.0.as_u128()).unwrap();
        millis(100 + number * 29 % 2_901)
    };
    let queues: Vec<_> = (1..=1_000).map(concert).collect();
    let fake = Fake::new(queues.clone(), async |queue| {
        Ok(aligned(began, interval(queue)))
    });
    let end = secs(10);
    fake.run(end).await;
    for queue in queues {
        let pace = Pace::in_windows_of(interval(queue)).duration();
        let gap = fake.longest_gap(queue, end);
        assert!(gap <= pace + millis(2), "{:?}: {gap:?}", interval(queue));
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_without_places_is_ticked_rarely_while_it_is_known() {
    let fake = Fake::new(Vec::new(), async |_| Ok(next(NextTick::Resting)));
    *fake.known.borrow_mut() = vec![concert(1)];
    fake.run(secs(95)).await;
    assert_eq!(fake.ticks(concert(1)).len(), 4);
    fake.known.borrow_mut().clear();
    fake.run(secs(95)).await;
    assert_eq!(fake.ticks(concert(1)).len(), 4, "it has left the schedule");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_joined_is_ticked_within_a_second() {
    let fake = Fake::new(Vec::new(), async |_| Ok(next(NextTick::Resting)));
    *fake.known.borrow_mut() = vec![concert(1)];
    let joined = async {
        tokio::time::sleep(millis(10_300)).await;
        *fake.busy.borrow_mut() = Ok(vec![concert(1)]);
    };
    tokio::join!(fake.run(secs(20)), joined);
    let ticks = fake.ticks(concert(1));
    assert_eq!(
        ticks.len(),
        10,
        "at the start, and each second from 11 s to 19 s: {ticks:?}"
    );
}

/// The same applies if the list of busy queues hangs.
#[tokio::test(start_paused = true)]
async fn a_failing_list_of_busy_queues_stops_no_known_queue() {
    let fake = Fake::new(vec![concert(1)], async |_| Ok(in_a_second()));
    let failing = async {
        tokio::time::sleep(millis(1_500)).await;
        *fake.busy.borrow_mut() = Err(down());
    };
    tokio::join!(fake.run(secs(60)), failing);
    assert!(fake.longest_gap(concert(1), secs(60)) <= millis(1_005));
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_has_begun_is_finished() {
    let ended = Cell::new(false);
    let fake = Fake::new(vec![concert(1)], async |_| {
        tokio::time::sleep(millis(700)).await;
        ended.set(true);
        Ok(in_a_second())
    });
    fake.run(millis(500)).await;
    assert!(ended.get());
}
