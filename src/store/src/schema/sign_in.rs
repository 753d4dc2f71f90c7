//! Signing in: trials, passkeys, newcomers and how long sessions last, as the migrations make it. Knows columns and their
//! types, nothing else.

diesel::table! {
    newcomer (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        arrived_at -> Timestamptz,
    }
}

diesel::table! {
    session_policy (tenant_id) {
        tenant_id -> Uuid,
        idle_minutes -> Nullable<Int4>,
        absolute_minutes -> Nullable<Int4>,
    }
}

diesel::table! {
    trial (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        connection_id -> Uuid,
        started_at -> Timestamptz,
        forget_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        passed -> Nullable<Bool>,
        report_sealed -> Nullable<Bytea>,
        settings_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    passkey (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        credential_id -> Bytea,
        credential -> Jsonb,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    passkey_invitation (tenant_id, token_hash) {
        tenant_id -> Uuid,
        token_hash -> Bytea,
        user_id -> Uuid,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    answered_passkey (tenant_id, challenge) {
        tenant_id -> Uuid,
        challenge -> Bytea,
        forget_at -> Timestamptz,
    }
}
