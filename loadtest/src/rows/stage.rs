//! What a group of rows is measured on: a program that was just started, on stores that are empty.

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

/// Makes stages.
pub(crate) struct Stages {
    pub(crate) settings: Settings,
    /// How many pairs a full run has.
    pairs: u32,
    /// What keeps the queues; the first, where several do.
    pub(crate) backend: Backend,
    pub(crate) stores: Stores,
    /// What is under load: one of the two below.
    binary: PathBuf,
    subject: PathBuf,
    earlier: Option<PathBuf>,
}

/// Which stores are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// What keeps the queues; the first, unless a stage is set on another.
    pub(crate) backends: &'a [Backend],
    pub(crate) database: Database,
    pub(crate) append_only: AppendOnly,
}

/// A program, the baseline beside it, and who reads their processor time.
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
                "{} connections, {} threads, {} people, {} pairs of {} s",
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

    /// True where there is an earlier program to compare with.
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_some()
    }

    /// The same with the program under load that is measured, in short runs: of many, the median
    /// counts.
    pub(crate) fn short_runs_of_subject(&mut self) -> &Self {
        self.binary.clone_from(&self.subject);
        self.settings.pairs = 1;
        self
    }

    /// The same with the earlier program under load.
    pub(crate) fn short_runs_of_earlier(&mut self) -> &Self {
        if let Some(earlier) = &self.earlier {
            self.binary.clone_from(earlier);
        }
        self.settings.pairs = 1;
        self
    }

    /// True of short runs, which are made many times.
    pub(crate) fn is_short(&self) -> bool {
        self.settings.pairs < self.pairs
    }

    /// Back to how it was opened.
    pub(crate) fn full_runs_of_subject(&mut self) {
        self.binary.clone_from(&self.subject);
        self.settings.pairs = self.pairs;
    }

    /// Ends the stores.
    pub(crate) async fn end(self) -> Result<()> {
        self.stores.end().await
    }

    /// A fresh stage.
    pub(crate) async fn set(&self) -> Result<Stage> {
        self.set_on(self.backend).await
    }

    /// A fresh stage with its queues on `backend`.
    pub(crate) async fn set_on(&self, backend: Backend) -> Result<Stage> {
        self.set_with(backend, &[]).await
    }

    /// A fresh stage with its queues on `backend` and these settings of the program.
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
    /// Has a crowd join.
    pub(crate) async fn join(&self, concert: &str, crowd: Crowd) -> Result<Vec<Person>> {
        let Settings { connections, .. } = self.settings;
        let threads = self.settings.threads();
        people::join(&self.program, threads, connections, concert, crowd).await
    }

    /// Load on the program.
    pub(crate) fn load(&self, feed: Feed, judge: Judge) -> Result<Load> {
        Ok(self.load_on(self.program.address()?, feed, judge))
    }

    /// Has these users poll as told; their first polls are spread over `spread`.
    pub(crate) fn poll(&self, people: &[&Person], spread: Duration) -> Result<Pollers> {
        self.poll_at(&[self.program.address()?], people, spread)
    }

    /// The same, each poll at any of these instances.
    pub(crate) fn poll_at(
        &self,
        instances: &[SocketAddr],
        people: &[&Person],
        spread: Duration,
    ) -> Result<Pollers> {
        let threads = self.settings.threads();
        // Each thread has users from all over the line.
        let users = (0..threads).map(|thread| {
            let people = people.iter().skip(thread).step_by(threads);
            people
                .map(|person| Request::get(LOOK_UP).queue_token(&person.token))
                .collect()
        });
        let connections = self.settings.connections;
        Pollers::start(instances, connections, users.collect(), spread)
    }

    /// The same load on the bare route.
    pub(crate) fn bare_load(&self, requests: Requests) -> Load {
        let feed = Feed::around(requests);
        self.load_on(self.bare.address(), feed, expects(200, "queue_token"))
    }

    /// The same load on whoever listens there.
    pub(crate) fn load_on(&self, address: SocketAddr, feed: Feed, judge: Judge) -> Load {
        Load {
            address,
            connections: self.settings.connections,
            threads: self.settings.threads(),
            feed: Arc::new(feed),
            judge,
        }
    }

    /// How both sides of a ratio take turns.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            slice: self.settings.slice(),
            pairs: self.settings.pairs,
        }
    }
}

/// Meant is an answer with this status and this text somewhere in its body.
pub(crate) fn expects(status: u16, text: &'static str) -> Judge {
    let finder = memchr::memmem::Finder::new(text.as_bytes());
    Arc::new(move |_, answer| answer.status == status && finder.find(answer.body).is_some())
}

/// What somebody who waits is told: the bare route answers the same bytes.
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
