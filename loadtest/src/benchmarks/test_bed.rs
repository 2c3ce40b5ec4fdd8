//! The environment of all benchmarks of a run, and the test bed of one benchmark: a newly started
//! program on empty stores.

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
    client::{AnswerCheck, Load, Pollers, Request, Requests, Workload},
    machine,
    measure::{BARE, Meter, Plan},
    program::{self, Program},
    report::Report,
    stores::Stores,
    users::{self, Cohort, Series, User},
};

/// The settings, the stores and the programs of a run. Creates test beds.
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    /// The number of pairs in a full run.
    pairs: u32,
    /// The default backend of the queues: the first one if there are several.
    pub(crate) backend: Backend,
    pub(crate) stores: Stores,
    /// The program under load: `subject` or `earlier`.
    binary: PathBuf,
    subject: PathBuf,
    earlier: Option<PathBuf>,
}

/// The stores that a run needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequiredStores<'a> {
    /// The backends of queues. A test bed uses the first one, unless it is started on another.
    pub(crate) backends: &'a [Backend],
    pub(crate) database: Database,
    pub(crate) append_only: AppendOnly,
}

/// A running program, the baseline server beside it, and the meter of their processor time.
pub(crate) struct TestBed {
    pub(crate) program: Program,
    pub(crate) bare: Bare,
    pub(crate) meter: Meter,
    pub(crate) settings: Settings,
}

impl Environment {
    /// Builds the program and starts the stores.
    pub(crate) async fn prepare(
        settings: &Settings,
        required: RequiredStores<'_>,
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
        let names: Vec<_> = required
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
        let stores =
            Stores::start(required.backends, required.database, required.append_only).await?;
        stores.describe(report).await?;
        Ok(Self {
            pairs: settings.pairs,
            settings,
            backend: required.backends.first().copied().context("no backend")?,
            stores,
            binary: subject.clone(),
            subject,
            earlier,
        })
    }

    /// Returns the path of the program under load.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Returns true if there is an earlier program to compare with.
    pub(crate) fn has_earlier(&self) -> bool {
        self.earlier.is_some()
    }

    /// Puts the measured program under load, in short runs. They are repeated, and their median
    /// counts.
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

    /// Returns true in short runs.
    pub(crate) fn is_short(&self) -> bool {
        self.settings.pairs < self.pairs
    }

    /// Puts the measured program under load again, in full runs.
    pub(crate) fn full_runs_of_subject(&mut self) {
        self.binary.clone_from(&self.subject);
        self.settings.pairs = self.pairs;
    }

    /// Ends the stores.
    pub(crate) async fn end(self) -> Result<()> {
        self.stores.end().await
    }

    /// Starts the program and the baseline server on empty stores.
    pub(crate) async fn start_program(&self) -> Result<TestBed> {
        self.start_program_on(self.backend).await
    }

    /// Starts them with the queues on `backend`.
    pub(crate) async fn start_program_on(&self, backend: Backend) -> Result<TestBed> {
        self.start_program_with(backend, &[]).await
    }

    /// Starts them with the queues on `backend` and these settings of the program.
    pub(crate) async fn start_program_with(
        &self,
        backend: Backend,
        settings: &[(&str, String)],
    ) -> Result<TestBed> {
        let binary = &self.binary;
        let mut program = Program::start(binary, backend, &self.stores, settings).await?;
        let bare = Bare::start(&example_answer(&program).await?).await?;
        let mut processes = vec![("program", program.pid()), (BARE, bare.pid())];
        processes.extend(self.stores.processes());
        Ok(TestBed {
            meter: Meter::of(&processes),
            program,
            bare,
            settings: self.settings.clone(),
        })
    }
}

impl TestBed {
    /// Lets a cohort join. Returns the users that its `keep_every` selects.
    pub(crate) async fn join(&self, concert: &str, cohort: Cohort) -> Result<Vec<User>> {
        let Settings { connections, .. } = self.settings;
        let threads = self.settings.threads();
        users::join(&self.program, threads, connections, concert, cohort).await
    }

    /// Creates a load on the program.
    pub(crate) fn load(&self, workload: Workload, check: AnswerCheck) -> Result<Load> {
        Ok(self.load_on(self.program.address()?, workload, check))
    }

    /// Starts the polls of these users, who poll when the answers say. The first polls are spread
    /// evenly over `spread`.
    pub(crate) fn poll(&self, users: &[&User], spread: Duration) -> Result<Pollers> {
        self.poll_at(&[self.program.address()?], users, spread)
    }

    /// Like [`Self::poll`], but each poll goes to a random one of these instances.
    pub(crate) fn poll_at(
        &self,
        instances: &[SocketAddr],
        users: &[&User],
        spread: Duration,
    ) -> Result<Pollers> {
        let threads = self.settings.threads();
        // Each thread has users from all parts of the line.
        let requests = (0..threads).map(|thread| {
            let users = users.iter().skip(thread).step_by(threads);
            users
                .map(|user| Request::get(LOOK_UP).queue_token(&user.token))
                .collect()
        });
        let connections = self.settings.connections;
        Pollers::start(instances, connections, requests.collect(), spread)
    }

    /// Creates a load on the bare route.
    pub(crate) fn bare_load(&self, requests: Requests) -> Load {
        let workload = Workload::repeating(requests);
        self.load_on(self.bare.address(), workload, expects(200, "queue_token"))
    }

    /// Creates a load on the server at this address.
    pub(crate) fn load_on(
        &self,
        address: SocketAddr,
        workload: Workload,
        check: AnswerCheck,
    ) -> Load {
        Load {
            address,
            connections: self.settings.connections,
            threads: self.settings.threads(),
            workload: Arc::new(workload),
            check,
        }
    }

    /// Returns the plan by which the two sides of a ratio take turns.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            slice: self.settings.slice(),
            pairs: self.settings.pairs,
        }
    }
}

/// Returns a check that accepts an answer with this status whose body contains this text.
pub(crate) fn expects(status: u16, text: &'static str) -> AnswerCheck {
    let finder = memchr::memmem::Finder::new(text.as_bytes());
    Arc::new(move |_, answer| answer.status == status && finder.find(answer.body).is_some())
}

/// Returns an answer to a waiting user. The bare route answers the same bytes.
async fn example_answer(program: &Program) -> Result<String> {
    let concert = program
        .concert("An answer to be copied", json!({ "state": "paused" }))
        .await?;
    let cohort = Cohort {
        series: Series(0),
        first: 0,
        count: 1,
        keep_every: 1,
        state: "waiting",
    };
    let joined = users::join(program, 1, 1, &concert, cohort).await?;
    let token = joined.first().map_or("", |user| &user.token);
    let (_, text) = program.look_up(token).await?;
    Ok(text)
}
