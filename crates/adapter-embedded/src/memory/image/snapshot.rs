//! Converts queues to records, and records to queues.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{Read, Write},
};

use frontrow_domain::{
    model::{
        DatabaseId, ImageStamp, StopNumber, UserId,
        queue::{Admission, Arrival},
    },
    ports::ImageSize,
};
use jiff::Timestamp;

use super::{
    error::ReadError,
    frames::{FrameReader, FrameWriter},
    records::{QueueRecord, Record, TermsRecord, WindowRecord},
};
use crate::memory::{
    active::{Active, ActiveEntry, Claim},
    departures::DepartureLog,
    micros::Micros,
    state::QueueState,
    waiting::Waiting,
};

/// The contents of a file.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) stamp: ImageStamp,
    pub(super) stopped_at: Micros,
    pub(super) queues: Vec<QueueState>,
}

/// Writes the head of a file.
pub(super) fn begin<W: Write>(
    file: W,
    stamp: ImageStamp,
    stopped_at: Timestamp,
) -> std::io::Result<FrameWriter<W>> {
    let mut writer = FrameWriter::begin(file)?;
    writer.write(&Record::Stop {
        database: stamp.database.0,
        stop: stamp.stop.0,
        stopped_at: stopped_at.as_microsecond(),
    })?;
    Ok(writer)
}

impl QueueState {
    /// Writes all records of this queue.
    pub(super) fn write<W: Write>(&self, writer: &mut FrameWriter<W>) -> std::io::Result<()> {
        let Self {
            concert,
            terms,
            admission,
            waiting,
            active,
            departed,
            admitted,
            passed_to,
            at_once_up_to,
            departures,
            ended,
        } = self;
        let (departures, last_departures) = departures.parts();
        writer.write(&Record::Queue(Box::new(QueueRecord {
            concert: *concert,
            terms: TermsRecord::of(terms),
            window: WindowRecord::of(admission),
            departed: *departed,
            admitted: *admitted,
            passed_to: *passed_to,
            at_once_up_to: *at_once_up_to,
            departures,
        })))?;
        for (user, arrival, heartbeat, is_aside) in waiting.all() {
            writer.write(&Record::Waiting {
                user: user.as_str(),
                arrival,
                heartbeat: heartbeat.number(),
                is_aside,
            })?;
        }
        for (user, place) in active.all() {
            let claim = place.claim;
            writer.write(&Record::Active {
                user: user.as_str(),
                arrival: place.arrival,
                admitted_at: place.admitted_at.number(),
                claim: claim.map(|claim| (claim.claimed_at.number(), claim.until.number())),
            })?;
        }
        for arrival in last_departures {
            writer.write(&Record::Departure { arrival })?;
        }
        for (user, arrival) in ended {
            let (user, arrival) = (user.as_str(), *arrival);
            writer.write(&Record::Ended { user, arrival })?;
        }
        Ok(())
    }

    /// Moves every deadline, and the instants that decide deadlines, by `by` microseconds.
    ///
    /// Arrivals stay, since they are in tokens. So does the admission window: windows follow each
    /// other also while no user is admitted.
    pub(super) fn shift(&mut self, by: i64) {
        let shifted = |at: Timestamp| Micros::from(at).shifted(by).at();
        let terms = &mut self.terms;
        terms.serving_since = shifted(terms.serving_since);
        terms.last_tick = shifted(terms.last_tick);
        if let Some(period) = &mut terms.reentry {
            period.recovering_until = shifted(period.recovering_until);
            period.open_until = shifted(period.open_until);
        }
        terms.gaps.shift(shifted);
        self.waiting.shift(by);
        self.active.shift(by);
    }

    /// Ends the stop at `now`, in microseconds since 1970. The queue gave out no place during the
    /// stop, so a ticket from that time was lost: a data folder was replaced by an older copy.
    pub(super) fn end_stop(&mut self, now: i64) {
        let terms = &mut self.terms;
        let now = Micros::from(now).at();
        terms.gaps.open_after_silence(terms.last_arrival, now);
    }

    /// Returns the number of places.
    pub(super) fn places(&self) -> usize {
        self.waiting.len() + self.active.len()
    }
}

