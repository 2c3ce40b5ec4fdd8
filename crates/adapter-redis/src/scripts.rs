//! Every script, put together from its parts in `lua/`.
//!
//! A script is one file of `lua/` with the parts that it needs in front: what those define it finds as
//! locals. Around them all is a function, so that to what it gives the number of the call can be added,
//! which is the last of ARGV (`calls`). The server keeps scripts by their hash and may forget them at any time (`calls`).

use std::sync::LazyLock;

use deadpool_redis::redis::Script;

/// A script that begins with `full` runs on a server without memory too: it keeps what there is, or makes room. Were
/// ticks refused there, nobody would ever make any.
macro_rules! scripts {
    (@full) => { "#!lua flags=allow-oom\n" };
    (@) => { "" };
    ($($(#[$doc:meta])* $name:ident = $($when:ident)? [$($part:literal),+];)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!(
                    scripts!(@$($when)?),
                    "local function answer_to_call()\n",
                    $(include_str!(concat!("lua/", $part, ".lua")), "\n",)+
                    "end\nreturn { ARGV[#ARGV], answer_to_call() }\n",
                )));
        )*
    };
}

scripts! {
    /// Takes places.
    JOIN = ["queue", "comeback", "settle", "settled", "people", "window", "admission", "join"];
    /// Says where places are.
    LOOK_UP = full ["queue", "comeback", "settle", "settled", "people", "look_up"];
    /// Shows claimed places.
    CLAIMED = full ["queue", "claimed"];
    /// Lets active places through.
    PASS_GATE = full ["queue", "comeback", "settle", "settled", "people", "pass_gate"];
    /// Ends places.
    LEAVE = full ["queue", "comeback", "settle", "settled", "people", "leave"];
    /// Shows the line as a whole.
    LOOK = full ["queue", "comeback", "settle", "look"];
    /// Notes signs of life.
    HEARD_OF = full ["queue", "comeback", "settle", "heard_of"];
    /// Admits the head of the line.
    ADMIT = full ["queue", "comeback", "settle", "settled", "window", "admission", "tick", "admit"];
    /// Removes what is past its end.
    EXPIRE = full ["queue", "comeback", "settle", "tick", "expire"];
    /// Says whether anybody has a place.
    IS_EMPTY = full ["queue", "comeback", "settle", "is_empty"];
    /// Removes a queue.
    REMOVE = full ["queue", "comeback", "settle", "remove"];
    /// Gives the store a queue.
    SEED = full ["window", "seed"];
    /// Says whether every seat is sold.
    SET_SOLD_OUT = full ["set_sold_out"];
    /// Notes that a queue is listed as busy.
    NOTE_LISTING = full ["note_listing"];
    /// Takes a queue from the list of the busy.
    UNLIST = full ["unlist"];
}
