//! Rebuilds the crate when a migration is added. The macro that embeds the migrations detects only
//! edits.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
