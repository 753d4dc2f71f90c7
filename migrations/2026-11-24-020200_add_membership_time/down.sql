ALTER TABLE group_child DROP COLUMN added_at;
ALTER TABLE group_member DROP COLUMN added_at;
