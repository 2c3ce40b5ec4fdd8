//! The decision whether a start may use the queue image of an earlier stop.

use std::{fmt, num::ParseIntError, str::FromStr};

macro_rules! random_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                u64::from_str_radix(text, 16).map(Self)
            }
        }
    };
}

random_number!(
    /// The id of a database, for as long as it exists. Random. A copy of a database has the same.
    DatabaseId
);
random_number!(
    /// The id of one run of the program, from its start to its stop. Random.
    RunId
);
random_number!(
    /// The number of one clean stop. Random, so that a database that was restored from a backup
    /// does not use a number twice.
    StopNumber
);

/// The origin of a queue image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageStamp {
    /// The database to which the queues belong.
    pub database: DatabaseId,
    /// The stop that wrote the image.
    pub stop: StopNumber,
}

/// The decision whether a start uses the queues of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageDecision {
    /// Use it: the image is of the last stop of this database.
    Use,
    /// Do not use it: it is not of that stop, or not known to be.
    Refuse(ImageFault),
}

/// Why a start does not use an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFault {
    /// It is of another database.
    Foreign,
    /// The database has no record of a stop: the last run crashed, the stop was interrupted, or the
    /// database comes from a backup.
    NotRecorded,
    /// The database has a record of another stop.
    Stale,
}

impl ImageDecision {
    /// Decides on an image with `stamp`. `recorded` is the stop that `database` has a record of.
    #[must_use]
    pub fn of(stamp: ImageStamp, database: DatabaseId, recorded: Option<StopNumber>) -> Self {
        if stamp.database != database {
            return Self::Refuse(ImageFault::Foreign);
        }
        match recorded {
            None => Self::Refuse(ImageFault::NotRecorded),
            Some(stop) if stop != stamp.stop => Self::Refuse(ImageFault::Stale),
            Some(_) => Self::Use,
        }
    }
}

impl fmt::Display for ImageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "it is of another database",
            Self::NotRecorded => "the database has no record of a clean stop",
            Self::Stale => "the database has a record of another stop",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_used_only_after_its_own_stop_of_its_own_database() {
        use ImageDecision::{Refuse, Use};
        let stamp = ImageStamp {
            database: DatabaseId(1),
            stop: StopNumber(2),
        };
        for (database, recorded, decision) in [
            (1, Some(2), Use),
            (1, Some(3), Refuse(ImageFault::Stale)),
            (1, None, Refuse(ImageFault::NotRecorded)),
            (9, Some(2), Refuse(ImageFault::Foreign)),
            (9, None, Refuse(ImageFault::Foreign)),
        ] {
            let decided = ImageDecision::of(stamp, DatabaseId(database), recorded.map(StopNumber));
            assert_eq!(decided, decision, "{database} {recorded:?}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for number in [0, 1, u64::MAX] {
            let text = StopNumber(number).to_string();
            assert_eq!(text.parse(), Ok(StopNumber(number)));
        }
        assert!("no number".parse::<StopNumber>().is_err());
    }
}
