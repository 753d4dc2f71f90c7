//! The table of people of other companies, as the migrations make it. Knows columns; does not know what they mean.

diesel::table! {
    external_request (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        place -> Jsonb,
        place_id -> Uuid,
        variant -> Nullable<Text>,
        address -> Text,
        address_key -> Text,
        reason -> Nullable<Text>,
        requested_by -> Nullable<Uuid>,
        state -> Text,
        until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        decided_at -> Nullable<Timestamptz>,
        decided_by -> Nullable<Text>,
        user_id -> Nullable<Uuid>,
        grant_id -> Nullable<Uuid>,
    }
}
