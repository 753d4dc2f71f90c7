//! The tables of signals in, and of the order of signals out, as the migrations make them. Knows columns; does not know what
//! they mean.

diesel::table! {
    change_mark (tenant_id) {
        tenant_id -> Uuid,
        last -> Int8,
        forgotten -> Int8,
    }
}

diesel::table! {
    transmitter (tenant_id, connection_id) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        issuer -> Text,
        jwks_uri -> Text,
        audience -> Text,
        created_at -> Timestamptz,
        heard_at -> Nullable<Timestamptz>,
        verified_at -> Nullable<Timestamptz>,
        poll_address -> Nullable<Text>,
        poll_token_sealed -> Nullable<Bytea>,
        poll_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
    }
}