impl Image {
    /// Reads a file and checks it.
    pub(super) fn read(file: impl Read) -> Result<Self, ReadError> {
        let mut reader = FrameReader::begin(file)?;
        let Some(Record::Stop {
            database,
            stop,
            stopped_at,
        }) = reader.next()?
        else {
            return Err(ReadError::Damaged(
                "it does not name the stop that wrote it",
            ));
        };
        let mut image = Self {
            stamp: ImageStamp {
                database: DatabaseId(database),
                stop: StopNumber(stop),
            },
            stopped_at: stopped_at.into(),
            queues: Vec::new(),
        };
        let mut open = None::<OpenQueue>;
        loop {
            match reader.next()? {
                None => break,
                Some(Record::Queue(record)) => {
                    let before = open.replace(OpenQueue::begin(*record)?);
                    image.queues.extend(before.map(OpenQueue::end).transpose()?);
                }
                Some(record) => {
                    let queue = open.as_mut();
                    queue.ok_or(SENSELESS)?.add(&record)?;
                }
            }
        }
        image.queues.extend(open.map(OpenQueue::end).transpose()?);
        Ok(image)
    }

    /// Returns the number of queues and places in it.
    pub(super) fn size(&self) -> ImageSize {
        ImageSize {
            queues: self.queues.len(),
            places: self.queues.iter().map(QueueState::places).sum(),
        }
    }
}

/// The error for a record that no program writes at this point.
const SENSELESS: ReadError = ReadError::Damaged("a record is out of place or invalid");

/// A queue of which not all records have been read.
struct OpenQueue {
    state: QueueState,
    departures: u64,
    last_departures: VecDeque<Arrival>,
}

impl OpenQueue {
    fn begin(record: QueueRecord) -> Result<Self, ReadError> {
        let QueueRecord {
            concert,
            terms,
            window,
            departed,
            admitted,
            passed_to,
            at_once_up_to,
            departures,
        } = record;
        let state = QueueState {
            concert,
            terms: terms.terms().ok_or(SENSELESS)?,
            admission: Admission {
                window: window.map(WindowRecord::window),
            },
            waiting: Waiting::default(),
            active: Active::default(),
            departed,
            admitted,
            passed_to,
            at_once_up_to,
            departures: DepartureLog::default(),
            ended: BTreeMap::new(),
        };
        Ok(Self {
            state,
            departures,
            last_departures: VecDeque::new(),
        })
    }

    fn add(&mut self, record: &Record<'_>) -> Result<(), ReadError> {
        let state = &mut self.state;
        match *record {
            Record::Waiting {
                user,
                arrival,
                heartbeat,
                is_aside,
            } => {
                let user = state.without_place(user)?;
                let heartbeat = Micros::from(heartbeat).at();
                state.waiting.enter(user.clone(), arrival, heartbeat);
                if is_aside {
                    state.waiting.stand_aside(&user);
                }
            }
            Record::Active {
                user,
                arrival,
                admitted_at,
                claim,
            } => {
                let user = state.without_place(user)?;
                let claim = claim.map(|(claimed_at, until)| Claim {
                    claimed_at: claimed_at.into(),
                    until: until.into(),
                });
                let place = ActiveEntry {
                    arrival,
                    admitted_at: admitted_at.into(),
                    claim,
                };
                state.active.put(user, place);
            }
            Record::Departure { arrival } => self.last_departures.push_back(arrival),
            Record::Ended { user, arrival } => {
                state.ended.insert(known(user)?, arrival);
            }
            Record::Stop { .. } | Record::Queue(_) | Record::End { .. } => return Err(SENSELESS),
        }
        Ok(())
    }

    fn end(mut self) -> Result<QueueState, ReadError> {
        let departures = DepartureLog::of_parts(self.departures, self.last_departures);
        self.state.departures = departures.ok_or(SENSELESS)?;
        Ok(self.state)
    }
}

impl QueueState {
    /// Returns the user of a record. Errors if they have a place already.
    fn without_place(&self, user: &str) -> Result<UserId, ReadError> {
        let user = known(user)?;
        match self.arrival_of(&user) {
            None => Ok(user),
            Some(_) => Err(ReadError::Damaged("a user has two places")),
        }
    }
}

fn known(user: &str) -> Result<UserId, ReadError> {
    UserId::try_from(user).map_err(|_| ReadError::Damaged("a user id is invalid"))
}
