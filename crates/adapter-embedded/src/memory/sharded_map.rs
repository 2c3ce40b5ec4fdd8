//! A map by user that grows in small steps.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use frontrow_domain::model::UserId;

/// Number of maps over which the users are spread.
const SHARDS: usize = 64;
/// A map with capacity for this many entries or fewer is never worth shrinking.
const SMALL: usize = 64;

/// A map by user.
///
/// One hash map of a million entries takes a tenth of a second when it doubles, while all requests
/// wait for its lock. Each of 64 maps doubles separately, in a sixty-fourth of that time. Maps that
/// have become nearly empty release their memory.
#[derive(Debug)]
pub(super) struct ShardedMap<V> {
    spread: RandomState,
    shards: Vec<HashMap<UserId, V>>,
}

impl<V> Default for ShardedMap<V> {
    fn default() -> Self {
        Self {
            // Not the hashers of the maps: all keys of one map would then share those bits and fall
            // into few buckets.
            spread: RandomState::new(),
            shards: (0..SHARDS).map(|_| HashMap::new()).collect(),
        }
    }
}

impl<V> ShardedMap<V> {
    /// Returns the entry of `user`.
    pub(super) fn get(&self, user: &UserId) -> Option<&V> {
        self.shards.get(self.shard_of(user))?.get(user)
    }

    /// Returns the entry of `user`, to change it.
    pub(super) fn get_mut(&mut self, user: &UserId) -> Option<&mut V> {
        let shard = self.shard_of(user);
        self.shards.get_mut(shard)?.get_mut(user)
    }

    /// Returns all entries, to change them.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.shards.iter_mut().flat_map(HashMap::values_mut)
    }

    /// Sets the entry of `user`.
    pub(super) fn insert(&mut self, user: UserId, value: V) {
        let shard = self.shard_of(&user);
        if let Some(shard) = self.shards.get_mut(shard) {
            shard.insert(user, value);
        }
    }

    /// Removes the entry of `user` and returns it.
    pub(super) fn remove(&mut self, user: &UserId) -> Option<V> {
        let shard = self.shard_of(user);
        let shard = self.shards.get_mut(shard)?;
        let removed = shard.remove(user)?;
        if shard.capacity() > SMALL && shard.len() < shard.capacity() / 4 {
            shard.shrink_to(shard.len() * 2);
        }
        Some(removed)
    }

    fn shard_of(&self, user: &UserId) -> usize {
        usize::try_from(self.spread.hash_one(user) % SHARDS as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: usize) -> UserId {
        UserId::try_from(format!("user-{number}").as_str()).unwrap()
    }

    #[test]
    fn an_emptied_map_releases_its_memory() {
        let mut map = ShardedMap::default();
        for number in 0..50_000 {
            map.insert(user(number), number);
        }
        *map.get_mut(&user(7)).unwrap() = 70;
        assert_eq!(map.get(&user(7)), Some(&70));
        for number in 0..50_000 {
            assert!(map.remove(&user(number)).is_some());
        }
        assert_eq!(map.remove(&user(7)), None);
        let capacity: usize = map.shards.iter().map(HashMap::capacity).sum();
        assert!(capacity <= SHARDS * SMALL * 2);
    }
}
