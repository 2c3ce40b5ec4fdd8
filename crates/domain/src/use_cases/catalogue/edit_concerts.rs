use std::sync::Arc;

use jiff::Timestamp;

use crate::use_cases::{Browse, MarkSale, SeedQueues};
use crate::{
    model::{
        Applied, ConcertId, ConcertTitle, IdempotencyKey, Invalid, Keyed, NewPerformance,
        Performance, PerformanceEdit, PerformanceId, SeatPlan, Venue, late_opening, past_start,
        queue::{PolicyRules, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{
        Clock, ConcertEditor, Concerts, CreateConcertOutcome, CreatePerformanceOutcome,
        EditOutcome, EffectOf, Idempotency, Ids, KeyUse, Operator, QueuePolicies, StoreResult,
    },
};

/// Writes the catalogue: concerts, their performances, and their seats.
pub struct EditConcerts {
    /// The catalogue.
    pub editor: Arc<dyn ConcertEditor>,
    /// The catalogue, to read.
    pub concerts: Arc<dyn Concerts>,
    /// The policies of the queues, which say when a queue opens.
    pub policies: Arc<dyn QueuePolicies>,
    /// Knows what earlier calls with the same key did.
    pub idempotency: Arc<dyn Idempotency>,
    /// Gives a new concert's queue to its store.
    pub seeding: Arc<SeedQueues>,
    /// Holds the snapshots that a change makes outdated.
    pub browse: Arc<Browse>,
    /// Records in the queues what is left to buy.
    pub sale: Arc<MarkSale>,
    /// Creates the ids.
    pub ids: Arc<dyn Ids>,
    /// The instant of a change.
    pub clock: Arc<dyn Clock>,
    /// The rules for policies.
    pub rules: PolicyRules,
}

/// The result of creating a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatedConcert {
    /// The outcome in the database.
    Asked(CreateConcertOutcome),
    /// These fields of the queue's policy are invalid.
    InvalidPolicy(Vec<(&'static str, Invalid)>),
}

/// A performance to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPerformance {
    /// Which concert is played.
    pub concert: ConcertId,
    /// When it starts.
    pub starts_at: Timestamp,
    /// The venue.
    pub venue: Venue,
    /// Its seats.
    pub seats: SeatPlan,
    /// True if it may start in the past, or before its queue opens.
    pub allow_past: bool,
}

/// The result of creating a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatedPerformance {
    /// The outcome in the database.
    Asked(CreatePerformanceOutcome),
    /// Its start is probably a typing error.
    Implausible(Invalid),
}

/// The result of editing a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditedPerformance {
    /// The outcome in the database.
    Asked(EditOutcome),
    /// Its new start is probably a typing error.
    Implausible(Invalid),
}

