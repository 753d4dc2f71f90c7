//! The tables of what leavers leave behind, as the migrations make them. Knows columns; does not know what they mean.

diesel::table! {
    handover (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        place_id -> Uuid,
        place -> Jsonb,
        roles -> Jsonb,
        thing -> Text,
        receiver_id -> Nullable<Uuid>,
        state -> Text,
        attempts -> Int4,
        due_at -> Nullable<Timestamptz>,
        answer -> Nullable<Text>,
        opened_by -> Jsonb,
        request_id -> Uuid,
        opened_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    handover_policy (tenant_id) {
        tenant_id -> Uuid,
        by_directory -> Text,
        person_id -> Nullable<Uuid>,
        grace_minutes -> Int4,
    }
}
