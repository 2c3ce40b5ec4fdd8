//! Which format the keys are kept in. Two versions of the program that differ there must not serve the
//! same queues.
//!
//! The format is noted once for all keys, for a start, and in each queue, for a program that runs on: every
//! script compares it (`lua/queue.lua`).

use deadpool_redis::redis::Value;
use frontrow_domain::ports::StoreResult;

use crate::{
    errors,
    open_error::OpenError,
    script_runner::{Caller, ScriptRunner},
    scripts::{self, FORMAT},
};

impl ScriptRunner {
    /// Notes the format of all keys, unless one is noted, and refuses another. A server that cannot say
    /// is taken: each queue says it too.
    pub(crate) async fn check_format(&self, server: &str) -> Result<(), OpenError> {
        let key = [self.keys.format()];
        let noted = self
            .on_keys(Caller::Job, &key, &scripts::KEEP_FORMAT, |_| {})
            .await;
        match noted {
            Ok(Value::BulkString(format)) if format == FORMAT.as_bytes() => Ok(()),
            Ok(Value::BulkString(format)) => Err(OpenError::OtherFormat {
                server: server.to_owned(),
                format: readable(&format),
                known: FORMAT.to_owned(),
            }),
            Ok(_) => {
                tracing::warn!(server, "the format of the keys on Redis cannot be read");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(server, %error, "Redis does not say in which format its keys are");
                Ok(())
            }
        }
    }
}

/// The answer of a script, unless it found a queue in another format: then nothing was changed.
pub(crate) fn same(answer: Value) -> StoreResult<Value> {
    if let Value::Array(values) = &answer
        && let [Value::BulkString(what), _, Value::BulkString(format)] = values.as_slice()
        && what == b"other_format"
    {
        known(format)?;
    }
    Ok(answer)
}

/// Errors where a queue has another format than this one.
pub(crate) fn known(format: &[u8]) -> StoreResult<()> {
    if format == FORMAT.as_bytes() {
        return Ok(());
    }
    Err(errors::unavailable(format_args!(
        "the queue has format {}, this program knows {FORMAT}: stop one of the two versions",
        readable(format),
    )))
}

/// What stands where a format is expected: one line, not long.
fn readable(format: &[u8]) -> String {
    let short = format.get(..20).unwrap_or(format);
    short.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn an_answer_about_another_format_is_a_failure_in_one_line() {
        let told = Value::Array(vec![text("other_format"), Value::Int(7), text("4\n")]);
        assert_eq!(
            same(told).unwrap_err().to_string(),
            errors::unavailable(
                "the queue has format 4\\n, this program knows 3: stop one of the two versions"
            )
            .to_string()
        );
        let told = Value::Array(vec![text("unknown"), Value::Int(7)]);
        assert_eq!(same(told.clone()), Ok(told));
    }
}
