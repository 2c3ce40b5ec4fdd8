//! `cargo xtask commits`: checks the rules for commits in `CONTRIBUTING.md`.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::git;

/// The file with the commit after which the rules apply.
const SINCE: &str = ".ci/commits-since";

/// The longest subject, in characters. The longest line of code and text is `LINE_MAX`.
const SUBJECT_MAX: usize = 72;
const LINE_MAX: usize = 100;

/// The ends of the names of files whose new lines are checked.
const MEASURED: [&str; 6] = [".rs", ".lua", MARKDOWN, ".js", ".yml", ".ci/run"];
const MARKDOWN: &str = ".md";

/// Prints every violation of a rule, and fails if there is one. In a shallow clone, checks the
/// commits that it has.
pub(crate) fn run() -> Result<()> {
    let root = git::root()?;
    let since =
        fs::read_to_string(root.join(SINCE)).with_context(|| format!("cannot read {SINCE}"))?;
    let since = since.trim();
    if let Err(error) = git::ask(&root, &["rev-parse", "HEAD"]) {
        println!("commits: nothing is checked, because git does not know this folder: {error}");
        return Ok(());
    }
    let known = git::ask(&root, &["cat-file", "-e", &format!("{since}^{{commit}}")]).is_ok();
    let range = if known {
        format!("{since}..HEAD")
    } else {
        "HEAD".to_owned()
    };
    let subjects = git::ask(&root, &["log", "--no-merges", "--format=%h %s", &range])?;
    let mut broken = Vec::new();
    for line in subjects.lines() {
        let (commit, subject) = line.split_once(' ').unwrap_or((line, ""));
        broken.extend(subject_faults(subject).map(|why| format!("{commit}: {why}: {subject}")));
    }
    let count = subjects.lines().count();
    if known {
        broken.extend(long_lines(&root, since)?);
    } else {
        println!("commits: {since} is not in this clone, so no line length is checked");
    }
    for fault in &broken {
        eprintln!("{fault}");
    }
    if !broken.is_empty() {
        bail!("{} violations of the rules for commits", broken.len());
    }
    println!("commits: {count} commits follow the rules");
    Ok(())
}

/// Returns the violations in a subject.
fn subject_faults(subject: &str) -> impl Iterator<Item = &'static str> {
    let first = subject.split(' ').next().unwrap_or_default();
    let is_past = first.ends_with("ed") && !matches!(first, "Need" | "Seed" | "Feed" | "Embed");
    [
        (
            subject.chars().count() > SUBJECT_MAX,
            "the subject is longer than 72 characters",
        ),
        (subject.ends_with('.'), "the subject ends with a full stop"),
        (
            !subject.starts_with(char::is_uppercase),
            "the subject does not begin with a capital",
        ),
        (
            is_past || first.ends_with("ing"),
            "the subject is not in the imperative, such as \"Refuse a poll\"",
        ),
    ]
    .into_iter()
    .filter_map(|(is_wrong, why)| is_wrong.then_some(why))
}

/// Returns the lines that were added since the commit `since` and are too long.
fn long_lines(root: &Path, since: &str) -> Result<Vec<String>> {
    let diff = git::ask(
        root,
        &["diff", "--unified=0", "--no-renames", since, "HEAD"],
    )?;
    // A moved file is a new file in this diff. Its lines are also removed elsewhere, and count as
    // old.
    let lost: std::collections::HashSet<&str> = diff
        .lines()
        .filter(|line| !line.starts_with("---"))
        .filter_map(|line| line.strip_prefix('-'))
        .collect();
    let mut path = "";
    let mut found = Vec::new();
    for line in diff.lines() {
        if let Some(new) = line.strip_prefix("+++ b/") {
            path = new;
        } else if let Some(added) = line.strip_prefix('+')
            && MEASURED.iter().any(|end| path.ends_with(end))
            && !lost.contains(added)
            && is_too_long(path, added)
        {
            found.push(format!(
                "{path}: longer than {LINE_MAX} characters: {added}"
            ));
        }
    }
    Ok(found)
}

/// True if a line is too long. Rows of tables and addresses may be long, because they cannot be
/// wrapped.
fn is_too_long(path: &str, line: &str) -> bool {
    let is_row = path.ends_with(MARKDOWN) && line.trim_start().starts_with('|');
    line.chars().count() > LINE_MAX && !is_row && !line.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_an_imperative_of_at_most_72_characters() {
        for (subject, faults) in [
            ("Refuse a poll longer than a claim", 0),
            ("Seed a queue once", 0),
            ("Refused a poll", 1),
            ("Refusing a poll", 1),
            ("refuse a poll.", 2),
        ] {
            assert_eq!(subject_faults(subject).count(), faults, "{subject}");
        }
        let long = "R".repeat(SUBJECT_MAX + 1);
        assert_eq!(subject_faults(&long).count(), 1);
        assert_eq!(subject_faults(&long[1..]).count(), 0);
    }

    #[test]
    fn rows_of_tables_and_addresses_may_be_long() {
        let long = "x".repeat(LINE_MAX + 1);
        assert!(is_too_long("a.rs", &long) && is_too_long("a.md", &long));
        assert!(!is_too_long("a.rs", &long[1..]));
        assert!(!is_too_long("a.md", &format!("| {long} |")));
        assert!(!is_too_long(
            "a.md",
            &format!("[it](https://example.org/{long})")
        ));
    }
}
