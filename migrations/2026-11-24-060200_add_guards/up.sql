-- Whether somebody holds a role that a tenant must not run out of; null where it was computed before this was asked.
ALTER TABLE user_access ADD COLUMN guarded boolean;
CREATE INDEX user_access_guarded ON user_access (tenant_id) WHERE guarded IS NOT FALSE;

-- From how many departures within an hour on a directory is up to something: more than `at_least` and more than `percent`
-- of its people. A directory without a line has the defaults.
CREATE TABLE mass_guard (
    tenant_id    uuid    NOT NULL,
    directory_id uuid    NOT NULL,
    mode         text    NOT NULL,
    at_least     integer NOT NULL,
    percent      integer NOT NULL,
    alarmed_at   timestamptz,
    CONSTRAINT mass_guard_pkey PRIMARY KEY (tenant_id, directory_id),
    CONSTRAINT mass_guard_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT mass_guard_mode_check CHECK (mode IN ('alert', 'hold')),
    CONSTRAINT mass_guard_numbers_check CHECK (at_least >= 1 AND percent BETWEEN 0 AND 100)
);
CALL fence('mass_guard', 'SELECT, INSERT, UPDATE, DELETE');

-- Whom a directory shut out or deleted, and when; kept for the hour that counts, and a little longer.
CREATE TABLE departure (
    tenant_id    uuid        NOT NULL,
    directory_id uuid        NOT NULL,
    at           timestamptz NOT NULL,
    user_id      uuid        NOT NULL,
    CONSTRAINT departure_pkey PRIMARY KEY (tenant_id, directory_id, at, user_id),
    CONSTRAINT departure_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id) ON DELETE CASCADE
);
CALL fence('departure', 'SELECT, INSERT, DELETE');

-- Departures that wait for an administrator, because the tenant wants it so.
CREATE TABLE held_departure (
    tenant_id    uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    directory_id uuid        NOT NULL,
    kind         text        NOT NULL,
    held_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT held_departure_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT held_departure_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT held_departure_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id),
    CONSTRAINT held_departure_kind_check CHECK (kind IN ('deactivate', 'delete'))
);
CREATE INDEX held_departure_by_directory ON held_departure (tenant_id, directory_id);
CALL fence('held_departure', 'SELECT, INSERT, UPDATE, DELETE');
