ALTER TABLE login_flow DROP COLUMN trial_id;
DROP TABLE trial;
