//! People who ask for the same at the same time share a call.
//!
//! A call costs the server and the driver much more than what is asked in it: the hash of the script, the
//! keys, the clock, the terms. So there is one call under way at a time for each script, queue and
//! runtime; who comes meanwhile is in the next one, with all the others who do. Alone, nobody waits for
//! anybody; with many, each waits for one call before their own. Where a call's worth of people waits, because
//! the server is far away or slow, further calls are made beside it.
//!
//! A script handles the people of a call one after the other, as if each had come alone. Most who ask where
//! their active place is, or show it at the gate, have claimed it before, and nothing changes: a cheaper
//! script tells those.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Generation},
    },
    ports::{Stamped, StoreError, StoreResult},
};
use tokio::{
    runtime::{Handle, Id},
    sync::oneshot,
    task::yield_now,
};

use crate::{
    calls::{Caller, Calls},
    errors,
    people::{Answers, Person, Told},
    questions::{self, Question},
};

/// How many people one call is about at most. Taking so many places takes the server about a millisecond.
const PEOPLE_MAX: usize = 100;

/// How many calls are under way on a route at most.
const CALLS_MAX: u32 = 16;

/// How many wait on a route at most: more than are ever asked for in the time that anybody waits.
const WAITING_MAX: usize = 10_000;

/// How often somebody may wait for a call at most, beside the one that they are in. Somebody who asks a
/// thousand times at once shall not keep all the others waiting.
const AGAIN_MAX: u32 = 100;

/// What somebody is told; nothing where the store does not have the queue.
pub(crate) type Answer = StoreResult<Stamped<Option<Told>>>;

/// The calls that people share.
#[derive(Clone)]
pub(crate) struct Batches {
    calls: Calls,
    /// For how long somebody waits for their call at most.
    patience: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The routes on which calls are under way.
    lines: HashMap<Route, Line>,
    /// The latest arrival, in each generation of a queue, of whom somebody was told that they are active.
    /// People are admitted in order, so nobody waits any more who came before.
    admitted: HashMap<ConcertId, (Generation, Arrival)>,
}

/// Who waits for the next call on a route, and how many calls are under way.
#[derive(Default)]
struct Line {
    waiting: Vec<Asked>,
    calls: u32,
}

/// Which calls follow each other. Each runtime has its own connection, and its tasks are woken at
/// no cost to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Route {
    runtime: Id,
    question: Question,
    concert: ConcertId,
}

/// Somebody who waits for an answer.
struct Asked {
    person: Person,
    since: Instant,
    answer: oneshot::Sender<Answer>,
}

impl Asked {
    fn tell(self, answer: Answer) {
        // Whoever has hung up misses it.
        let _ = self.answer.send(answer);
    }
}

impl Batches {
    /// Nobody waits for longer than `patience` for their call to begin.
    pub(crate) fn new(calls: Calls, patience: Duration) -> Self {
        Self {
            calls,
            patience,
            state: Arc::default(),
        }
    }

    /// Asks this about `person`. Who hangs up before their call begins is not asked for.
    pub(crate) async fn ask(
        &self,
        question: Question,
        concert: ConcertId,
        person: Person,
    ) -> Answer {
        if let Some(error) = self.calls.failure(Caller::Request) {
            return Err(error);
        }
        let (answer, told) = oneshot::channel();
        let route = Route {
            runtime: Handle::current().id(),
            question,
            concert,
        };
        let since = now();
        let asked = Asked {
            person,
            since,
            answer,
        };
        if let Some(calling) = self.wait(route, asked) {
            tokio::spawn(calling.run());
        }
        told.await
            .unwrap_or_else(|_| Err(StoreError::outcome_unknown("a call to Redis was given up")))
    }

    /// Lets somebody wait for the next call; gives what is to make it where none is under way, or too many wait
    /// for those that are.
    fn wait(&self, route: Route, asked: Asked) -> Option<Calling> {
        let mut state = lock(&self.state);
        let line = state.lines.entry(route).or_default();
        if line.waiting.len() >= WAITING_MAX {
            asked.tell(Err(errors::unavailable("too many wait for a call")));
            return None;
        }
        line.waiting.push(asked);
        let crowded = line.waiting.len().is_multiple_of(PEOPLE_MAX) && line.calls < CALLS_MAX;
        if line.calls > 0 && !crowded {
            return None;
        }
        line.calls += 1;
        Some(Calling {
            batches: self.clone(),
            route,
            is_over: false,
        })
    }
}

/// Makes one call after the other for as long as anybody waits for one.
struct Calling {
    batches: Batches,
    route: Route,
    is_over: bool,
}

impl Calling {
    async fn run(mut self) {
        while let Some(asked) = self.next() {
            let (admitted, others) = self.split(asked);
            let left = self.tell_claimed(admitted).await;
            self.tell(others.into_iter().chain(left).collect()).await;
        }
    }

