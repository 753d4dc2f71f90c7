ALTER TABLE session DROP COLUMN id_token_sealed;
