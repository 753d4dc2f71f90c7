-- What kind of unit it is, by the blueprint's word, where there are several kinds.
ALTER TABLE org_unit ADD COLUMN kind text;

-- What the tenant has of the product: the plan it is on, its features. Null is what nobody has said.
ALTER TABLE access_policy ADD COLUMN plan text;
ALTER TABLE access_policy ADD COLUMN features jsonb;

-- Who holds what where: one row for each role, flag and level of a person, without regard to seats. It is what "who may do
-- this here" is looked up in; what somebody may do is in user_access alone. The environment is the place of all zeros.
CREATE TABLE user_holding (
    tenant_id uuid NOT NULL,
    thing     text NOT NULL,
    place     uuid NOT NULL,
    user_id   uuid NOT NULL,
    CONSTRAINT user_holding_pkey PRIMARY KEY (tenant_id, thing, place, user_id),
    CONSTRAINT user_holding_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX user_holding_by_user ON user_holding (tenant_id, user_id);

ALTER TABLE user_access NO FORCE ROW LEVEL SECURITY;
INSERT INTO user_holding (tenant_id, thing, place, user_id)
SELECT DISTINCT a.tenant_id, h.thing, coalesce((h.scope->>'id')::uuid, '00000000-0000-0000-0000-000000000000'), a.user_id
FROM user_access a
CROSS JOIN LATERAL (
    SELECT 'role:' || (r->>'role'), r->'scope' FROM jsonb_array_elements(a.access->'roles') AS r
    UNION ALL SELECT 'flag:' || (f->>'flag'), f->'scope' FROM jsonb_array_elements(a.access->'flags') AS f
) AS h (thing, scope);
ALTER TABLE user_access FORCE ROW LEVEL SECURITY;
CALL fence('user_holding', 'SELECT, INSERT, DELETE');
