//! The tables of what was bought when and of how the books were compared, as the migrations make them. Knows columns; does not know
//! what they mean.

diesel::table! {
    seat_terms (tenant_id, pool_id, n) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        n -> Int8,
        after_seq -> Int8,
        at -> Timestamptz,
        purchased -> Int4,
        at_limit -> Text,
    }
}

diesel::table! {
    seat_check (tenant_id) {
        tenant_id -> Uuid,
        checked_at -> Timestamptz,
        differences -> Jsonb,
    }
}
