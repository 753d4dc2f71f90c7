//! The tables as diesel sees them. Generated from the migrated database; `tests/schema.rs` holds it to the catalogue.

mod apps;
mod change_sets;
mod externals;
mod gates;
mod grants;
mod handovers;
mod invitations;
mod reevaluations;
mod roles;
mod seats;
mod sign_in;
mod signals;

pub(crate) use apps::{
    app, app_assertion, app_device, app_device_guess, app_grant, app_refresh, app_request, app_rsa_key,
    app_secret,
};
pub(crate) use change_sets::change_set;
pub(crate) use externals::external_request;
pub(crate) use gates::{gate, gate_code, gate_pass, gate_secret};
pub(crate) use grants::local_grant;
pub(crate) use handovers::{handover, handover_policy};
pub(crate) use invitations::{invitation, invitation_link};
pub(crate) use reevaluations::reevaluation;
pub(crate) use roles::tenant_role;
pub(crate) use seats::{seat_check, seat_terms};
pub(crate) use sign_in::{answered_passkey, newcomer, passkey, passkey_invitation, session_policy, trial};
pub(crate) use signals::transmitter;

diesel::table! {
    blueprint (id, version) {
        id -> Text,
        version -> Text,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tenant (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        blueprint_id -> Text,
        blueprint_version -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    operator_credential (id) {
        id -> Uuid,
        token_hash -> Bytea,
        hint -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    directory (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        slug -> Text,
        name -> Text,
        created_at -> Timestamptz,
        dialect -> Text,
        dialect_set_at -> Timestamptz,
        detected_dialect -> Nullable<Text>,
        detected_by -> Nullable<Text>,
        detected_at -> Nullable<Timestamptz>,
        kind -> Text,
        create_reenables -> Bool,
    }
}

diesel::table! {
    bulk_job (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        directory_id -> Uuid,
        credential_id -> Uuid,
        actor -> Jsonb,
        request_id -> Uuid,
        dialect -> Text,
        base -> Text,
        body_sealed -> Nullable<Bytea>,
        result -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        holder -> Nullable<Uuid>,
        held_until -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    bulk_step (tenant_id, job_id, n) {
        tenant_id -> Uuid,
        job_id -> Uuid,
        n -> Int4,
        target_id -> Nullable<Text>,
        refusal -> Nullable<Jsonb>,
    }
}

diesel::table! {
    leniency_use (tenant_id, directory_id, leniency) {
        tenant_id -> Uuid,
        directory_id -> Uuid,
        leniency -> Text,
        uses -> Int8,
        last_used_at -> Timestamptz,
    }
}

diesel::table! {
    credential (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        directory_id -> Nullable<Uuid>,
        token_hash -> Bytea,
        hint -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        scope -> Text,
        form -> Text,
        client_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    oauth_client (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        directory_id -> Uuid,
        name -> Text,
        scope -> Text,
        secret_hash -> Nullable<Bytea>,
        hint -> Nullable<Text>,
        jwks -> Nullable<Jsonb>,
        jwks_uri -> Nullable<Text>,
        created_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    spent_assertion (tenant_id, client_id, jti_hash) {
        tenant_id -> Uuid,
        client_id -> Uuid,
        jti_hash -> Bytea,
        forget_at -> Timestamptz,
    }
}

diesel::table! {
    token_issuer (tenant_id, credential_id) {
        tenant_id -> Uuid,
        credential_id -> Uuid,
        issuer -> Text,
        audience -> Text,
        entra_tenant -> Text,
        application -> Text,
    }
}

diesel::table! {
    users (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        directory_id -> Uuid,
        user_name_key -> Text,
        external_id -> Nullable<Text>,
        display_name_key -> Nullable<Text>,
        active -> Bool,
        doc -> Jsonb,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        signed_out_at -> Nullable<Timestamptz>,
        stopped_at -> Nullable<Timestamptz>,
        frozen_at -> Nullable<Timestamptz>,
        frozen_because -> Nullable<Text>,
        invited -> Bool,
    }
}

diesel::table! {
    user_email (tenant_id, user_id, ordinal) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        ordinal -> Int2,
        value_key -> Text,
    }
}

diesel::table! {
    groups (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        directory_id -> Uuid,
        display_name_key -> Text,
        external_id -> Nullable<Text>,
        doc -> Jsonb,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    group_child (tenant_id, group_id, child_id) {
        tenant_id -> Uuid,
        group_id -> Uuid,
        child_id -> Uuid,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    group_member (tenant_id, group_id, user_id) {
        tenant_id -> Uuid,
        group_id -> Uuid,
        user_id -> Uuid,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    org_unit (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        parent_id -> Nullable<Uuid>,
        key -> Text,
        key_fold -> Text,
        name -> Text,
        kind -> Nullable<Text>,
    }
}

diesel::table! {
    workspace (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        key -> Text,
        name -> Text,
        org_unit_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    mapping_rule (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        rule -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    access_policy (tenant_id) {
        tenant_id -> Uuid,
        version -> Int8,
        plan -> Nullable<Text>,
        features -> Nullable<Jsonb>,
        default_role -> Nullable<Text>,
    }
}

diesel::table! {
    user_access (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        access -> Jsonb,
        policy_version -> Int8,
        computed_at -> Timestamptz,
        guarded -> Nullable<Bool>,
        seat_class -> Nullable<Text>,
    }
}

diesel::table! {
    user_holding (tenant_id, thing, place, user_id) {
        tenant_id -> Uuid,
        thing -> Text,
        place -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    seat_pool (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        purchased -> Int4,
        at_limit -> Text,
        used -> Int4,
        peak -> Int4,
        seq -> Int8,
        waiter_seq -> Int8,
        at_limit_by -> Jsonb,
        left_to_product -> Bool,
        class -> Text,
    }
}

diesel::table! {
    pending_member (tenant_id, group_id, value) {
        tenant_id -> Uuid,
        group_id -> Uuid,
        value -> Text,
        directory_id -> Uuid,
        since -> Timestamptz,
    }
}

diesel::table! {
    schema_extension (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        resource_type -> Text,
        urn -> Text,
        urn_key -> Text,
        declaration -> Jsonb,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    schema_version (tenant_id) {
        tenant_id -> Uuid,
        version -> Int8,
    }
}

diesel::table! {
    seat_hold (tenant_id, pool_id, user_id) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        user_id -> Uuid,
        since -> Timestamptz,
    }
}

diesel::table! {
    seat_waiter (tenant_id, pool_id, n) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        n -> Int8,
        user_id -> Uuid,
        since -> Timestamptz,
        meanwhile -> Nullable<Text>,
    }
}

diesel::table! {
    seat_ledger (tenant_id, pool_id, seq) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        seq -> Int8,
        at -> Timestamptz,
        delta -> Int2,
        used_after -> Int4,
        user_id -> Uuid,
        cause -> Text,
        request_id -> Uuid,
    }
}

diesel::table! {
    connection (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        slug -> Text,
        name -> Text,
        directory_id -> Uuid,
        settings -> Jsonb,
        client_secret_sealed -> Nullable<Bytea>,
        created_at -> Timestamptz,
        kind -> Text,
        state -> Text,
        protocol -> Jsonb,
        enforced -> Bool,
    }
}

diesel::table! {
    identity (tenant_id, connection_id, subject) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        subject -> Text,
        user_id -> Uuid,
        linked_at -> Timestamptz,
    }
}

diesel::table! {
    login_flow (tenant_id, state_hash) {
        tenant_id -> Uuid,
        state_hash -> Bytea,
        connection_id -> Uuid,
        browser_hash -> Bytea,
        secrets_sealed -> Bytea,
        return_to -> Text,
        expires_at -> Timestamptz,
        started_at -> Timestamptz,
        trial_id -> Nullable<Uuid>,
        invitation_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    spent_message (tenant_id, connection_id, message_hash) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        message_hash -> Bytea,
        forget_at -> Timestamptz,
    }
}

diesel::table! {
    saml_certificate (tenant_id, connection_id, fingerprint) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        fingerprint -> Text,
        certificate -> Bytea,
        state -> Text,
        expires_at -> Timestamptz,
        added_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    saml_key (tenant_id, connection_id, state) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        state -> Text,
        certificate -> Bytea,
        key_sealed -> Bytea,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    saml_metadata (tenant_id, connection_id) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        url -> Text,
        checked_at -> Timestamptz,
        failure -> Nullable<Text>,
        failing_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    session (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        connection_id -> Nullable<Uuid>,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        expires_at -> Timestamptz,
        provider_session_hash -> Nullable<Bytea>,
        provider_name_hash -> Nullable<Bytea>,
        id_token_sealed -> Nullable<Bytea>,
        auth_time -> Nullable<Timestamptz>,
        amr -> Nullable<Jsonb>,
        acr -> Nullable<Text>,
    }
}

diesel::table! {
    audit_event (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor -> Jsonb,
        action -> Text,
        target_kind -> Text,
        target_id -> Text,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
        request_id -> Uuid,
    }
}

diesel::table! {
    outbox (tenant_id, position) {
        tenant_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        fact -> Text,
        subject_id -> Text,
        payload -> Jsonb,
        request_id -> Uuid,
        position -> Int8,
    }
}

diesel::table! {
    receiver (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        name -> Text,
        method -> Nullable<Text>,
        address -> Nullable<Text>,
        audience -> Nullable<Text>,
        events -> Nullable<Jsonb>,
        description -> Nullable<Text>,
        status -> Text,
        reason -> Nullable<Text>,
        hint -> Text,
        secret_sealed -> Nullable<Bytea>,
        old_secret_sealed -> Nullable<Bytea>,
        token_hash -> Nullable<Bytea>,
        old_token_hash -> Nullable<Bytea>,
        old_until -> Nullable<Timestamptz>,
        authorization_sealed -> Nullable<Bytea>,
        failures -> Int4,
        failing_since -> Nullable<Timestamptz>,
        retry_at -> Timestamptz,
        verified_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    signal (tenant_id, position) {
        tenant_id -> Uuid,
        position -> Int8,
        id -> Uuid,
        at -> Timestamptz,
        fact -> Text,
        subject_id -> Text,
        payload -> Jsonb,
        request_id -> Uuid,
        place -> Nullable<Int8>,
    }
}

diesel::table! {
    delivery (tenant_id, receiver_id, id) {
        tenant_id -> Uuid,
        receiver_id -> Uuid,
        id -> Uuid,
        position -> Int8,
        n -> Int2,
        event -> Text,
        subject_id -> Text,
        state -> Text,
        attempts -> Int4,
        created_at -> Timestamptz,
        last_at -> Nullable<Timestamptz>,
        status -> Nullable<Int4>,
        microseconds -> Nullable<Int8>,
        outcome -> Nullable<Text>,
        excerpt -> Nullable<Text>,
    }
}

diesel::table! {
    delivery_lane (tenant_id, receiver_id, subject_id) {
        tenant_id -> Uuid,
        receiver_id -> Uuid,
        subject_id -> Text,
        pending -> Int4,
        due_at -> Timestamptz,
        holder -> Nullable<Uuid>,
    }
}

diesel::table! {
    tombstone (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        directory_id -> Uuid,
        user_name -> Text,
        external_id -> Nullable<Text>,
        deleted_at -> Timestamptz,
        merged_into -> Nullable<Uuid>,
    }
}

diesel::table! {
    email_domain (tenant_id, name) {
        tenant_id -> Uuid,
        name -> Text,
        challenge -> Text,
        claimed_at -> Timestamptz,
        verified_at -> Nullable<Timestamptz>,
        checked_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        lapsed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    adoption_declined (tenant_id, local_id, user_id) {
        tenant_id -> Uuid,
        local_id -> Uuid,
        user_id -> Uuid,
        declined_at -> Timestamptz,
    }
}

diesel::table! {
    mass_guard (tenant_id, directory_id) {
        tenant_id -> Uuid,
        directory_id -> Uuid,
        mode -> Text,
        at_least -> Int4,
        percent -> Int4,
        alarmed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    departure (tenant_id, directory_id, at, user_id) {
        tenant_id -> Uuid,
        directory_id -> Uuid,
        at -> Timestamptz,
        user_id -> Uuid,
        n -> Int4,
    }
}

diesel::table! {
    held_departure (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        directory_id -> Uuid,
        kind -> Text,
        held_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    scim_request (tenant_id, directory_id, id) {
        tenant_id -> Uuid,
        directory_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        credential_id -> Uuid,
        caller_id -> Nullable<Text>,
        agent -> Nullable<Text>,
        address -> Text,
        method -> Text,
        path -> Text,
        kind -> Text,
        dialect -> Nullable<Text>,
        leniencies -> Jsonb,
        if_match -> Nullable<Text>,
        body -> Nullable<Text>,
        body_state -> Text,
        body_bytes -> Int4,
        operations -> Nullable<Jsonb>,
        status -> Int4,
        scim_type -> Nullable<Text>,
        detail -> Nullable<Text>,
        microseconds -> Int8,
    }
}

diesel::table! {
    scim_request_subject (tenant_id, directory_id, subject, id) {
        tenant_id -> Uuid,
        directory_id -> Uuid,
        subject -> Text,
        id -> Uuid,
    }
}

diesel::table! {
    scim_traffic (tenant_id, directory_id, since, kind) {
        tenant_id -> Uuid,
        directory_id -> Uuid,
        since -> Timestamptz,
        kind -> Text,
        requests -> Int8,
        refused -> Int8,
        failed -> Int8,
        unlogged -> Int8,
        last_at -> Timestamptz,
        last_done_at -> Nullable<Timestamptz>,
        clock_ahead_ms -> Nullable<Int8>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    access_policy,
    adoption_declined,
    answered_passkey,
    audit_event,
    blueprint,
    bulk_job,
    bulk_step,
    connection,
    credential,
    delivery,
    delivery_lane,
    departure,
    directory,
    email_domain,
    group_child,
    group_member,
    groups,
    handover,
    handover_policy,
    held_departure,
    identity,
    invitation,
    leniency_use,
    login_flow,
    mapping_rule,
    mass_guard,
    newcomer,
    oauth_client,
    operator_credential,
    org_unit,
    outbox,
    passkey,
    passkey_invitation,
    pending_member,
    receiver,
    reevaluation,
    saml_certificate,
    saml_key,
    saml_metadata,
    schema_extension,
    schema_version,
    scim_request,
    scim_request_subject,
    scim_traffic,
    seat_check,
    seat_hold,
    seat_ledger,
    seat_pool,
    seat_terms,
    seat_waiter,
    session,
    signal,
    spent_assertion,
    tenant,
    token_issuer,
    tombstone,
    user_access,
    user_holding,
    user_email,
    users,
    workspace
);
