//! The course of a test, from the first join to the last admission.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use frontrow_test_harness::eventually;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    PEOPLE,
    disturbance::Disturbance,
    guest::{Guest, ONE_IN},
    history::{History, Seen},
    house::House,
    people,
    violations::{Limits, violations, windows},
};
use crate::stores::{QueueReader, QueueRecord, Stores};

/// The number of requests in flight.
const AT_ONCE: usize = 24;
/// One of three users comes before the queue opens.
const BEFORE: usize = 3;
/// The time limit for two thousand users, on a slow machine.
const ENDS_WITHIN: Duration = Duration::from_secs(110);

/// The course of one test.
pub(super) struct Evening {
    house: House,
    limits: Limits,
    /// All users who come.
    users: BTreeSet<String>,
    /// The users who have joined, and know it.
    guests: Mutex<BTreeMap<String, Guest>>,
    /// What the answers to them showed.
    told: Mutex<Vec<Seen>>,
    all_have_joined: AtomicBool,
}

/// Reads the store again and again, and lets active users leave when others want to get in.
struct Usher<'a> {
    evening: &'a Evening,
    reader: QueueReader,
    history: History,
    /// The users who have left.
    gone: BTreeSet<String>,
    /// No user leaves before as many are active as the limit allows. That shows that no more get
    /// in.
    was_full: bool,
}

impl Evening {
    /// Lets all users come, and judges the history.
    pub(super) async fn of(stores: Stores, limits: Limits, disturbance: Disturbance) -> Result<()> {
        let users: BTreeSet<_> = (0..people()).map(Guest::name).collect();
        let seats = people() / ONE_IN;
        let opening = House::open(stores, &limits, disturbance, users.iter(), seats);
        let (house, apps, reader) = opening.await?;
        let evening = Self {
            house,
            limits,
            users,
            guests: Mutex::default(),
            told: Mutex::default(),
            all_have_joined: AtomicBool::new(false),
        };
        evening.join(0..people() / BEFORE).await?;
        evening.house.admit().await?;
        let usher = Usher {
            evening: &evening,
            reader,
            history: History::default(),
            gone: BTreeSet::new(),
            was_full: false,
        };
        let is_over = CancellationToken::new();
        let crowd = async {
            let both = tokio::try_join!(usher.watch(), evening.the_others_join())?;
            is_over.cancel();
            Ok(both.0)
        };
        let disturbed = disturbance.go_on(apps, &is_over);
        let (history, kills) = tokio::try_join!(crowd, disturbed)?;
        ensure!(kills > 0 || disturbance != Disturbance::Kills);
        evening.judge(&history, kills)
    }

    async fn the_others_join(&self) -> Result<()> {
        self.join(people() / BEFORE..people()).await?;
        self.all_have_joined.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Lets these users come.
    async fn join(&self, numbers: impl Iterator<Item = usize>) -> Result<()> {
        let joining = numbers.map(|number| async move {
            let (guest, seen) = Guest::join(&self.house, number).await?;
            self.note(seen);
            let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
            guests.insert(guest.name.clone(), guest);
            anyhow::Ok(())
        });
        let joining = stream::iter(joining).buffer_unordered(AT_ONCE);
        joining.try_collect().await
    }

    fn note(&self, seen: impl IntoIterator<Item = Seen>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(seen);
    }

    fn guest(&self, user: &str) -> Option<Guest> {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.get(user).cloned()
    }

    fn judge(&self, history: &History, kills: usize) -> Result<()> {
        let found = violations(history, &self.users, &self.limits);
        let windows = self.limits.throughput.map(|rate| {
            let windows = windows(history, rate);
            let full = windows.values().filter(|admitted| **admitted == rate.admit);
            (windows.len(), full.count())
        });
        println!(
            "{} people, {} from the line; windows and how many of them were full: {windows:?}; \
             most active: {}; kills: {kills}",
            history.stays.len(),
            history.moved,
            history.most_active,
        );
        ensure!(found.is_empty(), "{} violations: {found:#?}", found.len());
        // Limits that were not reached would prove nothing.
        ensure!(windows.is_none_or(|(_, full)| full > 0));
        let max_active = self.limits.max_active;
        ensure!(max_active.is_none_or(|max_active| history.most_active == max_active));
        Ok(())
    }
}

impl Usher<'_> {
    /// Reads the store until no user waits any more. Returns all observations.
    async fn watch(mut self) -> Result<History> {
        let within = ENDS_WITHIN * u32::try_from(people().div_ceil(PEOPLE))?;
        let last = eventually("nobody waits any more", within, async || {
            let all_have_joined = self.evening.all_have_joined.load(Ordering::SeqCst);
            let record = self.reader.read().await?;
            self.history.note_record(&record);
            if all_have_joined && record.waiting.is_empty() {
                return Ok(Some(record));
            }
            self.show_out(&record).await?;
            Ok(None)
        });
        let last = last.await?;
        self.all_look_up(&last).await?;
        let told = std::mem::take(
            &mut *self
                .evening
                .told
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for seen in told {
            self.history.note(seen);
        }
        Ok(self.history)
    }

    /// With a limit of active users, lets active users leave.
    async fn show_out(&mut self, record: &QueueRecord) -> Result<()> {
        let Some(max_active) = self.evening.limits.max_active else {
            return Ok(());
        };
        self.was_full |= record.active.len() >= max_active;
        if !self.was_full {
            return Ok(());
        }
        let users = record.active.iter().map(|active| &active.user);
        let going: Vec<_> = users
            .filter(|user| !self.gone.contains(*user))
            .filter_map(|user| self.evening.guest(user))
            .collect();
        self.gone
            .extend(going.iter().map(|guest| guest.name.clone()));
        let house = &self.evening.house;
        let going = going
            .into_iter()
            .map(|guest| async move { guest.go(house).await });
        let going = stream::iter(going).buffer_unordered(AT_ONCE);
        self.evening.note(going.try_collect::<Vec<_>>().await?);
        Ok(())
    }

    /// Checks that users who are active at the end get answers that agree with the store.
    async fn all_look_up(&self, last: &QueueRecord) -> Result<()> {
        let house = &self.evening.house;
        let there = last.active.iter();
        let guests = there.filter_map(|active| self.evening.guest(&active.user));
        let looking = guests.map(|guest| async move { guest.look_up(house).await });
        let looking = stream::iter(looking).buffer_unordered(AT_ONCE);
        self.evening.note(looking.try_collect::<Vec<_>>().await?);
        Ok(())
    }
}