    /// Who is in the next call; none where nobody waits, and this is over.
    fn next(&mut self) -> Option<Vec<Asked>> {
        let mut state = lock(&self.batches.state);
        let Entry::Occupied(mut line) = state.lines.entry(self.route) else {
            return None;
        };
        let (next, later) = board(
            std::mem::take(&mut line.get_mut().waiting),
            self.batches.patience,
        );
        line.get_mut().waiting = later;
        if next.is_empty() {
            self.is_over = true;
            line.get_mut().calls -= 1;
            if line.get().calls == 0 {
                line.remove();
            }
            return None;
        }
        Some(next)
    }

    /// Those first whose places may well be claimed.
    fn split(&self, asked: Vec<Asked>) -> (Vec<Asked>, Vec<Asked>) {
        let state = lock(&self.batches.state);
        match state.admitted.get(&self.route.concert) {
            Some(&(_, up_to)) if self.route.question.may_only_look() => asked
                .into_iter()
                .partition(|asked| asked.person.only_looks(up_to)),
            _ => (Vec::new(), asked),
        }
    }

    /// Remembers who was admitted.
    fn note_admitted<'a>(&self, told: impl Iterator<Item = &'a Told>) {
        let Some((generation, last)) = told.filter_map(Told::active).max_by_key(|(_, at)| *at)
        else {
            return;
        };
        let mut state = lock(&self.batches.state);
        let up_to = state.admitted.entry(self.route.concert);
        let up_to = up_to.or_insert((generation, last));
        // Of a queue that was lost, everybody may wait again.
        *up_to = if up_to.0 == generation {
            (generation, last.max(up_to.1))
        } else {
            (generation, last)
        };
    }

    /// Tells those whose places are claimed; gives the others.
    async fn tell_claimed(&self, asked: Vec<Asked>) -> Vec<Asked> {
        if asked.is_empty() {
            return asked;
        }
        let people = asked.iter().map(|asked| &asked.person);
        match questions::claimed(&self.batches.calls, self.route.concert, people).await {
            Ok(told) => {
                let left = asked.into_iter().zip(told).filter_map(|(asked, told)| {
                    let Some(told) = told else {
                        return Some(asked);
                    };
                    asked.tell(Ok(told.map(Some)));
                    None
                });
                left.collect()
            }
            Err(error) => {
                fail(asked, &error).await;
                Vec::new()
            }
        }
    }

    /// Tells everybody what comes of the question.
    async fn tell(&self, asked: Vec<Asked>) {
        if asked.is_empty() {
            return;
        }
        let Route {
            question, concert, ..
        } = self.route;
        let people = asked.iter().map(|asked| &asked.person);
        match question.ask(&self.batches.calls, concert, people).await {
            Ok(Answers { as_of, told, .. }) => {
                self.note_admitted(told.iter().flatten());
                let mut told = told.into_iter().flatten();
                for asked in asked {
                    let value = told.next();
                    asked.tell(Ok(Stamped { as_of, value }));
                }
            }
            Err(error) => fail(asked, &error).await,
        }
    }
}

/// Tells everybody that their call failed. Whoever looks after the connection learns of it before it is
/// used again.
async fn fail(asked: Vec<Asked>, error: &StoreError) {
    tell_all(asked, error);
    yield_now().await;
}

fn tell_all(asked: Vec<Asked>, error: &StoreError) {
    for asked in asked {
        asked.tell(Err(error.clone()));
    }
}

/// Where a call was given up, by a panic or with its runtime, nobody goes on waiting for the next.
impl Drop for Calling {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = lock(&self.batches.state);
        if let Entry::Occupied(mut line) = state.lines.entry(self.route) {
            line.get_mut().calls -= 1;
            if line.get().calls == 0 {
                let given_up = errors::unavailable("a call was given up");
                tell_all(line.remove().waiting, &given_up);
            }
        }
    }
}

/// Who is in the next call, and who waits for a later one: who asks twice at the same time is in two calls. Who
/// has hung up is in none, and who has waited for too long, or asks too often, is told so.
fn board(waiting: Vec<Asked>, patience: Duration) -> (Vec<Asked>, Vec<Asked>) {
    let now = now();
    let (mut next, mut later) = (
        Vec::with_capacity(waiting.len().min(PEOPLE_MAX)),
        Vec::new(),
    );
    // Nobody can choose the digest that they are known by.
    let mut times = HashMap::with_hasher(RandomState::default());
    for asked in waiting {
        if asked.answer.is_closed() {
            continue;
        }
        if now.duration_since(asked.since) > patience {
            asked.tell(Err(errors::unavailable("no call began in time")));
            continue;
        }
        let times = times.entry(asked.person.member).or_insert(0_u32);
        *times += 1;
        if *times == 1 && next.len() < PEOPLE_MAX {
            next.push(asked);
        } else if *times > AGAIN_MAX {
            asked.tell(Err(errors::unavailable("asked too often at once")));
        } else {
            later.push(asked);
        }
    }
    (next, later)
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures how long somebody waits"
)]
fn now() -> Instant {
    Instant::now()
}

/// Nothing panics under the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").finish_non_exhaustive()
    }
}
