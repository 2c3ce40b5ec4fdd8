//! Converts the domain's values to columns: ids to 16 bytes, instants and durations to whole
//! microseconds, money to whole minor units, names to text.

use std::time::Duration;

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, Text},
    sqlite::{Sqlite, SqliteValue},
};
use frontrow_domain::model::{
    Amount, ConcertId, ConcertTitle, IdempotencyKey, LedgerEntryId, Operation, PerformanceId,
    RequestDigest, ReservationId, SeatLabel, UserId, Venue, queue::PolicyState,
};
use jiff::Timestamp;
use uuid::Uuid;

/// A value of the domain in a column. This file lists the types that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
#[diesel(sql_type = BigInt)]
#[diesel(sql_type = Text)]
pub(super) struct Db<T>(pub(super) T);

/// The state of a reservation without its instants, which have their own columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Held,
    Confirmed,
    Cancelled,
    Expired,
}

/// The reason of a balance change without the reservation, which has its own column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Charge,
    Payment,
}

macro_rules! id {
    ($($id:ident)*) => {$(
        impl ToSql<Binary, Sqlite> for Db<$id> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.0.0.as_bytes().as_slice());
                Ok(IsNull::No)
            }
        }

        impl FromSql<Binary, Sqlite> for Db<$id> {
            fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
                Ok(Self($id(Uuid::from_slice(&bytes)?)))
            }
        }
    )*};
}

/// `$write` converts a value to the column's number, `$read` converts it back. Both may fail.
macro_rules! integer {
    ($type:ty, $write:expr, $read:expr) => {
        impl ToSql<BigInt, Sqlite> for Db<$type> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                let write: fn(&$type) -> Result<i64, BoxedError> = $write;
                out.set_value(write(&self.0)?);
                Ok(IsNull::No)
            }
        }

        impl FromSql<BigInt, Sqlite> for Db<$type> {
            fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                let number = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
                let read: fn(i64) -> Result<$type, BoxedError> = $read;
                Ok(Self(read(number)?))
            }
        }
    };
}

/// `$write` borrows the column's text from a value, `$read` converts it back and may fail.
macro_rules! text {
    ($type:ty, $write:expr, $read:expr) => {
        impl ToSql<Text, Sqlite> for Db<$type> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                let write: fn(&$type) -> &str = $write;
                out.set_value(write(&self.0));
                Ok(IsNull::No)
            }
        }

        impl FromSql<Text, Sqlite> for Db<$type> {
            fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
                let read: fn(&str) -> Result<$type, BoxedError> = $read;
                Ok(Self(read(&text)?))
            }
        }
    };
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

id!(ConcertId PerformanceId ReservationId LedgerEntryId);

integer!(
    Timestamp,
    |at| Ok(at.as_microsecond()),
    |micros| match Timestamp::from_microsecond(micros) {
        // Fractions of the last second can be written, but not read.
        Err(_) if micros > 0 => Ok(Timestamp::MAX),
        read => Ok(read?),
    }
);
integer!(
    Duration,
    |duration| Ok(duration.as_micros().try_into()?),
    |micros| Ok(Duration::from_micros(micros.try_into()?))
);
integer!(Amount, |amount| Ok(amount.minor_units()), |minor_units| Ok(
    Amount::try_from(minor_units)?
));
integer!(u32, |number| Ok((*number).into()), |number| Ok(
    number.try_into()?
));
// A count that is too large for the column limits no queue in practice. Neither does the largest
// value of the column, which is stored instead.
integer!(
    u64,
    |number| Ok((*number).try_into().unwrap_or(i64::MAX)),
    |number| Ok(number.try_into()?)
);

text!(UserId, UserId::as_str, |text| Ok(UserId::try_from(text)?));
text!(SeatLabel, SeatLabel::as_str, |text| Ok(text.parse()?));
text!(Venue, Venue::as_str, |text| Ok(Venue::try_from(text)?));
text!(ConcertTitle, ConcertTitle::as_str, |text| Ok(
    ConcertTitle::try_from(text)?
));
text!(IdempotencyKey, IdempotencyKey::as_str, |text| Ok(
    IdempotencyKey::try_from(text)?
));
text!(PolicyState, |state| state.as_str(), |text| {
    match text {
        "open" => Ok(PolicyState::Open),
        "paused" => Ok(PolicyState::Paused),
        "bypass" => Ok(PolicyState::Bypass),
        "closed" => Ok(PolicyState::Closed),
        other => Err(format!("unknown policy state {other}").into()),
    }
});
text!(
    Phase,
    |phase| match phase {
        Phase::Held => "held",
        Phase::Confirmed => "confirmed",
        Phase::Cancelled => "cancelled",
        Phase::Expired => "expired",
    },
    |text| match text {
        "held" => Ok(Phase::Held),
        "confirmed" => Ok(Phase::Confirmed),
        "cancelled" => Ok(Phase::Cancelled),
        "expired" => Ok(Phase::Expired),
        other => Err(format!("unknown reservation state {other}").into()),
    }
);
text!(
    Reason,
    |reason| match reason {
        Reason::Charge => "charge",
        Reason::Payment => "payment",
    },
    |text| match text {
        "charge" => Ok(Reason::Charge),
        "payment" => Ok(Reason::Payment),
        other => Err(format!("unknown ledger reason {other}").into()),
    }
);

text!(Operation, |operation| operation.as_str(), |text| {
    Operation::ALL
        .into_iter()
        .find(|operation| operation.as_str() == text)
        .ok_or_else(|| format!("unknown operation {text}").into())
});

impl ToSql<Binary, Sqlite> for Db<Uuid> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Db<Uuid> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<Binary, Sqlite> for Db<RequestDigest> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.0.as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Db<RequestDigest> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(RequestDigest(bytes.as_slice().try_into()?)))
    }
}
