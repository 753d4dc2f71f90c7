DROP TABLE leniency_use;
ALTER TABLE directory
    DROP COLUMN detected_at,
    DROP COLUMN detected_by,
    DROP COLUMN detected_dialect,
    DROP COLUMN dialect_set_at,
    DROP COLUMN dialect;
