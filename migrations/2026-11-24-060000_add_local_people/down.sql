DROP TABLE tombstone;
DROP INDEX directory_one_local;
ALTER TABLE directory
    DROP COLUMN create_reenables,
    DROP COLUMN kind;
