//! Puts adapters behind the ports and ports behind the use cases. The only place that names adapters.

mod database;
mod keys;
mod queues;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use frontrow_domain::{
    model::queue::Recovery,
    ports::{Clock, Ids, TokenSigner},
    use_cases::{
        AdmitTick, Browse, ChangeQueuePolicy, ChargePoints, CloseQueues, EditConcerts, ExpireTick,
        HoldSeats, JoinQueue, LeaveQueue, LookUpPlace, MarkSoldOut, PassGate, PayReservation,
        PurgeKeys, QueueBoard, ReleaseHold, SeedQueues, ShowReservations, SweepHolds, TopConcerts,
        WarmRankings,
    },
};

use self::{database::Database, queues::Queues};
use crate::{
    config::Config,
    http::Services,
    jobs::Jobs,
    security::AdminKeys,
    system::{SystemClock, SystemIds},
};

pub(crate) use self::{
    database::{MigrationStatus, migration_status},
    keys::Keys,
};

/// Everything that the program runs.
pub(crate) struct Wired {
    /// What requests can call.
    pub(crate) services: Arc<Services>,
    /// What runs by itself.
    pub(crate) jobs: Jobs,
    /// What is done last of all.
    pub(crate) closing: Closing,
    /// True when the database was made just now.
    pub(crate) first_start: bool,
}

/// What is done when no request and no job can come any more.
pub(crate) struct Closing {
    queues: Option<CloseQueues>,
    database: Database,
}

impl Closing {
    /// Leaves everything as the next start likes it best.
    pub(crate) async fn run(self) {
        if let Some(queues) = self.queues {
            match queues.run().await {
                Ok(0) => {}
                Ok(with_people) => tracing::warn!(
                    queues = with_people,
                    "people are still in line; they get their places back after the next start by \
                     showing their tokens"
                ),
                Err(error) => tracing::warn!(%error, "queues could not be closed"),
            }
        }
        self.database.close().await;
    }
}

/// Opens what `config` names, makes what is missing, and wires it all.
pub(crate) async fn wire(config: &Config) -> anyhow::Result<Wired> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
    let keys = Keys::of(config)?;
    let signer: Arc<dyn TokenSigner> = Arc::new(keys.queue_tokens(config)?);
    let identities = keys.identities(config, Arc::clone(&clock))?;
    let database = Database::open(config, Arc::clone(&clock)).await?;
    let queues = Queues::open(config, Arc::clone(&clock));
    let first_start = database.is_new;

    let board = Arc::new(QueueBoard::new(config.queue.poll_range()));
    let browse = Arc::new(Browse::new(
        Arc::clone(&database.concerts),
        Arc::clone(&clock),
    ));
    let seeding = Arc::new(SeedQueues {
        policies: Arc::clone(&database.policies),
        control: Arc::clone(&queues.control),
        ids: Arc::clone(&ids),
        board: Arc::clone(&board),
        recovery: Recovery {
            lasts: Duration::from_secs(config.queue.recovery_s),
        },
    });
    let rankings = Arc::new(TopConcerts::new(
        Arc::clone(&queues.ranking_cache),
        Arc::clone(&database.ranking_source),
        Arc::clone(&clock),
        config.time_zone()?,
    ));
    let jobs = Jobs {
        admit: AdmitTick {
            ticks: Arc::clone(&queues.ticks),
            seeding: Arc::clone(&seeding),
            board: Arc::clone(&board),
        },
        expire: ExpireTick {
            ticks: Arc::clone(&queues.ticks),
        },
        seeding: Arc::clone(&seeding),
        sold_out: MarkSoldOut {
            browse: Arc::clone(&browse),
            control: Arc::clone(&queues.control),
            board: Arc::clone(&board),
        },
        sweep: SweepHolds {
            reservations: Arc::clone(&database.reservations),
        },
        purge: PurgeKeys {
            idempotency: Arc::clone(&database.idempotency),
            clock: Arc::clone(&clock),
        },
        rankings: WarmRankings {
            top: Arc::clone(&rankings),
        },
        board: Arc::clone(&board),
    };
    let closing = Closing {
        queues: queues.ends_with_process.then(|| CloseQueues {
            policies: Arc::clone(&database.policies),
            control: Arc::clone(&queues.control),
        }),
        database: database.clone(),
    };
    let hold_for = Duration::from_secs(config.reservation.hold_s);
    let services = Services {
        join: JoinQueue {
            queue: Arc::clone(&queues.queue),
            signer: Arc::clone(&signer),
            board: Arc::clone(&board),
        },
        look_up: LookUpPlace {
            queue: Arc::clone(&queues.queue),
            signer: Arc::clone(&signer),
            board: Arc::clone(&board),
        },
        leave: LeaveQueue {
            queue: Arc::clone(&queues.queue),
            signer: Arc::clone(&signer),
            board: Arc::clone(&board),
        },
        gate: PassGate {
            queue: Arc::clone(&queues.queue),
            signer,
            board: Arc::clone(&board),
            hold_for,
        },
        hold: HoldSeats {
            reservations: Arc::clone(&database.reservations),
            ids: Arc::clone(&ids),
            hold_for,
        },
        release: ReleaseHold {
            reservations: Arc::clone(&database.reservations),
        },
        reservations: ShowReservations {
            reservations: Arc::clone(&database.reservations),
        },
        pay: PayReservation {
            reservations: Arc::clone(&database.reservations),
            idempotency: Arc::clone(&database.idempotency),
            queue: queues.queue,
            ids: Arc::clone(&ids),
        },
        points: ChargePoints {
            points: Arc::clone(&database.points),
            ids: Arc::clone(&ids),
            self_charge: config.self_charge(),
        },
        rankings,
        policies: ChangeQueuePolicy {
            policies: Arc::clone(&database.policies),
            control: queues.control,
            seeding: Arc::clone(&seeding),
            clock: Arc::clone(&clock),
            rules: config.policy_rules(),
        },
        edit: EditConcerts {
            editor: Arc::clone(&database.editor),
            seeding: Arc::clone(&seeding),
            browse: Arc::clone(&browse),
            ids,
            clock: Arc::clone(&clock),
            rules: config.policy_rules(),
        },
        browse,
        board,
        concerts: database.concerts,
        clock,
        currency: config.points.currency,
        identities,
        trusts_x_user_id: config.trusts_x_user_id(),
        admins: AdminKeys::new(&keys.admin_keys(config)?),
    };
    seeding.all().await.context("cannot open the queues")?;
    Ok(Wired {
        services: Arc::new(services),
        jobs,
        closing,
        first_start,
    })
}
