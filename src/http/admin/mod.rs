//! The door for administrators' programs. Knows the addresses of `/api/v1`; each family of addresses is one file, which
//! is also its documentation.

mod adoptions;
mod answer;
mod apps;
mod audit_events;
mod change_sets;
mod changes;
mod connections;
mod credentials;
mod decisions;
mod directories;
mod domains;
mod externals;
mod freezes;
mod gates;
mod grants;
mod guards;
mod handovers;
mod invitation_links;
mod invitations;
mod mapping_rules;
mod oauth_clients;
mod openapi;
mod openid;
mod operator_credentials;
mod org_units;
mod paging;
mod passkeys;
mod people;
mod presence;
mod receivers;
mod reevaluation;
mod requests;
mod roles;
mod saml_connections;
mod schema_extensions;
mod seat_pool;
mod sessions;
mod sheet;
mod tenants;
mod token_issuers;
mod transmitters;
mod workspaces;

use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/api/v1`.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    access_routes(cfg);
    saml_routes(cfg);
    app_routes(cfg);
    gate_routes(cfg);
    receiver_routes(cfg);
    invitation_routes(cfg);
    handover_routes(cfg);
    seat_routes(cfg);
    cfg.service(Endpoint::at("/openapi.json").get(openapi::document))
        .service(Endpoint::at("/tenants").get(tenants::list).post(tenants::create))
        .service(Endpoint::at("/tenants/{tenant}/org-units").get(org_units::list).post(org_units::create))
        .service(Endpoint::at("/tenants/{tenant}/workspaces").get(workspaces::list).post(workspaces::create))
        .service(
            Endpoint::at("/tenants/{tenant}/directories").get(directories::list).post(directories::create),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/directories/{directory}")
                .get(directories::show)
                .patch(directories::change),
        )
        .service(Endpoint::at("/tenants/{tenant}/directories/{directory}/requests").get(requests::list))
        .service(
            Endpoint::at("/tenants/{tenant}/directories/{directory}/requests/export").get(requests::export),
        )
        .service(Endpoint::at("/tenants/{tenant}/directories/{directory}/requests/{id}").get(requests::show))
        .service(
            Endpoint::at("/tenants/{tenant}/directories/{directory}/requests/{id}/dry-run")
                .post(requests::dry_run_again),
        )
        .service(Endpoint::at("/tenants/{tenant}/directories/{directory}/dry-run").post(requests::dry_run))
        .service(Endpoint::at("/tenants/{tenant}/directories/{directory}/health").get(requests::health))
        .service(
            Endpoint::at("/tenants/{tenant}/directories/{directory}/pending-members")
                .get(directories::pending_members),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/credentials").get(credentials::list).post(credentials::issue),
        )
        .service(Endpoint::at("/tenants/{tenant}/credentials/{id}").delete(credentials::revoke))
        .service(Endpoint::at("/tenants/{tenant}/credentials/{id}/rotate").post(credentials::rotate))
        .service(
            Endpoint::at("/tenants/{tenant}/oauth-clients")
                .get(oauth_clients::list)
                .post(oauth_clients::create),
        )
        .service(Endpoint::at("/tenants/{tenant}/oauth-clients/{id}").delete(oauth_clients::revoke))
        .service(
            Endpoint::at("/tenants/{tenant}/token-issuers")
                .get(token_issuers::list)
                .post(token_issuers::trust),
        )
        .service(Endpoint::at("/tenants/{tenant}/token-issuers/{id}").delete(token_issuers::revoke))
        .service(Endpoint::at("/operator-credentials").get(operator_credentials::list))
        .service(Endpoint::at("/operator-credentials/{id}").delete(operator_credentials::revoke))
        .service(
            Endpoint::at("/tenants/{tenant}/schema-extensions")
                .get(schema_extensions::list)
                .post(schema_extensions::declare),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/schema-extensions/{id}")
                .put(schema_extensions::redeclare)
                .delete(schema_extensions::withdraw),
        )
        .service(Endpoint::at("/tenants/{tenant}/users").get(people::list).post(people::create))
        .service(
            Endpoint::at("/tenants/{tenant}/users/{id}")
                .get(people::show)
                .patch(people::change)
                .delete(people::delete),
        )
        .service(Endpoint::at("/tenants/{tenant}/users.csv").get(sheet::export))
        .service(Endpoint::at("/tenants/{tenant}/tombstones").get(people::tombstones))
        .service(Endpoint::at("/tenants/{tenant}/freezes").post(freezes::freeze))
        .service(Endpoint::at("/tenants/{tenant}/users/{id}/freeze").put(people::freeze).delete(people::thaw))
        .service(Endpoint::at("/tenants/{tenant}/users/{id}/access").get(people::access))
        .service(Endpoint::at("/tenants/{tenant}/users/{id}/grants").get(grants::list).post(grants::give))
        .service(Endpoint::at("/tenants/{tenant}/users/{id}/grants/{grant}").delete(grants::take))
        .service(
            Endpoint::at("/tenants/{tenant}/users/{id}/permissions/{permission}").get(decisions::decide_one),
        )
        .service(Endpoint::at("/tenants/{tenant}/decisions").post(decisions::decide))
        .service(Endpoint::at("/tenants/{tenant}/permissions/{permission}/holders").get(decisions::who_may))
        .service(Endpoint::at("/tenants/{tenant}/presence").post(presence::note))
        .service(Endpoint::at("/tenants/{tenant}/blueprint").get(decisions::show_blueprint))
        .service(Endpoint::at("/tenants/{tenant}/offer").get(decisions::show_offer).put(decisions::set_offer))
        .service(Endpoint::at("/tenants/{tenant}/adoptions").get(adoptions::list).post(adoptions::decide))
        .service(Endpoint::at("/tenants/{tenant}/domains").get(domains::list).post(domains::claim))
        .service(Endpoint::at("/tenants/{tenant}/domains/{domain}").delete(domains::release))
        .service(Endpoint::at("/tenants/{tenant}/domains/{domain}/verify").post(domains::verify))
        .service(Endpoint::at("/tenants/{tenant}/guards").get(guards::show))
        .service(Endpoint::at("/tenants/{tenant}/reevaluation").get(reevaluation::show))
        .service(Endpoint::at("/tenants/{tenant}/directories/{directory}/mass-guard").put(guards::set))
        .service(Endpoint::at("/tenants/{tenant}/held-departures").get(guards::held))
        .service(Endpoint::at("/tenants/{tenant}/held-departures/{id}").post(guards::decide))
        .service(Endpoint::at("/tenants/{tenant}/audit-events").get(audit_events::list))
        .configure(sign_in_routes);
}

/// What access is computed from.
fn access_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        Endpoint::at("/tenants/{tenant}/mapping-rules").get(mapping_rules::list).post(mapping_rules::create),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/mapping-rules/{id}")
            .patch(mapping_rules::change)
            .delete(mapping_rules::delete),
    )
    .service(Endpoint::at("/tenants/{tenant}/mapping-rules/{id}/history").get(mapping_rules::history))
    .service(Endpoint::at("/tenants/{tenant}/mapping-rule-order").put(mapping_rules::order))
    .service(Endpoint::at("/tenants/{tenant}/change-sets/preview").post(change_sets::preview))
    .service(Endpoint::at("/tenants/{tenant}/change-sets").get(change_sets::list).post(change_sets::apply))
    .service(Endpoint::at("/tenants/{tenant}/change-sets/{id}").get(change_sets::show))
    .service(Endpoint::at("/tenants/{tenant}/change-sets/{id}/undo/preview").post(change_sets::preview_undo))
    .service(Endpoint::at("/tenants/{tenant}/change-sets/{id}/undo").post(change_sets::undo))
    .service(Endpoint::at("/tenants/{tenant}/roles").get(roles::list).post(roles::create))
    .service(
        Endpoint::at("/tenants/{tenant}/roles/{role}")
            .get(roles::show)
            .patch(roles::change)
            .delete(roles::delete),
    );
}

/// Those of them that are about signing in.
fn sign_in_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        Endpoint::at("/tenants/{tenant}/connections").get(connections::list).post(connections::create),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/connections/{connection}")
            .get(connections::show)
            .patch(connections::change),
    )
    .service(Endpoint::at("/tenants/{tenant}/connections/{connection}/openid").get(openid::show))
    .service(Endpoint::at("/tenants/{tenant}/connections/{connection}/openid/rules").put(openid::set_rules))
    .service(
        Endpoint::at("/tenants/{tenant}/connections/{connection}/openid/client-secret")
            .put(openid::set_secret),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/connections/{connection}/openid/client-key").post(openid::renew_key),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/connections/{connection}/transmitter")
            .get(transmitters::show)
            .put(transmitters::set)
            .delete(transmitters::remove),
    )
    .service(Endpoint::at("/tenants/{tenant}/connections/{connection}/trials").post(connections::begin_trial))
    .service(
        Endpoint::at("/tenants/{tenant}/connections/{connection}/trials/{id}").get(connections::show_trial),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/users/{id}/sessions")
            .get(sessions::list)
            .delete(sessions::revoke_all),
    )
    .service(Endpoint::at("/tenants/{tenant}/users/{id}/sessions/{session}").delete(sessions::revoke))
    .service(Endpoint::at("/tenants/{tenant}/users/{id}/passkey-invitations").post(passkeys::invite))
    .service(Endpoint::at("/tenants/{tenant}/users/{id}/passkeys").get(passkeys::list))
    .service(
        Endpoint::at("/tenants/{tenant}/users/{id}/passkeys/{passkey}")
            .patch(passkeys::rename)
            .delete(passkeys::remove),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/enforced-sign-in")
            .get(passkeys::show_enforcement)
            .put(passkeys::enforce),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/session-policy").get(sessions::show_policy).put(sessions::set_policy),
    );
}

/// Where people sign in by SAML.
fn saml_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/tenants/{tenant}/saml-connections").post(saml_connections::create))
        .service(
            Endpoint::at("/tenants/{tenant}/saml-connections/{connection}")
                .get(saml_connections::show)
                .patch(saml_connections::change),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/saml-connections/{connection}/refresh")
                .post(saml_connections::refresh),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/saml-connections/{connection}/certificates/{fingerprint}")
                .post(saml_connections::approve_certificate)
                .delete(saml_connections::remove_certificate),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/saml-connections/{connection}/keys")
                .post(saml_connections::announce_key),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/saml-connections/{connection}/keys/switch")
                .post(saml_connections::switch_key),
        )
        .service(
            Endpoint::at("/tenants/{tenant}/saml-connections/{connection}/keys/former")
                .delete(saml_connections::retire_key),
        )
        .service(Endpoint::at("/tenants/{tenant}/certificate-calendar").get(saml_connections::calendar));
}

/// Those who are told, and those who ask.
fn receiver_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/tenants/{tenant}/receivers").get(receivers::list).post(receivers::create))
        .service(
            Endpoint::at("/tenants/{tenant}/receivers/{id}")
                .get(receivers::show)
                .patch(receivers::change)
                .delete(receivers::delete),
        )
        .service(Endpoint::at("/tenants/{tenant}/receivers/{id}/rotate").post(receivers::rotate))
        .service(Endpoint::at("/tenants/{tenant}/receivers/{id}/test").post(receivers::test))
        .service(Endpoint::at("/tenants/{tenant}/receivers/{id}/replay").post(receivers::replay))
        .service(Endpoint::at("/tenants/{tenant}/receivers/{id}/deliveries").get(receivers::deliveries))
        .service(Endpoint::at("/tenants/{tenant}/changes").get(changes::list));
}

/// People who are invited.
fn invitation_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        Endpoint::at("/tenants/{tenant}/invitations").get(invitations::list).post(invitations::invite),
    )
    .service(Endpoint::at("/tenants/{tenant}/invitation-batches").post(invitations::invite_several))
    .service(
        Endpoint::at("/tenants/{tenant}/invitations/{id}").get(invitations::show).delete(invitations::cancel),
    )
    .service(Endpoint::at("/tenants/{tenant}/invitations/{id}/resend").post(invitations::resend))
    .service(
        Endpoint::at("/tenants/{tenant}/invitation-links")
            .get(invitation_links::list)
            .post(invitation_links::make),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/invitation-links/{id}")
            .patch(invitation_links::change)
            .delete(invitation_links::remove),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/external-requests").get(externals::list).post(externals::request),
    )
    .service(
        Endpoint::at("/tenants/{tenant}/external-requests/{id}").get(externals::show).post(externals::decide),
    );
}

/// What leavers leave behind.
fn handover_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/tenants/{tenant}/handovers").get(handovers::list))
        .service(Endpoint::at("/tenants/{tenant}/handovers/{id}").get(handovers::show))
        .service(Endpoint::at("/tenants/{tenant}/handovers/{id}/outcome").put(handovers::report))
        .service(Endpoint::at("/tenants/{tenant}/handovers/{id}/retry").post(handovers::retry))
        .service(Endpoint::at("/tenants/{tenant}/handovers/{id}/receiver").put(handovers::redirect))
        .service(
            Endpoint::at("/tenants/{tenant}/handover-policy")
                .get(handovers::show_policy)
                .put(handovers::set_policy),
        );
}

/// Seats, and their books.
fn seat_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/tenants/{tenant}/seat-pool").get(seat_pool::show).put(seat_pool::set))
        .service(Endpoint::at("/tenants/{tenant}/seat-pools").get(seat_pool::list))
        .service(Endpoint::at("/tenants/{tenant}/seat-pool/months").get(seat_pool::months))
        .service(Endpoint::at("/tenants/{tenant}/seat-pool/ledger").get(seat_pool::ledger))
        .service(Endpoint::at("/tenants/{tenant}/seat-pool/reconciliation").post(seat_pool::reconcile));
}

/// The product's apps.
fn app_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/tenants/{tenant}/apps").get(apps::list).post(apps::create))
        .service(
            Endpoint::at("/tenants/{tenant}/apps/{id}")
                .get(apps::show)
                .patch(apps::change)
                .delete(apps::delete),
        )
        .service(Endpoint::at("/tenants/{tenant}/apps/{id}/rotate-secret").post(apps::rotate));
}

/// Proxies that ask about requests.
fn gate_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("/tenants/{tenant}/gates").get(gates::list).post(gates::create))
        .service(
            Endpoint::at("/tenants/{tenant}/gates/{id}")
                .get(gates::show)
                .put(gates::set)
                .delete(gates::delete),
        )
        .service(Endpoint::at("/tenants/{tenant}/gates/{id}/rotate-secret").post(gates::rotate));
}
