-- The generation that is reserved for the queue before its store is given it for the first time: a random number of 64
-- bits, as a signed one. Null where none is reserved, and for queues that a program of the version before has seeded.
ALTER TABLE concerts ADD COLUMN seed_generation INTEGER;
