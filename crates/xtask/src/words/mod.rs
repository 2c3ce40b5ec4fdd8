//! `cargo xtask words`: finds words that `docs/GLOSSARY.md` has replaced.

mod list;

use std::{fs, mem, path::Path};

use anyhow::{Context, Result, bail};

use self::list::{Exception, REPLACED, Replaced};
use crate::git;

/// The ends of the names of files that are checked. Migrations are not among them, because they
/// must not change once they were applied.
const CHECKED: [&str; 7] = [".rs", ".lua", ".md", ".toml", ".js", ".yml", ".ci/run"];

/// Prints every use of a replaced word in files that git knows, and fails if there is one.
pub(crate) fn run() -> Result<()> {
    let root = git::root()?;
    let mut found = 0;
    let mut files = 0;
    for path in git::files(&root)? {
        if !CHECKED.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let Ok(text) = fs::read_to_string(root.join(&path)) else {
            // The file was removed, and the removal is not committed yet.
            continue;
        };
        files += 1;
        for (number, word) in in_text(&path, &text) {
            eprintln!("{path}:{number}: {:?}: {}", word.phrase, word.instead);
            found += 1;
        }
    }
    exceptions_are_needed(&root)?;
    if found > 0 {
        bail!("{found} uses of replaced words; docs/GLOSSARY.md has the terms");
    }
    println!("words: {files} files follow the glossary");
    Ok(())
}

/// Returns the replaced words in a file, with their line numbers.
fn in_text<'a>(path: &str, text: &'a str) -> impl Iterator<Item = (usize, &'static Replaced)> + 'a {
    let candidates: Vec<_> = REPLACED
        .iter()
        .filter(|word| {
            !word
                .exceptions
                .iter()
                .any(|exception| exception.is_for(path))
        })
        .collect();
    text.lines().enumerate().flat_map(move |(number, line)| {
        let pieces = pieces(line);
        let here: Vec<_> = candidates
            .iter()
            .filter(|word| contains(&pieces, word.phrase))
            .map(|word| (number + 1, *word))
            .collect();
        here
    })
}

/// Errors if the file of an exception cannot be read, or does not contain the word.
fn exceptions_are_needed(root: &Path) -> Result<()> {
    for word in REPLACED {
        for Exception { path, reason } in word.exceptions {
            let text = fs::read_to_string(root.join(path))
                .with_context(|| format!("cannot read {path}, which has an exception"))?;
            let mut lines = text.lines();
            if !lines.any(|line| contains(&pieces(line), word.phrase)) {
                bail!(
                    "{path} does not contain {:?}: remove its exception ({reason})",
                    word.phrase
                );
            }
        }
    }
    Ok(())
}

/// Returns the words of a line, in lower case, and its punctuation marks. `SomeName`, `some_name`,
/// `some-name` and `some name` have the same words.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for letter in line.chars() {
        let begins = letter.is_uppercase() && before.is_lowercase();
        if (begins || !letter.is_alphanumeric()) && !word.is_empty() {
            pieces.push(mem::take(&mut word));
        }
        match letter {
            ' ' | '_' | '-' => {}
            letter if letter.is_alphanumeric() => word.extend(letter.to_lowercase()),
            mark => pieces.push(mark.to_string()),
        }
        before = letter;
    }
    pieces.push(word);
    pieces
}

/// True if the words of `phrase` are in `pieces`, one after the other.
fn contains(pieces: &[String], phrase: &str) -> bool {
    let phrase: Vec<_> = phrase.split(' ').collect();
    pieces.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        for line in [
            "a SignOfLife",
            "sign_of_life()",
            "// A sign of life.",
            "SIGN_OF_LIFE",
        ] {
            assert!(contains(&pieces(line), "sign of life"), "{line}");
        }
        for line in ["designs of life", "a sign, of life", "sign.of_life", "sign"] {
            assert!(!contains(&pieces(line), "sign of life"), "{line}");
        }
    }

    #[test]
    fn a_replaced_word_is_found_with_its_line() {
        let found: Vec<_> =
            in_text("crates/domain/src/lib.rs", "fine\n// their sighting\n").collect();
        let [(2, word)] = found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(word.phrase, "sighting");
    }

    #[test]
    fn the_workspace_follows_the_glossary() {
        run().unwrap();
    }
}
