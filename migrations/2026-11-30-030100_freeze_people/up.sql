-- Whom an administrator shuts out whatever a directory says. `active` is whether somebody is let in: the document says so, and they are
-- not frozen.
ALTER TABLE users
    ADD COLUMN frozen_at      timestamptz,
    ADD COLUMN frozen_because text,
    ADD CONSTRAINT users_frozen_check CHECK (frozen_at IS NULL OR NOT active);
