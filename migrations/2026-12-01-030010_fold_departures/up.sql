-- A line can stand for several who went within one minute: `user_id` is one of them, `at` the last time. So that whoever goes
-- need not count everybody who went within the hour.
ALTER TABLE departure ADD COLUMN n integer NOT NULL DEFAULT 1;

-- A changed row stays on its page, and no index hears of it, as long as the page has room.
ALTER TABLE users SET (fillfactor = 85);
ALTER TABLE user_access SET (fillfactor = 85);
