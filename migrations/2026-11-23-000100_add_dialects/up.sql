-- How a directory's client speaks: what an administrator says (`auto`: to be recognised), and what was recognised.
ALTER TABLE directory
    ADD COLUMN dialect          text        NOT NULL DEFAULT 'auto',
    ADD COLUMN dialect_set_at   timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN detected_dialect text,
    ADD COLUMN detected_by      text,
    ADD COLUMN detected_at      timestamptz,
    ADD CONSTRAINT directory_dialect_check CHECK (dialect IN
        ('auto', 'rfc', 'interop', 'entra', 'okta', 'onelogin', 'jumpcloud', 'ping', 'authentik', 'keycloak')),
    ADD CONSTRAINT directory_detected_dialect_check CHECK (detected_dialect IN
        ('entra', 'okta', 'onelogin', 'jumpcloud', 'ping', 'authentik', 'keycloak')),
    ADD CONSTRAINT directory_detected_by_check CHECK (detected_by IN ('client', 'requests')),
    ADD CONSTRAINT directory_detected_whole_check CHECK
        (num_nulls(detected_dialect, detected_by, detected_at) IN (0, 3)),
    ADD CONSTRAINT directory_detected_only_when_asked_check CHECK (dialect = 'auto' OR detected_dialect IS NULL);

-- How often a directory's requests needed a leniency since its dialect was set. A trace of use, written once a minute.
CREATE TABLE leniency_use (
    tenant_id    uuid        NOT NULL,
    directory_id uuid        NOT NULL,
    leniency     text        NOT NULL,
    uses         bigint      NOT NULL,
    last_used_at timestamptz NOT NULL,
    CONSTRAINT leniency_use_pkey PRIMARY KEY (tenant_id, directory_id, leniency),
    CONSTRAINT leniency_use_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id)
        ON DELETE CASCADE,
    CONSTRAINT leniency_use_uses_check CHECK (uses > 0)
);
CALL fence('leniency_use', 'SELECT, INSERT, UPDATE, DELETE');
