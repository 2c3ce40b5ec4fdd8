//! Parses the replies of scripts.
//!
//! A reply is a list: a word for the outcome of the call, the instant at which it was true, and
//! then what the file of the script in `lua/` describes. It is read from its front.

use std::vec;

use deadpool_redis::redis::Value;
use frontrow_domain::{
    model::queue::{Generation, PolicyState, PolicyVersion, QueueView, SaleState},
    ports::{Stamped, StoreError, StoreResult},
};
use jiff::Timestamp;

use crate::errors::{self, Effect};

/// The reply of a script on a queue, of which a part has been read.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The word for the outcome of the call.
    pub(crate) word: String,
    pub(crate) as_of: Timestamp,
    rest: vec::IntoIter<Value>,
}

/// The words for the states of a policy. The scripts use the same words.
const STATES: [(PolicyState, &str); 4] = [
    (PolicyState::Open, "open"),
    (PolicyState::Paused, "paused"),
    (PolicyState::Bypass, "bypass"),
    (PolicyState::Closed, "closed"),
];

/// Returns the word for a state.
pub(crate) fn state_word(state: PolicyState) -> &'static str {
    STATES
        .iter()
        .find(|(other, _)| *other == state)
        .map_or("closed", |(_, word)| word)
}

/// Returns the failure for a reply that its script never returns.
pub(crate) fn malformed_reply() -> StoreError {
    errors::unreadable_reply(Effect::Writes)
}

/// Unwraps the reply to the call with this number. None if the reply belongs to another call.
pub(crate) fn to_call(number: u64, reply: Value) -> Option<Value> {
    let Value::Array(numbered) = reply else {
        return None;
    };
    match <[Value; 2]>::try_from(numbered) {
        Ok([Value::BulkString(returned), reply]) => {
            (returned == number.to_string().as_bytes()).then_some(reply)
        }
        _ => None,
    }
}

impl Reply {
    /// Begins to read a reply: reads its word and its instant.
    pub(crate) fn read(reply: Value) -> StoreResult<Self> {
        let Value::Array(values) = reply else {
            return Err(malformed_reply());
        };
        let mut reply = Self {
            word: String::new(),
            as_of: Timestamp::UNIX_EPOCH,
            rest: values.into_iter(),
        };
        reply.word = reply.text()?;
        reply.as_of = reply.instant()?;
        Ok(reply)
    }

    /// Stamps a value with the instant of the reply.
    pub(crate) fn stamp<T>(&self, value: T) -> Stamped<T> {
        Stamped {
            as_of: self.as_of,
            value,
        }
    }

    /// Reads the view of the queue.
    pub(crate) fn view(&mut self) -> StoreResult<QueueView> {
        let state = self.text()?;
        let state = STATES.iter().find(|(_, word)| *word == state);
        Ok(QueueView {
            state: state.ok_or_else(malformed_reply)?.0,
            opens_at: self.optional_instant()?,
            recovering: self.flag()?,
            sale: self.sale()?,
        })
    }

    /// Reads an instant, or None. A script keeps instants as doubles, which round the last ones up:
    /// an instant beyond the range becomes [`Timestamp::MAX`].
    pub(crate) fn optional_instant(&mut self) -> StoreResult<Option<Timestamp>> {
        let micros = self.optional()?;
        Ok(micros.map(|micros| instant(micros).unwrap_or(Timestamp::MAX)))
    }

    /// Reads the sale.
    fn sale(&mut self) -> StoreResult<SaleState> {
        let number = self.number()?;
        let state = u8::try_from(number).ok().and_then(SaleState::from_number);
        state.ok_or_else(malformed_reply)
    }

    /// Reads the generation of the queue, in hexadecimal digits.
    pub(crate) fn generation(&mut self) -> StoreResult<Generation> {
        let digits = self.text()?;
        let number = u64::from_str_radix(&digits, 16).map_err(|_| malformed_reply())?;
        Ok(Generation(number))
    }

    /// Reads the version of a policy.
    pub(crate) fn version(&mut self) -> StoreResult<PolicyVersion> {
        let version = self.text()?.parse().map_err(|_| malformed_reply())?;
        Ok(PolicyVersion(version))
    }

    /// Reads bytes.
    pub(crate) fn bytes(&mut self) -> StoreResult<Vec<u8>> {
        match self.rest.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            Some(Value::SimpleString(text)) => Ok(text.into()),
            _ => Err(malformed_reply()),
        }
    }

    /// Reads a text.
    pub(crate) fn text(&mut self) -> StoreResult<String> {
        String::from_utf8(self.bytes()?).map_err(|_| malformed_reply())
    }

    /// Reads a number, or None.
    pub(crate) fn optional(&mut self) -> StoreResult<Option<i64>> {
        match self.rest.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Nil) | None => Ok(None),
            Some(_) => Err(malformed_reply()),
        }
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> StoreResult<i64> {
        self.optional()?.ok_or_else(malformed_reply)
    }

    /// Reads a number. Errors if it is negative.
    pub(crate) fn count(&mut self) -> StoreResult<u64> {
        count(self.number()?)
    }

    /// Reads a flag: 1 or 0.
    pub(crate) fn flag(&mut self) -> StoreResult<bool> {
        Ok(self.number()? != 0)
    }

    /// Reads a list.
    pub(crate) fn list(&mut self) -> StoreResult<vec::IntoIter<Value>> {
        match self.rest.next() {
            Some(Value::Array(values)) => Ok(values.into_iter()),
            _ => Err(malformed_reply()),
        }
    }

    /// Reads the rest of the reply. Errors unless it is whole numbers.
    pub(crate) fn numbers(&mut self) -> StoreResult<Vec<i64>> {
        let mut numbers = Vec::with_capacity(self.rest.len());
        while self.rest.len() > 0 {
            numbers.push(self.number()?);
        }
        Ok(numbers)
    }

    fn instant(&mut self) -> StoreResult<Timestamp> {
        instant(self.number()?)
    }
}

/// Returns a number as a count. Errors if it is negative.
pub(crate) fn count(number: i64) -> StoreResult<u64> {
    u64::try_from(number).map_err(|_| malformed_reply())
}

/// Returns the instant `micros` microseconds after the beginning of 1970.
pub(crate) fn instant(micros: i64) -> StoreResult<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| malformed_reply())
}
