-- Since when somebody is in a group. Nobody wrote it down before.
ALTER TABLE group_member ADD COLUMN added_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE group_child ADD COLUMN added_at timestamptz NOT NULL DEFAULT now();
