//! The table of what is computed anew, as the migrations make it. Knows columns; does not know what they mean.

diesel::table! {
    reevaluation (tenant_id) {
        tenant_id -> Uuid,
        policy_version -> Int8,
        after_user -> Nullable<Uuid>,
        people -> Nullable<Int8>,
        done -> Int8,
        affected -> Int8,
        actor -> Jsonb,
        request_id -> Uuid,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        holder -> Nullable<Uuid>,
        held_until -> Timestamptz,
    }
}
