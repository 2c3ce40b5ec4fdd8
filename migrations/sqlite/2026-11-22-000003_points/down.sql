DROP TABLE idempotency_keys;
DROP TABLE ledger;
DROP TABLE balances;
