//! The calls that a store gets, and their answers.

use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            DepartureCursor, GatePurpose, Heartbeat, PolicyVersion, QueueSeed, SaleState, Ticket,
        },
    },
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, SeedOutcome, SnapshotOutcome,
        Stamped, StoreResult, TickOutcome,
    },
};
use jiff::Timestamp;

use crate::{QueuePorts, fixture::counted, queue::ALL};

/// One call to one queue.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Join(UserId, Option<Ticket>),
    LookUp(Ticket),
    Gate(Ticket, GatePurpose),
    Leave(Ticket),
    Admit(u32),
    Expire,
    Seed(Box<QueueSeed>),
    Sale(SaleState),
    Version,
    /// With the cursor of an earlier snapshot: its number, from 0, and the cursor that the store
    /// returned.
    Look(Option<(usize, DepartureCursor)>),
    RecordHeartbeats(Vec<Heartbeat>),
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Join(JoinOutcome),
    LookUp(LookUpOutcome),
    Gate(GateOutcome),
    Leave(LeaveOutcome),
    Tick(TickOutcome),
    Seed(SeedOutcome),
    SaleSet,
    Version(Option<PolicyVersion>),
    Line(SnapshotOutcome),
    /// One outcome for each heartbeat.
    Heartbeats(Vec<LookUpOutcome>),
}

impl Call {
    /// Makes the call to the store. Returns its answer, and the instant of the answer if it has
    /// one.
    pub(super) async fn ask(
        &self,
        ports: &QueuePorts,
        concert: ConcertId,
    ) -> StoreResult<(Option<Timestamp>, Answer)> {
        let QueuePorts {
            queue,
            ticks,
            control,
            line,
        } = ports;
        Ok(match self {
            Self::Join(user, shown) => stamped(
                queue.join(concert, user, shown.clone()).await?,
                Answer::Join,
            ),
            Self::LookUp(ticket) => stamped(queue.look_up(ticket).await?, Answer::LookUp),
            Self::Gate(ticket, purpose) => {
                stamped(queue.pass_gate(ticket, *purpose).await?, Answer::Gate)
            }
            Self::Leave(ticket) => stamped(queue.leave(ticket).await?, Answer::Leave),
            Self::Admit(limit) => stamped(ticks.admit(concert, *limit).await?, Answer::Tick),
            Self::Expire => stamped(ticks.expire(concert, ALL).await?, Answer::Tick),
            Self::Seed(seed) => stamped(control.seed(seed).await?, Answer::Seed),
            Self::Sale(sale) => {
                control.set_sale(concert, counted(*sale)).await?;
                (None, Answer::SaleSet)
            }
            Self::Version => {
                let version = control.policy_version(concert).await?;
                (None, Answer::Version(version))
            }
            Self::Look(mark) => {
                let mark = mark.map(|(_, stores)| stores);
                stamped(line.snapshot(concert, mark).await?, Answer::Line)
            }
            Self::RecordHeartbeats(heartbeats) => {
                let found = line.record_heartbeats(concert, heartbeats).await?;
                let as_of = found.iter().map(|found| found.as_of).max();
                let found = found.into_iter().map(|found| found.value);
                (as_of, Answer::Heartbeats(found.collect()))
            }
        })
    }

    /// Returns true for a call that changes nothing.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::Version | Self::Look(_))
    }
}

fn stamped<T>(result: Stamped<T>, answer: fn(T) -> Answer) -> (Option<Timestamp>, Answer) {
    (Some(result.as_of), answer(result.value))
}
