-- The ID token that a session was opened with, sealed: shown to the provider, it says whose session there ends with ours.
ALTER TABLE session ADD COLUMN id_token_sealed bytea;
