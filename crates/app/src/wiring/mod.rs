//! Wires adapters to ports, and ports to use cases. The only module that names adapters.

mod backup;
mod closing;
mod database;
mod keys;
mod lock;
mod queues;

use std::sync::Arc;

use anyhow::bail;
use frontrow_domain::{
    model::queue::PolicyRules,
    ports::{Clock, Ids, StoreResult, TokenSigner},
    read_models::{QueueStatuses, TopConcerts},
    use_cases::{
        Browse, ChangeQueuePolicy, ChargePoints, CleanRestart, CloseQueues, DeleteConcerts,
        EditConcerts, FollowPlaces, HoldSeats, JoinQueue, LeaveQueue, LookUpPlace, MarkSale,
        PassGate, PayReservation, PolicyTurns, PruneCounters, PurgeKeys, RecordServed, ReleaseHold,
        RollUpSales, SeedQueues, ShowLine, ShowReservations, SurveyQueues, SweepHolds, TickQueue,
        WarmRankings, forget_clean_stop,
    },
};
use jiff::tz::TimeZone;

use self::{
    closing::{ClosingQueues, Saving},
    database::Database,
    queues::Queues,
};
use frontrow_identity::AdminKeys;

use crate::{
    config::Config,
    http::{LineStatusCache, RankingResponses, SerializedCache, Services, Streams},
    jobs::Jobs,
    system::{SystemClock, SystemIds, SystemTimer, raise_open_files},
};

pub(crate) use self::{
    backup::{BackedUp, Restored, back_up, restore},
    closing::Closing,
    database::{MigrationStatus, database_name, duplicates, migrate, migration_status, reconcile},
    keys::Keys,
    lock::{Lock, lock},
};

/// The wired program.
pub(crate) struct Wired {
    /// The services for requests.
    pub(crate) services: Arc<Services>,
    /// The jobs, which run without requests.
    pub(crate) jobs: Jobs,
    /// The last steps of a stop.
    pub(crate) closing: Closing,
    /// True if the database has no concert yet.
    pub(crate) first_start: bool,
}

/// Opens the configured stores, creates missing ones, and wires the program.
pub(crate) async fn wire(config: &Config) -> anyhow::Result<Wired> {
    let parts = Parts::open(config).await?;
    let queues = parts.check_policies(config).await?;
    let services = Arc::new(parts.services(config)?);
    let first_start = queues == 0 && parts.browse.catalogue().await?.concerts.is_empty();
    // As late as possible: a start that fails earlier can be repeated without losing the queues.
    let saving = parts.resume().await?;
    let wired = Wired {
        services,
        jobs: parts.jobs(config),
        closing: parts.closing(saving),
        first_start,
    };
    wired.jobs.open_queues().await;
    Ok(wired)
}

/// The parts that several use cases share.
struct Parts {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    keys: Keys,
    signer: Arc<dyn TokenSigner>,
    database: Database,
    queues: Queues,
    statuses: Arc<QueueStatuses>,
    browse: Arc<Browse>,
    seeding: Arc<SeedQueues>,
    sale: Arc<MarkSale>,
    rankings: Arc<TopConcerts>,
    zone: TimeZone,
}

