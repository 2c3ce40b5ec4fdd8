//! What users observed in each life of the program, and whether the order of admission was fair.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// Counts the lives of the program. It grows after a kill and before the next start.
#[derive(Debug, Default)]
pub(crate) struct Lives(AtomicUsize);

impl Lives {
    /// The number of the current life.
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Records that the program was killed.
    pub(crate) fn end(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What one user observed of one place in one life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) joined_at: Timestamp,
    /// The user joined in this life, or came back while the queue recovered. From then on the user
    /// was in the line.
    pub(crate) in_line: bool,
    /// The user waited at least until then.
    pub(crate) waited_until: Option<Timestamp>,
    /// The admission of the user.
    pub(crate) admitted_at: Option<Timestamp>,
}

/// The life of the program in which a request was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// The life in which it was sent.
    pub(crate) sent_in: usize,
    /// False if the program was killed before the answer was read. Then the answer may be from a
    /// later life.
    pub(crate) surely: bool,
}

/// What one user observed, life by life.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    lives: BTreeMap<usize, Seen>,
    /// The admissions that answers reported, by the life in which the request was sent.
    admissions: BTreeMap<usize, Timestamp>,
}

impl Diary {
    /// Records a place in an answer.
    pub(crate) fn note(
        &mut self,
        answered: Answered,
        place: &Value,
        joined_now: bool,
    ) -> Result<()> {
        let instant = |field: &str| -> Result<Timestamp> {
            let text = place[field].as_str();
            Ok(text
                .with_context(|| format!("no {field}: {place}"))?
                .parse()?)
        };
        let life = answered.sent_in;
        let is_active = place["state"] == "active";
        if is_active {
            self.admissions.insert(life, instant("admitted_at")?);
        }
        if !answered.surely {
            return Ok(());
        }
        let joined_at = instant("joined_at")?;
        let seen = self.lives.entry(life).or_insert(Seen {
            joined_at,
            in_line: false,
            waited_until: None,
            admitted_at: None,
        });
        let recovering = place["queue"]["recovering"] == true;
        seen.in_line |= joined_now || (recovering && place["state"] == "waiting");
        if is_active {
            seen.admitted_at = Some(instant("admitted_at")?);
        } else {
            seen.waited_until = seen.waited_until.max(Some(instant("as_of")?));
        }
        Ok(())
    }

    /// The instant until which the user waited in this life, at least.
    ///
    /// A queue that outlives the program may have admitted the user a moment before. That shows
    /// only once it is committed. After a kill, it shows in a later life, or in an answer whose
    /// life is not known.
    fn waited_until(&self, life: usize) -> Option<Timestamp> {
        let said = self.lives.get(&life)?.waited_until?;
        let admission = self.admissions.range(life..).next();
        Some(admission.map_or(said, |(_, admitted_at)| said.min(*admitted_at)))
    }

    /// The number of lives in which the user was in the line.
    pub(crate) fn lives_in_line(&self) -> usize {
        self.lives.values().filter(|seen| seen.in_line).count()
    }
}

/// Checks that in no life a user was admitted before another user who was in the line and had
/// arrived earlier. Returns the number of admissions that were checked.
pub(crate) fn nobody_overtook<'a>(diaries: impl Iterator<Item = &'a Diary>) -> usize {
    let mut lives: BTreeMap<usize, Vec<Seen>> = BTreeMap::new();
    for diary in diaries {
        for (life, seen) in &diary.lives {
            lives.entry(*life).or_default().push(Seen {
                waited_until: diary.waited_until(*life),
                ..*seen
            });
        }
    }
    let mut admissions = 0;
    for (life, mut line) in lives {
        line.sort_by_key(|seen| seen.joined_at);
        // The latest instant at which one of those before was not yet admitted, or just then.
        let mut before: Option<Timestamp> = None;
        for seen in line {
            if let Some(admitted_at) = seen.admitted_at {
                admissions += 1;
                assert!(
                    before <= Some(admitted_at),
                    "life {life}: one who joined at {} was admitted at {admitted_at}, and one before \
                     still waited at {before:?}",
                    seen.joined_at,
                );
            }
            if seen.in_line {
                before = before.max(seen.admitted_at.or(seen.waited_until));
            }
        }
    }
    admissions
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An answer that is certainly from this life.
    fn in_life(life: usize) -> Answered {
        Answered {
            sent_in: life,
            surely: true,
        }
    }

    /// A user who joined in this second, came back, and was admitted in another.
    fn diary(joined: u8, came_back: bool, admitted: u8) -> Result<Diary> {
        let at = |second: u8| format!("2030-01-01T00:00:{second:02}Z");
        let mut diary = Diary::default();
        let waiting = json!({
            "state": "waiting", "joined_at": at(joined), "as_of": at(10),
            "queue": {"recovering": came_back},
        });
        diary.note(in_life(1), &waiting, false)?;
        let active = json!({
            "state": "active", "joined_at": at(joined), "admitted_at": at(admitted), "as_of": at(50),
            "queue": {"recovering": false},
        });
        diary.note(in_life(1), &active, false)?;
        Ok(diary)
    }

    #[test]
    fn those_who_came_back_late_may_be_overtaken() -> Result<()> {
        let diaries = [
            diary(1, false, 20)?,
            diary(2, true, 11)?,
            diary(3, true, 11)?,
        ];
        assert_eq!(nobody_overtook(diaries.iter()), 3);
        Ok(())
    }

    #[test]
    fn an_admission_may_show_after_the_kill() -> Result<()> {
        let across = Answered {
            sent_in: 1,
            surely: false,
        };
        for shown in [in_life(2), across] {
            let mut first = Diary::default();
            let place = |second: u8, state: &str| {
                json!({
                    "state": state, "joined_at": "2030-01-01T00:00:01Z",
                    "as_of": format!("2030-01-01T00:00:{second}Z"),
                    "admitted_at": "2030-01-01T00:00:11Z", "queue": {"recovering": false},
                })
            };
            first.note(in_life(1), &place(10, "waiting"), true)?;
            first.note(in_life(1), &place(12, "waiting"), false)?;
            first.note(shown, &place(13, "active"), false)?;
            let admissions = 1 + usize::from(shown.surely);
            let diaries = [first, diary(2, false, 11)?];
            assert_eq!(nobody_overtook(diaries.iter()), admissions);
        }
        Ok(())
    }

    #[test]
    #[should_panic(expected = "still waited")]
    fn the_others_may_not() {
        let diaries = [diary(1, true, 20), diary(2, true, 11)];
        let diaries = diaries.map(|diary| diary.expect("a diary"));
        nobody_overtook(diaries.iter());
    }
}
