//! What a script's answer means.
//!
//! An answer is a list: what came of the call, when that was true, and what `lua/` says of each script.
//! It is read from its front.

use std::vec;

use deadpool_redis::redis::Value;
use frontrow_domain::{
    model::queue::{Generation, PolicyState, PolicyVersion, QueueView, SaleState},
    ports::{Stamped, StoreError, StoreResult},
};
use jiff::Timestamp;

use crate::errors::{self, Effect};

/// The answer of a script on a queue.
#[derive(Debug)]
pub(crate) struct Reply {
    /// What came of the call.
    pub(crate) what: String,
    pub(crate) as_of: Timestamp,
    rest: vec::IntoIter<Value>,
}

/// The words for the states of a policy; `lua/` knows them too.
const STATES: [(PolicyState, &str); 4] = [
    (PolicyState::Open, "open"),
    (PolicyState::Paused, "paused"),
    (PolicyState::Bypass, "bypass"),
    (PolicyState::Closed, "closed"),
];

/// The word for a state.
pub(crate) fn word(state: PolicyState) -> &'static str {
    STATES
        .iter()
        .find(|(other, _)| *other == state)
        .map_or("closed", |(_, word)| word)
}

/// The failure when an answer is of no kind that its script gives.
pub(crate) fn malformed_reply() -> StoreError {
    errors::strange_answer(Effect::Writes)
}

/// What a script gave as its answer to the call of this number; none where it was the answer to another.
pub(crate) fn to_call(number: u64, answer: Value) -> Option<Value> {
    let Value::Array(numbered) = answer else {
        return None;
    };
    match <[Value; 2]>::try_from(numbered) {
        Ok([Value::BulkString(told), answer]) => {
            (told == number.to_string().as_bytes()).then_some(answer)
        }
        _ => None,
    }
}

impl Reply {
    /// Begins to read an answer.
    pub(crate) fn read(answer: Value) -> StoreResult<Self> {
        let Value::Array(values) = answer else {
            return Err(malformed_reply());
        };
        let mut reply = Self {
            what: String::new(),
            as_of: Timestamp::UNIX_EPOCH,
            rest: values.into_iter(),
        };
        reply.what = reply.text()?;
        reply.as_of = reply.instant()?;
        Ok(reply)
    }

    /// A value, at the instant of the answer.
    pub(crate) fn stamp<T>(&self, value: T) -> Stamped<T> {
        Stamped {
            as_of: self.as_of,
            value,
        }
    }

    /// What the queue is like.
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

    /// An instant, or none. A script keeps instants as doubles, which round the last ones up.
    pub(crate) fn optional_instant(&mut self) -> StoreResult<Option<Timestamp>> {
        let micros = self.optional()?;
        Ok(micros.map(|micros| instant(micros).unwrap_or(Timestamp::MAX)))
    }

    /// What is left to buy.
    fn sale(&mut self) -> StoreResult<SaleState> {
        let number = self.number()?;
        let state = u8::try_from(number).ok().and_then(SaleState::from_number);
        state.ok_or_else(malformed_reply)
    }

    /// A life of the store.
    pub(crate) fn generation(&mut self) -> StoreResult<Generation> {
        let digits = self.text()?;
        let number = u64::from_str_radix(&digits, 16).map_err(|_| malformed_reply())?;
        Ok(Generation(number))
    }

    /// The version of a policy.
    pub(crate) fn version(&mut self) -> StoreResult<PolicyVersion> {
        let version = self.text()?.parse().map_err(|_| malformed_reply())?;
        Ok(PolicyVersion(version))
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self) -> StoreResult<Vec<u8>> {
        match self.rest.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            Some(Value::SimpleString(text)) => Ok(text.into()),
            _ => Err(malformed_reply()),
        }
    }

    /// A text.
    pub(crate) fn text(&mut self) -> StoreResult<String> {
        String::from_utf8(self.bytes()?).map_err(|_| malformed_reply())
    }

    /// A number, or none.
    pub(crate) fn optional(&mut self) -> StoreResult<Option<i64>> {
        match self.rest.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Nil) | None => Ok(None),
            Some(_) => Err(malformed_reply()),
        }
    }

    /// A number.
    pub(crate) fn number(&mut self) -> StoreResult<i64> {
        self.optional()?.ok_or_else(malformed_reply)
    }

    /// A number of people.
    pub(crate) fn count(&mut self) -> StoreResult<u64> {
        count(self.number()?)
    }

    /// One or nought.
    pub(crate) fn flag(&mut self) -> StoreResult<bool> {
        Ok(self.number()? != 0)
    }

    /// A list.
    pub(crate) fn list(&mut self) -> StoreResult<vec::IntoIter<Value>> {
        match self.rest.next() {
            Some(Value::Array(values)) => Ok(values.into_iter()),
            _ => Err(malformed_reply()),
        }
    }

    /// Whole numbers up to the end.
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

/// A number of people.
pub(crate) fn count(number: i64) -> StoreResult<u64> {
    u64::try_from(number).map_err(|_| malformed_reply())
}

/// The instant so many microseconds after the beginning of 1970.
pub(crate) fn instant(micros: i64) -> StoreResult<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| malformed_reply())
}
