-- Bulk requests that are done after they were answered (Prefer: respond-async). The request is kept, sealed, until it is done,
-- the result for a time after that.
CREATE TABLE bulk_job (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    directory_id  uuid        NOT NULL,
    credential_id uuid        NOT NULL,
    actor         jsonb       NOT NULL,
    request_id    uuid        NOT NULL,
    dialect       text        NOT NULL,
    base          text        NOT NULL,
    body_sealed   bytea,
    result        jsonb,
    created_at    timestamptz NOT NULL,
    holder        uuid,
    held_until    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT bulk_job_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bulk_job_directory_fkey FOREIGN KEY (tenant_id, directory_id) REFERENCES directory (tenant_id, id)
        ON DELETE CASCADE,
    CONSTRAINT bulk_job_done_check CHECK (num_nulls(body_sealed, result) = 1)
);
CREATE INDEX bulk_job_by_directory ON bulk_job (tenant_id, directory_id, id);
CALL fence('bulk_job', 'SELECT, INSERT, UPDATE, DELETE');

-- What became of each operation of a job that is not done: written in the transaction that does it, with the resource, or
-- after it was refused, with the refusal.
CREATE TABLE bulk_step (
    tenant_id uuid    NOT NULL,
    job_id    uuid    NOT NULL,
    n         integer NOT NULL,
    target_id text,
    refusal   jsonb,
    CONSTRAINT bulk_step_pkey PRIMARY KEY (tenant_id, job_id, n),
    CONSTRAINT bulk_step_job_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES bulk_job (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT bulk_step_outcome_check CHECK (num_nulls(target_id, refusal) = 1)
);
CALL fence('bulk_step', 'SELECT, INSERT, UPDATE, DELETE');
