DROP TABLE change_mark;
DROP INDEX signal_by_place;
ALTER TABLE signal DROP COLUMN place;
