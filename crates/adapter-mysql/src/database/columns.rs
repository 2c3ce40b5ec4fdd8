//! How the domain's values are stored in columns: ids as 16 bytes, instants as `DATETIME(6)` in
//! UTC, durations as whole microseconds, money as whole minor units, names as text.

use std::{io::Write, time::Duration};

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    mysql::{
        Mysql, MysqlValue,
        data_types::{MysqlTime, MysqlTimestampType},
    },
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, Datetime, Text},
};
use frontrow_domain::model::{
    Amount, ConcertId, ConcertTitle, IdempotencyKey, LedgerEntryId, Operation, PerformanceId,
    PricedSeat, RequestDigest, ReservationId, SeatLabel, UserId, Venue, queue::PolicyState,
};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Value, json};
use uuid::Uuid;

/// A value of the domain in a column. This file lists which values can be stored, and as what.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
#[diesel(sql_type = BigInt)]
#[diesel(sql_type = Datetime)]
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
        impl ToSql<Binary, Mysql> for Db<$id> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
                out.write_all(self.0.0.as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl FromSql<Binary, Mysql> for Db<$id> {
            fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
                let bytes = <Vec<u8> as FromSql<Binary, Mysql>>::from_sql(value)?;
                Ok(Self($id(Uuid::from_slice(&bytes)?)))
            }
        }
    )*};
}

/// `$write` converts a value to the column's number, `$read` converts it back. Both may fail.
macro_rules! integer {
    ($type:ty, $write:expr, $read:expr) => {
        impl ToSql<BigInt, Mysql> for Db<$type> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
                let write: fn(&$type) -> Result<i64, BoxedError> = $write;
                <i64 as ToSql<BigInt, Mysql>>::to_sql(&write(&self.0)?, &mut out.reborrow())
            }
        }

        impl FromSql<BigInt, Mysql> for Db<$type> {
            fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
                let number = <i64 as FromSql<BigInt, Mysql>>::from_sql(value)?;
                let read: fn(i64) -> Result<$type, BoxedError> = $read;
                Ok(Self(read(number)?))
            }
        }
    };
}

/// `$write` borrows the column's text from a value, `$read` converts it back and may fail.
macro_rules! text {
    ($type:ty, $write:expr, $read:expr) => {
        impl ToSql<Text, Mysql> for Db<$type> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
                let write: fn(&$type) -> &str = $write;
                out.write_all(write(&self.0).as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl FromSql<Text, Mysql> for Db<$type> {
            fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
                let text = <String as FromSql<Text, Mysql>>::from_sql(value)?;
                let read: fn(&str) -> Result<$type, BoxedError> = $read;
                Ok(Self(read(&text)?))
            }
        }
    };
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

id!(ConcertId PerformanceId ReservationId LedgerEntryId);

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
// A count beyond what the column can hold never limits anything, and neither does the column's
// largest value.
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

impl FromSql<Binary, Mysql> for Db<Uuid> {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Mysql>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<Binary, Mysql> for Db<RequestDigest> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        out.write_all(&self.0.0)?;
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Mysql> for Db<RequestDigest> {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Mysql>>::from_sql(value)?;
        Ok(Self(RequestDigest(bytes.as_slice().try_into()?)))
    }
}

/// Stored as bytes: as texts, two keys that differ in a trailing space would be the same key.
impl ToSql<Binary, Mysql> for Db<IdempotencyKey> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        out.write_all(self.0.as_str().as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<Datetime, Mysql> for Db<Timestamp> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        // The column begins with the year 1000. Earlier instants are only used in comparisons.
        let at = TimeZone::UTC
            .to_datetime(self.0)
            .max(civil::datetime(1000, 1, 1, 0, 0, 0, 0));
        let micros = at.subsec_nanosecond() / 1_000;
        let time = MysqlTime::new(
            at.year().try_into()?,
            at.month().try_into()?,
            at.day().try_into()?,
            at.hour().try_into()?,
            at.minute().try_into()?,
            at.second().try_into()?,
            micros.try_into()?,
            false,
            MysqlTimestampType::MYSQL_TIMESTAMP_DATETIME,
            0,
        );
        <MysqlTime as ToSql<Datetime, Mysql>>::to_sql(&time, &mut out.reborrow())
    }
}

impl FromSql<Datetime, Mysql> for Db<Timestamp> {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        let time = <MysqlTime as FromSql<Datetime, Mysql>>::from_sql(value)?;
        let micros: i32 = time.second_part.try_into()?;
        let at = civil::DateTime::new(
            time.year.try_into()?,
            time.month.try_into()?,
            time.day.try_into()?,
            time.hour.try_into()?,
            time.minute.try_into()?,
            time.second.try_into()?,
            micros * 1_000,
        )?;
        Ok(Self(TimeZone::UTC.to_timestamp(at)?))
    }
}

/// The seats of a reservation, sorted by label: `[["A-1",100],…]`.
impl ToSql<Text, Mysql> for Db<Vec<PricedSeat>> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        let seats = self.0.iter();
        let pairs = seats.map(|seat| json!([seat.label.as_str(), seat.price.minor_units()]));
        out.write_all(pairs.collect::<Value>().to_string().as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Text, Mysql> for Db<Vec<PricedSeat>> {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Mysql>>::from_sql(value)?;
        let pairs: Vec<(String, i64)> = serde_json::from_str(&text)?;
        let seat = |(label, price): (String, i64)| -> deserialize::Result<PricedSeat> {
            Ok(PricedSeat {
                label: label.parse()?,
                price: Amount::try_from(price)?,
            })
        };
        pairs
            .into_iter()
            .map(seat)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