impl Parts {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
        let keys = Keys::of(config)?;
        let database = Database::open(config, Arc::clone(&clock)).await?;
        database.adopt_currency(config).await?;
        let queues = Queues::open(config, Arc::clone(&clock)).await?;
        let statuses = Arc::new(QueueStatuses::new(config.queue.poll_range()));
        let zone = config.time_zone()?;
        let browse = Arc::new(Browse::new(
            Arc::clone(&database.concerts),
            Arc::clone(&clock),
        ));
        Ok(Self {
            signer: Arc::new(keys.queue_tokens(config)?),
            sale: Arc::new(MarkSale {
                browse: Arc::clone(&browse),
                control: Arc::clone(&queues.control),
                statuses: Arc::clone(&statuses),
            }),
            browse,
            seeding: Arc::new(SeedQueues::new(
                Arc::clone(&database.policies),
                Arc::clone(&database.served),
                Arc::clone(&queues.control),
                Arc::clone(&ids),
                Arc::clone(&statuses),
                config.queue.recovery(),
            )),
            rankings: Arc::new(TopConcerts::new(
                Arc::clone(&queues.ranking_cache),
                Arc::clone(&database.ranking_source),
                Arc::clone(&clock),
                Arc::new(SystemTimer),
                zone.clone(),
            )),
            zone,
            clock,
            ids,
            keys,
            database,
            queues,
            statuses,
        })
    }

    /// Refuses to serve queues whose policies are not valid with the configuration. Returns the
    /// number of queues. Ignores queues of concerts that are over, because operators no longer
    /// change them.
    async fn check_policies(&self, config: &Config) -> anyhow::Result<usize> {
        let since = SurveyQueues::since(self.clock.now());
        let masters = self.database.policies.all(since).await?;
        let rules = config.policy_rules();
        for (concert, master) in &masters {
            let faults = master.policy.policy.faults(&rules);
            // The configuration does not affect `opens_at`, and an old value may break today's
            // rules.
            let fault = faults.iter().find(|(field, _)| *field != "opens_at");
            if let Some((field, why)) = fault {
                bail!(
                    "queue.longest_poll_ms: the policy of concert {concert} is not valid with it: \
                     {field}: {why}"
                );
            }
        }
        Ok(masters.len())
    }

    fn edit_concerts(&self, rules: PolicyRules) -> EditConcerts {
        EditConcerts {
            editor: Arc::clone(&self.database.editor),
            concerts: Arc::clone(&self.database.concerts),
            policies: Arc::clone(&self.database.policies),
            idempotency: Arc::clone(&self.database.idempotency),
            seeding: Arc::clone(&self.seeding),
            browse: Arc::clone(&self.browse),
            sale: Arc::clone(&self.sale),
            ids: Arc::clone(&self.ids),
            clock: Arc::clone(&self.clock),
            rules,
        }
    }

    fn services(&self, config: &Config) -> anyhow::Result<Services> {
        let clock = || Arc::clone(&self.clock);
        let ids = || Arc::clone(&self.ids);
        let queue = || Arc::clone(&self.queues.queue);
        let signer = || Arc::clone(&self.signer);
        let statuses = || Arc::clone(&self.statuses);
        let browse = || Arc::clone(&self.browse);
        let reservations = || Arc::clone(&self.database.reservations);
        let hold_for = config.reservation.hold_for();
        let rules = config.policy_rules();
        Ok(Services {
            join: JoinQueue {
                queue: queue(),
                signer: signer(),
                statuses: statuses(),
                browse: browse(),
            },
            look_up: LookUpPlace {
                queue: queue(),
                signer: signer(),
                statuses: statuses(),
            },
            leave: LeaveQueue {
                queue: queue(),
                signer: signer(),
                statuses: statuses(),
            },
            line: ShowLine {
                look: Arc::clone(&self.queues.snapshot_queue),
                statuses: statuses(),
                browse: browse(),
            },
            gate: PassGate {
                queue: queue(),
                signer: signer(),
                statuses: statuses(),
                hold_for,
            },
            hold: HoldSeats {
                reservations: reservations(),
                ids: ids(),
                hold_for,
            },
            release: ReleaseHold {
                reservations: reservations(),
            },
            reservations: ShowReservations {
                reservations: reservations(),
            },
            pay: PayReservation {
                reservations: reservations(),
                idempotency: Arc::clone(&self.database.idempotency),
                queue: queue(),
                ids: ids(),
            },
            points: ChargePoints {
                points: Arc::clone(&self.database.points),
                idempotency: Arc::clone(&self.database.idempotency),
                ids: ids(),
                self_charge: config.self_charge(),
            },
            edit: self.edit_concerts(rules),
            delete: DeleteConcerts {
                editor: Arc::clone(&self.database.editor),
                concerts: Arc::clone(&self.database.concerts),
                policies: Arc::clone(&self.database.policies),
                control: Arc::clone(&self.queues.control),
                statuses: statuses(),
                browse: browse(),
                sale: Arc::clone(&self.sale),
                clock: clock(),
            },
            policies: ChangeQueuePolicy {
                policies: Arc::clone(&self.database.policies),
                control: Arc::clone(&self.queues.control),
                seeding: Arc::clone(&self.seeding),
                clock: clock(),
                rules,
                concerts: Arc::clone(&self.database.concerts),
                timer: Arc::new(SystemTimer),
                turns: PolicyTurns::default(),
            },
            rankings: Arc::clone(&self.rankings),
            browse: browse(),
            statuses: statuses(),
            concerts: Arc::clone(&self.database.concerts),
            clock: clock(),
            currency: config.points.currency,
            identities: self.keys.identities(config, clock())?,
            trusts_x_user_id: config.trusts_x_user_id(),
            admins: AdminKeys::new(&self.keys.admin_keys(config)?),
            seat_maps: SerializedCache::default(),
            ranking_responses: RankingResponses::default(),
            line_status_cache: LineStatusCache::default(),
            streams: self.streams(config),
        })
    }

    fn streams(&self, config: &Config) -> Arc<Streams> {
        let follow = FollowPlaces {
            look: Arc::clone(&self.queues.snapshot_queue),
            line: Arc::clone(&self.queues.line),
            queue: Arc::clone(&self.queues.queue),
            statuses: Arc::clone(&self.statuses),
        };
        let max = config.server.streams_within(raise_open_files());
        if max < config.server.streams_max {
            tracing::warn!(
                max,
                "server.streams_max is lowered because the limit of open files is too low"
            );
        }
        let longest_poll = config.queue.poll_range().longest;
        Arc::new(Streams::new(follow, max, longest_poll))
    }

    fn jobs(&self, config: &Config) -> Jobs {
        Jobs {
            tick: TickQueue {
                ticks: Arc::clone(&self.queues.ticks),
                statuses: Arc::clone(&self.statuses),
                clock: Arc::clone(&self.clock),
            },
            survey: SurveyQueues {
                policies: Arc::clone(&self.database.policies),
                ticks: Arc::clone(&self.queues.ticks),
                seeding: Arc::clone(&self.seeding),
                clock: Arc::clone(&self.clock),
            },
            served: RecordServed::new(
                Arc::clone(&self.queues.ticks),
                Arc::clone(&self.database.policies),
                Arc::clone(&self.database.served),
                Arc::clone(&self.statuses),
                config.reservation.hold_for(),
            ),
            sale: Arc::clone(&self.sale),
            sweep: SweepHolds {
                reservations: Arc::clone(&self.database.reservations),
            },
            purge: PurgeKeys {
                idempotency: Arc::clone(&self.database.idempotency),
            },
            rankings: WarmRankings {
                top: Arc::clone(&self.rankings),
                browse: Arc::clone(&self.browse),
            },
            snapshot_queue: Arc::clone(&self.queues.snapshot_queue),
            roll_up: RollUpSales {
                counters: Arc::clone(&self.database.ranking_counters),
            },
            prune: PruneCounters {
                counters: Arc::clone(&self.database.ranking_counters),
                clock: Arc::clone(&self.clock),
                zone: self.zone.clone(),
            },
        }
    }

    /// Restores the queues of the last clean stop, if they are in the memory of this process.
    async fn resume(&self) -> StoreResult<Option<Saving>> {
        let stops = Arc::clone(&self.database.stops);
        let Some(image) = &self.queues.image else {
            forget_clean_stop(&*stops, &*self.ids).await?;
            return Ok(None);
        };
        let restart = CleanRestart {
            stops,
            image: Arc::clone(image),
            ids: Arc::clone(&self.ids),
            clock: Arc::clone(&self.clock),
        };
        let run = restart.resume().await?;
        Ok(run.map(|run| Saving { restart, run }))
    }

    fn closing(&self, saving: Option<Saving>) -> Closing {
        Closing {
            queues: self.queues.image.is_some().then(|| ClosingQueues {
                close: CloseQueues {
                    policies: Arc::clone(&self.database.policies),
                    control: Arc::clone(&self.queues.control),
                },
                saving,
            }),
            mysql_queue: self.queues.mysql.clone(),
            database: self.database.clone(),
        }
    }
}
