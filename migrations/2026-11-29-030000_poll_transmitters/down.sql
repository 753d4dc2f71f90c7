DROP FUNCTION tenants_with_polls();
DROP INDEX transmitter_by_turn;
ALTER TABLE transmitter
    DROP CONSTRAINT transmitter_poll_check,
    DROP COLUMN failing_since,
    DROP COLUMN poll_at,
    DROP COLUMN poll_token_sealed,
    DROP COLUMN poll_address;
