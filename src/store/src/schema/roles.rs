//! The table of a tenant's own roles, as the migrations make it. Knows columns; does not know what they mean.

diesel::table! {
    tenant_role (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Text,
        role -> Jsonb,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
    }
}
