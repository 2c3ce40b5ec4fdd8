//! What a store is asked, and what it answers.

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

/// One question to one queue.
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
    /// With the mark of an earlier look: its number, from 0, and what the store returned.
    Look(Option<(usize, DepartureCursor)>),
    RecordHeartbeats(Vec<Heartbeat>),
}

/// What came of it.
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
    /// Of each heartbeat.
    Heard(Vec<LookUpOutcome>),
}

impl Call {
    /// Asks the store; its answer, and when it was true, where it says that.
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
                (as_of, Answer::Heard(found.collect()))
            }
        })
    }

    /// True for a question that changes nothing.
    pub(super) fn only_asks(&self) -> bool {
        matches!(self, Self::Version | Self::Look(_))
    }
}

fn stamped<T>(told: Stamped<T>, answer: fn(T) -> Answer) -> (Option<Timestamp>, Answer) {
    (Some(told.as_of), answer(told.value))
}
