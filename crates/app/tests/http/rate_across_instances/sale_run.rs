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
    USERS,
    disturbance::Disturbance,
    history::{History, Seen},
    instance_group::InstanceGroup,
    polling_user::{ONE_IN, PollingUser},
    user_count,
    violations::{Limits, violations, windows},
};
use crate::stores::{QueueReader, QueueRecord, Stores};

/// The number of requests in flight.
const AT_ONCE: usize = 24;
/// One in three users joins before the queue opens.
const BEFORE: usize = 3;
/// The time limit for two thousand users, on a slow machine.
const ENDS_WITHIN: Duration = Duration::from_secs(110);

/// The course of one test.
pub(super) struct SaleRun {
    group: InstanceGroup,
    limits: Limits,
    /// The names of all users.
    users: BTreeSet<String>,
    /// The users whose join was answered.
    joined: Mutex<BTreeMap<String, PollingUser>>,
    /// The observations in the answers to them.
    answers: Mutex<Vec<Seen>>,
    all_have_joined: AtomicBool,
}

/// Reads the store again and again, and lets active users leave while others wait.
struct StoreObserver<'a> {
    run: &'a SaleRun,
    reader: QueueReader,
    history: History,
    /// The users who have left.
    left: BTreeSet<String>,
    /// True once as many users were active as the limit allows. No user leaves before that, so the
    /// test would see an admission too many.
    was_full: bool,
}

impl SaleRun {
    /// Lets all users join and be admitted, and checks the history.
    pub(super) async fn of(stores: Stores, limits: Limits, disturbance: Disturbance) -> Result<()> {
        let users: BTreeSet<_> = (0..user_count()).map(PollingUser::name).collect();
        let seats = user_count() / ONE_IN;
        let opening = InstanceGroup::open(stores, &limits, disturbance, users.iter(), seats);
        let (group, apps, reader) = opening.await?;
        let run = Self {
            group,
            limits,
            users,
            joined: Mutex::default(),
            answers: Mutex::default(),
            all_have_joined: AtomicBool::new(false),
        };
        run.join(0..user_count() / BEFORE).await?;
        run.group.open_queue().await?;
        let observer = StoreObserver {
            run: &run,
            reader,
            history: History::default(),
            left: BTreeSet::new(),
            was_full: false,
        };
        let is_over = CancellationToken::new();
        let crowd = async {
            let both = tokio::try_join!(observer.observe(), run.join_the_others())?;
            is_over.cancel();
            Ok(both.0)
        };
        let disturbed = disturbance.run(apps, &is_over);
        let (history, kills) = tokio::try_join!(crowd, disturbed)?;
        ensure!(kills > 0 || disturbance != Disturbance::Kills);
        run.judge(&history, kills)
    }

    async fn join_the_others(&self) -> Result<()> {
        self.join(user_count() / BEFORE..user_count()).await?;
        self.all_have_joined.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Lets the users with these numbers join.
    async fn join(&self, numbers: impl Iterator<Item = usize>) -> Result<()> {
        let joining = numbers.map(|number| async move {
            let (user, seen) = PollingUser::join(&self.group, number).await?;
            self.note(seen);
            let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
            joined.insert(user.name.clone(), user);
            anyhow::Ok(())
        });
        let joining = stream::iter(joining).buffer_unordered(AT_ONCE);
        joining.try_collect().await
    }

    fn note(&self, seen: impl IntoIterator<Item = Seen>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.extend(seen);
    }

    fn user(&self, user: &str) -> Option<PollingUser> {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.get(user).cloned()
    }

    fn judge(&self, history: &History, kills: usize) -> Result<()> {
        let found = violations(history, &self.users, &self.limits);
        let windows = self.limits.throughput.map(|rate| {
            let windows = windows(history, rate);
            let full = windows.values().filter(|admitted| **admitted == rate.admit);
            (windows.len(), full.count())
        });
        println!(
            "{} users, {} from the line; windows and how many of them were full: {windows:?}; \
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

impl StoreObserver<'_> {
    /// Reads the store until no user waits any more. Returns all observations.
    async fn observe(mut self) -> Result<History> {
        let within = ENDS_WITHIN * u32::try_from(user_count().div_ceil(USERS))?;
        let last = eventually("no user waits any more", within, async || {
            let all_have_joined = self.run.all_have_joined.load(Ordering::SeqCst);
            let record = self.reader.read().await?;
            self.history.note_record(&record);
            if all_have_joined && record.waiting.is_empty() {
                return Ok(Some(record));
            }
            self.let_active_users_leave(&record).await?;
            Ok(None)
        });
        let last = last.await?;
        self.all_look_up(&last).await?;
        let answers = std::mem::take(
            &mut *self
                .run
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for seen in answers {
            self.history.note(seen);
        }
        Ok(self.history)
    }

    /// Lets active users leave if the number of active users is limited.
    async fn let_active_users_leave(&mut self, record: &QueueRecord) -> Result<()> {
        let Some(max_active) = self.run.limits.max_active else {
            return Ok(());
        };
        self.was_full |= record.active.len() >= max_active;
        if !self.was_full {
            return Ok(());
        }
        let users = record.active.iter().map(|active| &active.user);
        let leaving: Vec<_> = users
            .filter(|user| !self.left.contains(*user))
            .filter_map(|user| self.run.user(user))
            .collect();
        self.left
            .extend(leaving.iter().map(|user| user.name.clone()));
        let group = &self.run.group;
        let leaving = leaving
            .into_iter()
            .map(|user| async move { user.leave_or_pay(group).await });
        let leaving = stream::iter(leaving).buffer_unordered(AT_ONCE);
        self.run.note(leaving.try_collect::<Vec<_>>().await?);
        Ok(())
    }

    /// Checks that users who are active at the end get answers that agree with the store.
    async fn all_look_up(&self, last: &QueueRecord) -> Result<()> {
        let group = &self.run.group;
        let there = last.active.iter();
        let users = there.filter_map(|active| self.run.user(&active.user));
        let looking = users.map(|user| async move { user.look_up(group).await });
        let looking = stream::iter(looking).buffer_unordered(AT_ONCE);
        self.run.note(looking.try_collect::<Vec<_>>().await?);
        Ok(())
    }
}
