//! Every script, put together from its parts in `lua/`.
//!
//! A script is one file of `lua/` with the parts that it needs in front: what those define it finds as
//! locals. Around them all is a function, so that to what it gives the number of the call can be added,
//! which is the last of ARGV (`calls`). The server keeps scripts by their hash and may forget them at any time (`calls`).

use std::sync::LazyLock;

use deadpool_redis::redis::Script;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = [$($part:literal),+];)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!(
                    "local function answer_to_call()\n",
                    $(include_str!(concat!("lua/", $part, ".lua")), "\n",)+
                    "end\nreturn { ARGV[#ARGV], answer_to_call() }\n",
                )));
        )*
    };
}

scripts! {
    /// Takes a place.
    JOIN = ["queue", "comeback", "settle", "settled", "place", "admission", "join"];
    /// Says where a place is.
    LOOK_UP = ["queue", "comeback", "settle", "settled", "place", "look_up"];
    /// Lets an active place through.
    PASS_GATE = ["queue", "comeback", "settle", "settled", "place", "pass_gate"];
    /// Ends a place.
    LEAVE = ["queue", "comeback", "settle", "settled", "place", "leave"];
    /// Shows the line as a whole.
    LOOK = ["queue", "comeback", "settle", "look"];
    /// Notes signs of life.
    HEARD_OF = ["queue", "comeback", "settle", "heard_of"];
    /// Admits the head of the line.
    ADMIT = ["queue", "comeback", "settle", "settled", "admission", "tick", "admit"];
    /// Removes what is past its end.
    EXPIRE = ["queue", "comeback", "settle", "tick", "expire"];
    /// Says whether anybody has a place.
    IS_EMPTY = ["queue", "comeback", "settle", "is_empty"];
    /// Gives the store a queue.
    SEED = ["seed"];
    /// Says whether every seat is sold.
    SET_SOLD_OUT = ["set_sold_out"];
    /// Notes that a queue is listed as busy.
    NOTE_LISTING = ["note_listing"];
    /// Takes a queue from the list of the busy.
    UNLIST = ["unlist"];
}
