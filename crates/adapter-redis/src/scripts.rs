//! Every script: a file of `lua/`, preceded by the parts that it needs.
//!
//! A script is one file of `lua/` after the files of `lua/parts/` that it needs, whose definitions
//! are its locals. All of them are wrapped in a function, so that the number of the call, which is
//! the last of ARGV (`script_runner`), can be added to the reply. The server keeps scripts by their
//! hash and may forget them at any time (`script_runner` then loads them again).

use std::sync::LazyLock;

use deadpool_redis::redis::Script;

/// [`FORMAT`] as a literal, for the text of the scripts.
macro_rules! format_of_keys {
    () => {
        "3"
    };
}

/// [`FORMER_FORMAT`] as a literal, for the text of the scripts.
macro_rules! former_format {
    () => {
        "2"
    };
}

/// The format number of all data that is stored on the server. A version of the program that
/// changes the layout so that this one would misread it changes the number.
///
/// Format 1 had no number. It differed from format 2 only in the numbers of the list of busy
/// queues. In format 2 no user stood aside.
pub(crate) const FORMAT: &str = format_of_keys!();

/// The format of a queue that the previous version wrote: a seed converts it.
pub(crate) const FORMER_FORMAT: &str = former_format!();

/// Defines the scripts. A script marked `full` also runs on a server whose memory is full, because
/// it adds little or frees memory. If ticks were refused there, nothing would ever free any.
macro_rules! scripts {
    (@full) => { "#!lua flags=allow-oom\n" };
    (@) => { "" };
    ($($(#[$doc:meta])* $name:ident = $($when:ident)? $script:literal [$($part:literal),*];)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!(
                    scripts!(@$($when)?),
                    "local FORMAT, FORMER_FORMAT = '", format_of_keys!(), "', '", former_format!(), "'\n",
                    "local function reply_to_call()\n",
                    $(include_str!(concat!("lua/parts/", $part, ".lua")), "\n",)*
                    include_str!(concat!("lua/", $script, ".lua")), "\n",
                    "end\nreturn { ARGV[#ARGV], reply_to_call() }\n",
                )));
        )*
    };
}

scripts! {
    /// Joins users, or returns the places that they have.
    JOIN = "join" [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "return_to_line", "users",
        "line", "expired", "window", "admission"
    ];
    /// Returns the places of tickets, and records heartbeats.
    LOOK_UP = full "look_up" [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "return_to_line", "users"
    ];
    /// Returns the places of tickets, without a heartbeat.
    PEEK = full "peek" [
        "queue", "gaps", "service", "deadlines", "reentry", "return_to_line", "users"
    ];
    /// Returns the stored entries of active places, from which the program reads the claimed ones.
    CLAIMED = full "claimed" ["queue"];
    /// Claims active places, and extends them for a hold.
    PASS_GATE = full "pass_gate" [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "return_to_line", "users"
    ];
    /// Removes the places of users who leave.
    LEAVE = full "leave" [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "return_to_line", "users"
    ];
    /// Returns a snapshot of the line.
    SNAPSHOT = full "snapshot" ["queue", "gaps", "deadlines", "reentry"];
    /// Records heartbeats with their instants, and returns the places.
    RECORD_HEARTBEATS = full "record_heartbeats" [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "return_to_line", "users"
    ];
    /// Admits users from the head of the line.
    ADMIT = full "admit" [
        "queue", "gaps", "server", "service", "deadlines", "head_decision", "reentry", "line",
        "tick", "expired", "window", "admission"
    ];
    /// Removes expired places.
    EXPIRE = full "expire" [
        "queue", "gaps", "server", "service", "deadlines", "reentry", "tick", "expired"
    ];
    /// Returns the arrival up to which every user was admitted or is gone.
    SERVED = full "served" ["queue", "gaps", "reentry"];
    /// Checks whether the queue is empty: no user has a place or can re-enter.
    IS_EMPTY = full "is_empty" ["queue", "gaps", "deadlines", "reentry"];
    /// Removes a queue that is closed and empty.
    REMOVE = full "remove" ["queue", "deadlines"];
    /// Seeds a queue and its policy.
    SEED = full "seed" ["window"];
    /// Records the sale of a queue: what is left to buy.
    SET_SALE = full "set_sale" ["same_format"];
    /// Records in a queue that it is listed as busy.
    NOTE_LISTING = full "note_listing" ["same_format"];
    /// Removes a queue from the list of busy queues.
    UNLIST = full "unlist" [];
    /// Records the format of all keys, and returns it.
    KEEP_FORMAT = full "keep_format" [];
}
