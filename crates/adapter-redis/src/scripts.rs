//! Every script, put together from its parts in `lua/`.
//!
//! A script is one file of `lua/` with the parts that it needs in front: what those define it finds as
//! locals. Around them all is a function, so that the number of the call, which is the last of ARGV
//! (`calls`), can be added to what it returns. The server keeps scripts by their hash and may forget
//! them at any time (`calls`).

use std::sync::LazyLock;

use deadpool_redis::redis::Script;

/// A script that begins with `full` runs on a server without memory too: it keeps what there is, or makes room. Were
/// ticks refused there, nobody would ever make any.
macro_rules! format_of_keys {
    () => {
        "3"
    };
}

/// The format before, which a queue is converted from.
macro_rules! former_format {
    () => {
        "2"
    };
}

/// The format of everything that is kept on the server. A program that keeps it in another way, so that
/// this one would misread it, gives it another number.
///
/// Format 1 had no number; it was the same but for the numbers of the list of busy queues. Format 2
/// knew nobody who stands aside.
pub(crate) const FORMAT: &str = format_of_keys!();

/// The format of a queue that the version before has written: a seed converts it.
pub(crate) const FORMER_FORMAT: &str = former_format!();

macro_rules! scripts {
    (@full) => { "#!lua flags=allow-oom\n" };
    (@) => { "" };
    ($($(#[$doc:meta])* $name:ident = $($when:ident)? [$($part:literal),+];)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!(
                    scripts!(@$($when)?),
                    "local FORMAT, FORMER_FORMAT = '", format_of_keys!(), "', '", former_format!(), "'\n",
                    "local function answer_to_call()\n",
                    $(include_str!(concat!("lua/", $part, ".lua")), "\n",)+
                    "end\nreturn { ARGV[#ARGV], answer_to_call() }\n",
                )));
        )*
    };
}

scripts! {
    /// Takes places.
    JOIN = ["queue", "gaps", "server", "service", "deadlines", "reentry", "users", "line", "expired", "window", "admission", "join"];
    /// Says where places are.
    LOOK_UP = full ["queue", "gaps", "server", "service", "deadlines", "reentry", "users", "look_up"];
    /// Says where places are, without a heartbeat.
    PEEK = full ["queue", "gaps", "service", "deadlines", "reentry", "users", "peek"];
    /// Shows claimed places.
    CLAIMED = full ["queue", "claimed"];
    /// Lets active places through.
    PASS_GATE = full ["queue", "gaps", "server", "service", "deadlines", "reentry", "users", "pass_gate"];
    /// Ends places.
    LEAVE = full ["queue", "gaps", "server", "service", "deadlines", "reentry", "users", "leave"];
    /// Shows the line as a whole.
    SNAPSHOT = full ["queue", "gaps", "deadlines", "reentry", "snapshot"];
    /// Records heartbeats, and says where places are.
    RECORD_HEARTBEATS = full ["queue", "gaps", "server", "service", "deadlines", "reentry", "users", "record_heartbeats"];
    /// Admits the head of the line.
    ADMIT = full [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "line", "tick", "expired", "window", "admission", "admit"
    ];
    /// Removes places past their end.
    EXPIRE = full ["queue", "gaps", "server", "service", "deadlines", "reentry", "tick", "expired", "expire"];
    /// Says up to which arrival every user was admitted or has gone.
    SERVED = full ["queue", "gaps", "reentry", "served"];
    /// Says whether anybody has a place.
    IS_EMPTY = full ["queue", "gaps", "deadlines", "reentry", "is_empty"];
    /// Removes a queue.
    REMOVE = full ["queue", "deadlines", "remove"];
    /// Gives the store a queue.
    SEED = full ["window", "seed"];
    /// Says what is left to buy.
    SET_SALE = full ["same_format", "set_sale"];
    /// Notes that a queue is listed as busy.
    NOTE_LISTING = full ["same_format", "note_listing"];
    /// Takes a queue from the list of the busy.
    UNLIST = full ["unlist"];
    /// Notes the format of all keys.
    KEEP_FORMAT = full ["keep_format"];
}
