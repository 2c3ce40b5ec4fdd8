//! A cache of serialized responses.

use actix_web::web::Bytes;
use moka::sync::Cache;
use serde::Serialize;

/// Serialized JSON documents by ETag, for large documents that are the same for all clients and
/// requested often. Keeps the most used ones, up to [`SerializedCache::MAX_BYTES`].
pub(crate) struct SerializedCache(Cache<String, Bytes>);

impl SerializedCache {
    /// The size limit, in bytes.
    const MAX_BYTES: u64 = 32 * 1024 * 1024;

    /// Returns the document of `tag`. Serializes it if it is not in the cache.
    pub(crate) fn get_or_insert<T: Serialize>(
        &self,
        tag: &str,
        shape: impl FnOnce() -> T,
    ) -> Bytes {
        let write = || {
            // Serializing strings and numbers does not fail.
            Bytes::from(serde_json::to_vec(&shape()).unwrap_or_default())
        };
        self.0.get_with_by_ref(tag, write)
    }
}

impl Default for SerializedCache {
    fn default() -> Self {
        let weight = |_: &String, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self(
            Cache::builder()
                .weigher(weight)
                .max_capacity(Self::MAX_BYTES)
                .build(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_serialized_once() {
        let written = SerializedCache::default();
        assert_eq!(written.get_or_insert("tag", || [1, 2]), "[1,2]");
        assert_eq!(
            written.get_or_insert("tag", || -> u8 { panic!("again") }),
            "[1,2]"
        );
    }
}