impl EditConcerts {
    /// Creates a concert and its queue, once per key. If the queue's store cannot be reached now,
    /// provisioning gives it the queue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_concert(
        &self,
        title: &ConcertTitle,
        policy: QueuePolicy,
        operator: &str,
        key: Option<IdempotencyKey>,
    ) -> StoreResult<CreatedConcert> {
        let keyed = key.map(|key| Keyed::create_concert(operator, title, &policy, key));
        // A concert that was created under earlier rules is still returned under those of today.
        if let Some(earlier) = self.created_before(keyed.as_ref()).await? {
            return Ok(CreatedConcert::Asked(earlier));
        }
        let faults = self.policy_faults(&policy);
        if !faults.is_empty() {
            return Ok(CreatedConcert::InvalidPolicy(faults));
        }
        let by = self.by(operator);
        let policy = VersionedPolicy {
            policy,
            version: PolicyVersion::first(by.at),
        };
        let id = self.ids.concert();
        let outcome = self
            .editor
            .create_concert(id, title, &policy, &by, keyed)
            .await?;
        if outcome == CreateConcertOutcome::Created(Applied::first(id)) {
            self.seeding.statuses().note_policy(id, &policy);
            if let Err(error) = self.seeding.one(id).await {
                tracing::warn!(%error, concert = %id,
                    "failed to write a new queue to the queue store; provisioning retries");
                self.seeding.statuses().want(id);
            }
            self.sale.performances_changed(id).await;
        }
        Ok(CreatedConcert::Asked(outcome))
    }

    async fn created_before(
        &self,
        keyed: Option<&Keyed>,
    ) -> StoreResult<Option<CreateConcertOutcome>> {
        let Some(keyed) = keyed else { return Ok(None) };
        Ok(match self.idempotency.find(keyed).await? {
            KeyUse::New => None,
            KeyUse::Replayed(EffectOf::Concert(id)) => {
                Some(CreateConcertOutcome::Created(Applied::replayed(id)))
            }
            KeyUse::Replayed(_) | KeyUse::OtherRequest => Some(CreateConcertOutcome::KeyReused),
        })
    }

    /// The policy of a new queue for which an operator sets nothing.
    #[must_use]
    pub fn usual_policy(&self) -> QueuePolicy {
        QueuePolicy::usual(&self.rules)
    }

    /// Returns the faults of a new queue's policy.
    #[must_use]
    pub fn policy_faults(&self, policy: &QueuePolicy) -> Vec<(&'static str, Invalid)> {
        policy.faults(&self.rules)
    }

    /// Changes the title of a concert.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retitle_concert(
        &self,
        id: ConcertId,
        title: &ConcertTitle,
        operator: &str,
    ) -> StoreResult<EditOutcome> {
        let by = self.by(operator);
        let outcome = self.editor.retitle_concert(id, title, &by).await;
        // Also after a failure: the change may have had its effect.
        self.browse.forget(id).await;
        outcome
    }

    /// Creates a performance, once per key, and once per concert, start and venue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_performance(
        &self,
        planned: PlannedPerformance,
        operator: &str,
        key: Option<IdempotencyKey>,
    ) -> StoreResult<CreatedPerformance> {
        let PlannedPerformance {
            concert,
            starts_at,
            venue,
            seats,
            allow_past,
        } = planned;
        let keyed = key.map(|key| {
            Keyed::create_performance(operator, concert, starts_at, &venue, &seats, key)
        });
        // A repeat is answered with its performance even after that has started.
        if let Some(earlier) = self.planned_before(keyed.as_ref()).await? {
            return Ok(CreatedPerformance::Asked(earlier));
        }
        if !allow_past {
            let planned = self.concerts.performances(concert).await?;
            let repeated = |one: &Performance| one.starts_at == starts_at && one.venue == venue;
            if !planned.iter().any(repeated)
                && let Some(why) = self.implausible(concert, starts_at, &planned, None).await?
            {
                return Ok(CreatedPerformance::Implausible(why));
            }
        }
        let performance = NewPerformance {
            id: self.ids.performance(),
            concert,
            starts_at,
            venue,
            seats,
        };
        let by = self.by(operator);
        let outcome = self
            .editor
            .create_performance(&performance, &by, keyed)
            .await;
        self.changed(concert, outcome.is_ok()).await;
        outcome.map(CreatedPerformance::Asked)
    }

    async fn planned_before(
        &self,
        keyed: Option<&Keyed>,
    ) -> StoreResult<Option<CreatePerformanceOutcome>> {
        let Some(keyed) = keyed else { return Ok(None) };
        Ok(match self.idempotency.find(keyed).await? {
            KeyUse::New => None,
            KeyUse::Replayed(EffectOf::Performance(id)) => {
                Some(CreatePerformanceOutcome::Created(Applied::replayed(id)))
            }
            KeyUse::Replayed(_) | KeyUse::OtherRequest => Some(CreatePerformanceOutcome::KeyReused),
        })
    }

    /// Returns why a performance should not start at `starts_at`, given the `planned` performances
    /// of the concert. `moved` is the one of them that moves to that start. None if it may.
    async fn implausible(
        &self,
        concert: ConcertId,
        starts_at: Timestamp,
        planned: &[Performance],
        moved: Option<PerformanceId>,
    ) -> StoreResult<Option<Invalid>> {
        if let Some(why) = past_start(self.clock.now(), starts_at) {
            return Ok(Some(why));
        }
        let master = self.policies.find(concert).await?;
        let opens_at = master.and_then(|master| master.policy.policy.opens_at);
        let others = planned.iter().filter(|one| Some(one.id) != moved);
        let starts = others.map(|one| one.starts_at).chain([starts_at]);
        Ok(late_opening(opens_at, starts))
    }

    /// Edits a performance: its start, its venue, its seats. Refuses a new start that is over, or
    /// before which the queue does not open, unless `allow_past` is true.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn edit_performance(
        &self,
        concert: ConcertId,
        id: PerformanceId,
        edit: &PerformanceEdit,
        allow_past: bool,
        operator: &str,
    ) -> StoreResult<EditedPerformance> {
        if let Some(starts_at) = edit.starts_at.filter(|_| !allow_past) {
            let planned = self.concerts.performances(concert).await?;
            let moves = planned
                .iter()
                .any(|one| one.id == id && one.starts_at != starts_at);
            if moves
                && let Some(why) = self
                    .implausible(concert, starts_at, &planned, Some(id))
                    .await?
            {
                return Ok(EditedPerformance::Implausible(why));
            }
        }
        let by = self.by(operator);
        let outcome = self.editor.edit_performance(concert, id, edit, &by).await;
        self.changed(concert, outcome.is_ok()).await;
        self.browse.forget_seats(id).await;
        outcome.map(EditedPerformance::Asked)
    }

    /// Counts again what is left to buy of a concert whose performances may have changed. Also
    /// after a failure, which may have come after the change.
    async fn changed(&self, concert: ConcertId, is_done: bool) {
        if is_done {
            self.sale.performances_changed(concert).await;
        } else {
            self.browse.forget(concert).await;
        }
    }

    fn by(&self, operator: &str) -> Operator {
        Operator {
            name: operator.to_owned(),
            at: self.clock.now(),
        }
    }
}

#[cfg(test)]
mod tests;
