//! Checks the format number of the keys. Two versions of the program with different formats must
//! not serve the same queues.
//!
//! The number is recorded once for all keys, which the start of the program checks, and in each
//! queue, because another version may start while the program runs: every script on a queue
//! compares it (`lua/parts/queue.lua`).

use deadpool_redis::redis::Value;
use frontrow_domain::ports::StoreResult;

use crate::{
    errors,
    open_error::RedisOpenError,
    script_runner::{Caller, ScriptRunner},
    scripts::{self, FORMAT},
};

impl ScriptRunner {
    /// Records the format of all keys unless one is recorded. Errors if another format is recorded.
    /// A server whose format cannot be read is accepted, because each queue has its format too.
    pub(crate) async fn check_format(&self, server: &str) -> Result<(), RedisOpenError> {
        let key = [self.keys.format()];
        let recorded = self
            .run_on_keys(Caller::Job, &key, &scripts::KEEP_FORMAT, |_| {})
            .await;
        match recorded {
            Ok(Value::BulkString(format)) if format == FORMAT.as_bytes() => Ok(()),
            Ok(Value::BulkString(format)) => Err(RedisOpenError::OtherFormat {
                server: server.to_owned(),
                format: readable(&format),
                known: FORMAT.to_owned(),
            }),
            Ok(_) => {
                tracing::warn!(
                    server,
                    "failed to parse the format number in Redis; each queue checks its own"
                );
                Ok(())
            }
            Err(error) => {
                tracing::warn!(server, %error,
                    "failed to read the format number in Redis; each queue checks its own");
                Ok(())
            }
        }
    }
}

/// Returns the reply of a script. Errors if the script found a queue in another format: then it
/// changed nothing.
pub(crate) fn check_reply(reply: Value) -> StoreResult<Value> {
    if let Value::Array(values) = &reply
        && let [Value::BulkString(word), _, Value::BulkString(format)] = values.as_slice()
        && word == b"other_format"
    {
        check_queue_format(format)?;
    }
    Ok(reply)
}

/// Checks the format of a queue. Errors unless it is that of this program.
pub(crate) fn check_queue_format(format: &[u8]) -> StoreResult<()> {
    if format == FORMAT.as_bytes() {
        return Ok(());
    }
    Err(errors::unavailable(format_args!(
        "the queue has format {}, this program knows {FORMAT}: stop one of the two versions",
        readable(format),
    )))
}

/// Returns the stored format for a message: one line of at most 20 bytes, escaped.
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
    fn a_reply_about_another_format_is_a_failure_of_one_line() {
        let other_format = Value::Array(vec![text("other_format"), Value::Int(7), text("4\n")]);
        assert_eq!(
            check_reply(other_format).unwrap_err().to_string(),
            errors::unavailable(
                "the queue has format 4\\n, this program knows 3: stop one of the two versions"
            )
            .to_string()
        );
        let unknown = Value::Array(vec![text("unknown"), Value::Int(7)]);
        assert_eq!(check_reply(unknown.clone()), Ok(unknown));
    }
}
