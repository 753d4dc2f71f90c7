//! The tables of apps, as the migrations make them. Knows columns; does not know what they mean.

diesel::table! {
    app (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        proof -> Text,
        settings -> Jsonb,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    app_secret (tenant_id, app_id, secret_hash) {
        tenant_id -> Uuid,
        app_id -> Uuid,
        secret_hash -> Bytea,
        hint -> Text,
        created_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    app_assertion (tenant_id, app_id, jti_hash) {
        tenant_id -> Uuid,
        app_id -> Uuid,
        jti_hash -> Bytea,
        forget_at -> Timestamptz,
    }
}

diesel::table! {
    app_request (tenant_id, handle_hash) {
        tenant_id -> Uuid,
        handle_hash -> Bytea,
        app_id -> Uuid,
        kind -> Text,
        request -> Jsonb,
        created_at -> Timestamptz,
        ends_at -> Timestamptz,
    }
}

diesel::table! {
    app_grant (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        app_id -> Uuid,
        session_id -> Nullable<Uuid>,
        request -> Jsonb,
        code_hash -> Nullable<Bytea>,
        exchanged_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
        bound_to -> Nullable<Text>,
    }
}

diesel::table! {
    app_refresh (tenant_id, token_hash) {
        tenant_id -> Uuid,
        token_hash -> Bytea,
        grant_id -> Uuid,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    app_device (tenant_id, device_hash) {
        tenant_id -> Uuid,
        device_hash -> Bytea,
        user_hash -> Bytea,
        app_id -> Uuid,
        request -> Jsonb,
        pause -> Int4,
        asked_at -> Nullable<Timestamptz>,
        is_refused -> Bool,
        created_at -> Timestamptz,
        ends_at -> Timestamptz,
    }
}

diesel::table! {
    app_device_guess (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        since -> Timestamptz,
        guesses -> Int4,
    }
}

diesel::table! {
    app_rsa_key (tenant_id, period) {
        tenant_id -> Uuid,
        period -> Int8,
        key_sealed -> Bytea,
        created_at -> Timestamptz,
    }
}
