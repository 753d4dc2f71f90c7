//! What is given to people by hand and what is noted of them, as the migrations make it. Knows columns and their types, nothing else.

diesel::table! {
    local_grant (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        what -> Jsonb,
        given_by -> Text,
        given_at -> Timestamptz,
    }
}

diesel::table! {
    user_seen (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        last_login_at -> Nullable<Timestamptz>,
        last_seen_at -> Timestamptz,
        client_version -> Nullable<Text>,
    }
}

diesel::table! {
    user_word (tenant_id, word, user_id) {
        tenant_id -> Uuid,
        word -> Text,
        user_id -> Uuid,
    }
}
