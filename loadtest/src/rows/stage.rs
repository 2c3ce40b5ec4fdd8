//! What a group of rows is measured on: a newly started program, on empty stores.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::json;

use super::queues::LOOK_UP;
use crate::{
    bare::Bare,
    cli::{AppendOnly, Backend, Database, Settings},
    client::{Feed, Judge, Load, Pollers, Request, Requests},
    machine,
    measure::{BARE, Meter, Plan},
    people::{self, Crowd, Person, Series},
    program::{self, Program},
    report::Report,
    stores::Stores,
};

/// Creates stages.
pub(crate) struct Stages {
    pub(crate) settings: Settings,
    /// The number of pairs in a full run.
    pairs: u32,
    /// The backend of the queues. The first one if there are several.
    pub(crate) backend: Backend,
    pub(crate) stores: Stores,
    /// The program under load: `subject` or `earlier`.
    binary: PathBuf,
    subject: PathBuf,
    earlier: Option<PathBuf>,
}

/// The stores that a run needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The backends of queues. A stage uses the first one, unless it is created on another one.
    pub(crate) backends: &'a [Backend],
    pub(crate) database: Database,
    pub(crate) append_only: AppendOnly,
}

/// A running program, the baseline server beside it, and the meter of their processor time.
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) bare: Bare,
    pub(crate) meter: Meter,
    pub(crate) settings: Settings,
}

impl Stages {
    /// Builds the program and starts the stores.
    pub(crate) async fn open(
        settings: &Settings,
        wanted: Wanted<'_>,
        report: &mut Report,
    ) -> Result<Self> {
        let settings = settings.clone().shrunk();
        let subject = match &settings.subject {
            Some(subject) => subject.canonicalize()?,
            None => program::release_build()?,
        };
        let earlier = settings.program.as_ref();
        let earlier = earlier.map(|file| file.canonicalize()).transpose()?;
        machine::describe(report, &subject, earlier.as_deref());
        let names: Vec<_> = wanted
            .backends
            .iter()
            .map(|backend| backend.name())
            .collect();
        report.fact("queues", names.join(", "));
        report.fact(
            "client",
            format!(
                "{} connections, {} threads, {} users, {} pairs of {} s",
                settings.connections,
                settings.threads(),
                settings.users,
                settings.pairs,
                settings.slice_s
            ),
        );
        let stores = Stores::start(wanted.backends, wanted.database, wanted.append_only).await?;
        stores.describe(report).await?;
        Ok(Self {
            pairs: settings.pairs,
            settings,
            backend: wanted.backends.first().copied().context("no backend")?,
            stores,
            binary: subject.clone(),
            subject,
            earlier,
        })
    }

    /// The program under load.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// True if there is an earlier program to compare with.
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_some()
    }

    /// Puts the measured program under load, in short runs. There are many short runs, and their
    /// median counts.
    pub(crate) fn short_runs_of_subject(&mut self) -> &Self {
        self.binary.clone_from(&self.subject);
        self.settings.pairs = 1;
        self
    }

    /// Puts the earlier program under load, in short runs.
    pub(crate) fn short_runs_of_earlier(&mut self) -> &Self {
        if let Some(earlier) = &self.earlier {
            self.binary.clone_from(earlier);
        }
        self.settings.pairs = 1;
        self
    }

    /// True in short runs, which are repeated many times.
    pub(crate) fn is_short(&self) -> bool {
        self.settings.pairs < self.pairs
    }

    /// Returns to full runs of the measured program.
    pub(crate) fn full_runs_of_subject(&mut self) {
        self.binary.clone_from(&self.subject);
        self.settings.pairs = self.pairs;
    }

    /// Ends the stores.
    pub(crate) async fn end(self) -> Result<()> {
        self.stores.end().await
    }

    /// Creates a stage.
    pub(crate) async fn set(&self) -> Result<Stage> {
        self.set_on(self.backend).await
    }

    /// Creates a stage with its queues on `backend`.
    pub(crate) async fn set_on(&self, backend: Backend) -> Result<Stage> {
        self.set_with(backend, &[]).await
    }

    /// Creates a stage with its queues on `backend` and these settings of the program.
    pub(crate) async fn set_with(
        &self,
        backend: Backend,
        settings: &[(&str, String)],
    ) -> Result<Stage> {
        let binary = &self.binary;
        let mut program = Program::start(binary, backend, &self.stores, settings).await?;
        let bare = Bare::start(&an_answer(&program).await?).await?;
        let mut processes = vec![("program", program.pid()), (BARE, bare.pid())];
        processes.extend(self.stores.processes());
        Ok(Stage {
            meter: Meter::of(&processes),
            program,
            bare,
            settings: self.settings.clone(),
        })
    }
}

impl Stage {
    /// Lets a crowd join. Returns the users that are kept.
    pub(crate) async fn join(&self, concert: &str, crowd: Crowd) -> Result<Vec<Person>> {
        let Settings { connections, .. } = self.settings;
        let threads = self.settings.threads();
        people::join(&self.program, threads, connections, concert, crowd).await
    }

    /// A load on the program.
    pub(crate) fn load(&self, feed: Feed, judge: Judge) -> Result<Load> {
        Ok(self.load_on(self.program.address()?, feed, judge))
    }

    /// Starts the polls of these users, who poll when the answers say. Their first polls are spread
    /// over `spread`.
    pub(crate) fn poll(&self, people: &[&Person], spread: Duration) -> Result<Pollers> {
        self.poll_at(&[self.program.address()?], people, spread)
    }

    /// Like [`Self::poll`], but each poll goes to any of these instances.
    pub(crate) fn poll_at(
        &self,
        instances: &[SocketAddr],
        people: &[&Person],
        spread: Duration,
    ) -> Result<Pollers> {
        let threads = self.settings.threads();
        // Each thread has users from all parts of the line.
        let users = (0..threads).map(|thread| {
            let people = people.iter().skip(thread).step_by(threads);
            people
                .map(|person| Request::get(LOOK_UP).queue_token(&person.token))
                .collect()
        });
        let connections = self.settings.connections;
        Pollers::start(instances, connections, users.collect(), spread)
    }

    /// A load on the bare route.
    pub(crate) fn bare_load(&self, requests: Requests) -> Load {
        let feed = Feed::around(requests);
        self.load_on(self.bare.address(), feed, expects(200, "queue_token"))
    }

    /// A load on the server at this address.
    pub(crate) fn load_on(&self, address: SocketAddr, feed: Feed, judge: Judge) -> Load {
        Load {
            address,
            connections: self.settings.connections,
            threads: self.settings.threads(),
            feed: Arc::new(feed),
            judge,
        }
    }

    /// How the two sides of a ratio take turns.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            slice: self.settings.slice(),
            pairs: self.settings.pairs,
        }
    }
}

/// Accepts an answer with this status that has this text somewhere in its body.
pub(crate) fn expects(status: u16, text: &'static str) -> Judge {
    let finder = memchr::memmem::Finder::new(text.as_bytes());
    Arc::new(move |_, answer| answer.status == status && finder.find(answer.body).is_some())
}

/// An answer to a waiting user. The bare route answers the same bytes.
async fn an_answer(program: &Program) -> Result<String> {
    let concert = program
        .concert("An answer to be copied", json!({ "state": "paused" }))
        .await?;
    let crowd = Crowd {
        series: Series(0),
        first: 0,
        count: 1,
        keep_every: 1,
        state: "waiting",
    };
    let joined = people::join(program, 1, 1, &concert, crowd).await?;
    let token = joined.first().map_or("", |person| &person.token);
    let (_, text) = program.look_up(token).await?;
    Ok(text)
}
