//! Signed texts that were checked before.

use foldhash::fast::RandomState;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

/// Remembers what signed texts say, so that a signature is checked once and not at every request that
/// shows it: somebody in a long line shows the same token hundreds of times.
///
/// Only texts whose signature was right are remembered, whole, so a forged one never meets anything
/// here. What is good for a while only is to be remembered with its end.
pub(super) struct VerifiedTokenCache<T> {
    // Nobody can choose texts that meet in it: only signed ones are put there.
    texts: Cache<Box<str>, T, UnitWeighter, RandomState>,
}

impl<T: Clone> VerifiedTokenCache<T> {
    /// How many texts are remembered at most; the least used make room. At about 400 bytes each that
    /// is 100 MB, in a process that serves so many people.
    const MAX: usize = 250_000;

    pub(super) fn new() -> Self {
        Self {
            texts: Cache::with(
                Self::MAX,
                Self::MAX as u64,
                UnitWeighter,
                RandomState::default(),
                DefaultLifecycle::default(),
            ),
        }
    }

    /// What `text` says, if that is remembered.
    pub(super) fn get(&self, text: &str) -> Option<T> {
        self.texts.get(text)
    }

    /// What `text` says: as remembered, else as `check` finds.
    pub(super) fn or_check<E>(
        &self,
        text: &str,
        check: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(said) = self.get(text) {
            return Ok(said);
        }
        let said = check()?;
        self.texts.insert(text.into(), said.clone());
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_checked_once_and_a_forged_one_each_time() {
        let remembered = VerifiedTokenCache::new();
        assert_eq!(remembered.or_check("a", || Ok::<_, ()>(1)), Ok(1));
        assert_eq!(remembered.or_check("a", || Err(())), Ok(1));
        assert_eq!(remembered.or_check("b", || Err(())), Err(()));
        assert_eq!(remembered.or_check("b", || Ok::<_, ()>(2)), Ok(2));
    }
}
