UPDATE users SET active = coalesce((doc -> 'active')::boolean, true) WHERE frozen_at IS NOT NULL;
ALTER TABLE users
    DROP CONSTRAINT users_frozen_check,
    DROP COLUMN frozen_at,
    DROP COLUMN frozen_because;
