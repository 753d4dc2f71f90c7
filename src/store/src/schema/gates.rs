//! The tables of gates, as the migrations make them. Knows columns; does not know what they mean.

diesel::table! {
    gate (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        hosts -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    gate_secret (tenant_id, secret_hash) {
        tenant_id -> Uuid,
        secret_hash -> Bytea,
        gate_id -> Uuid,
        hint -> Text,
        created_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    gate_code (tenant_id, code_hash) {
        tenant_id -> Uuid,
        code_hash -> Bytea,
        gate_id -> Uuid,
        session_id -> Uuid,
        origin -> Text,
        path -> Text,
        way_hash -> Bytea,
        ends_at -> Timestamptz,
    }
}

diesel::table! {
    gate_pass (tenant_id, token_hash) {
        tenant_id -> Uuid,
        token_hash -> Bytea,
        gate_id -> Uuid,
        session_id -> Uuid,
        origin -> Text,
        created_at -> Timestamptz,
    }
}
