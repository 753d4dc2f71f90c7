DROP TABLE user_holding;
ALTER TABLE access_policy DROP COLUMN features;
ALTER TABLE access_policy DROP COLUMN plan;
ALTER TABLE org_unit DROP COLUMN kind;
