//! Builds again when a migration is added: the macro that embeds them notices only edits.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/mysql");
}
