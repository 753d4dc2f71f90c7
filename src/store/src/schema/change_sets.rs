//! The table of changes that were made together, as the migrations make it. Knows columns; does not know what they mean.

diesel::table! {
    change_set (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        made_at -> Timestamptz,
        made_by -> Jsonb,
        changes -> Jsonb,
        turned -> Jsonb,
        outcome -> Jsonb,
        undoes -> Nullable<Uuid>,
    }
}
