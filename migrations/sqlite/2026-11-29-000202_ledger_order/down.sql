DROP INDEX ledger_in_order;
ALTER TABLE ledger DROP COLUMN seq;
ALTER TABLE balances DROP COLUMN last_seq;
