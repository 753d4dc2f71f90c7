//! The tables of invitations, as the migrations make them. Knows columns; does not know what they mean.

diesel::table! {
    invitation (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        address -> Text,
        language -> Text,
        invited_by -> Text,
        state -> Text,
        link_hash -> Nullable<Bytea>,
        link_sealed -> Nullable<Bytea>,
        created_at -> Timestamptz,
        sent_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        mail_state -> Text,
        mail_attempts -> Int4,
        mail_due_at -> Nullable<Timestamptz>,
        mail_answer -> Nullable<Text>,
    }
}

diesel::table! {
    invitation_link (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        link_hash -> Bytea,
        gives -> Jsonb,
        language -> Text,
        frozen -> Bool,
        uses -> Int4,
        made_by -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}
