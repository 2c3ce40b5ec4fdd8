//! A cache of verified tokens.

use foldhash::fast::RandomState;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

/// Caches the content of verified tokens, so that a signature is checked once and not at every
/// request. A user in a long line sends the same token hundreds of times.
///
/// Only tokens with a valid signature are cached, with their whole text as the key, so a forged
/// token never finds an entry. The content of a token that expires must include its expiry.
pub(crate) struct VerifiedTokenCache<T> {
    // A fast hash is safe here: only signed texts are inserted, so no client can choose collisions.
    texts: Cache<Box<str>, T, UnitWeighter, RandomState>,
}

impl<T: Clone> VerifiedTokenCache<T> {
    /// The maximum number of cached tokens. The least used ones are evicted. At about 400 bytes
    /// each they take 100 MB, in a process that serves that many users.
    const MAX: usize = 250_000;

    pub(crate) fn new() -> Self {
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

    /// Returns the content of `text`. None if it is not cached.
    pub(crate) fn get(&self, text: &str) -> Option<T> {
        self.texts.get(text)
    }

    /// Returns the content of `text` from the cache, or else from `check`. Caches a success of
    /// `check`.
    pub(crate) fn or_check<E>(
        &self,
        text: &str,
        check: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(content) = self.get(text) {
            return Ok(content);
        }
        let content = check()?;
        self.texts.insert(text.into(), content.clone());
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_text_is_checked_once_and_a_forged_one_each_time() {
        let cache = VerifiedTokenCache::new();
        assert_eq!(cache.or_check("a", || Ok::<_, ()>(1)), Ok(1));
        assert_eq!(cache.or_check("a", || Err(())), Ok(1));
        assert_eq!(cache.or_check("b", || Err(())), Err(()));
        assert_eq!(cache.or_check("b", || Ok::<_, ()>(2)), Ok(2));
    }
}
