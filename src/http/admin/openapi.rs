//! `GET /api/v1/openapi.json`: the API's description, made from the handlers and types themselves.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::super::problem::Problem;
use super::{
    Answer, adoptions, apps, audit_events, change_sets, changes, connections, credentials, decisions,
    directories, domains, externals, freezes, gates, grants, guards, handovers, invitation_links,
    invitations, mapping_rules, oauth_clients, openid, operator_credentials, org_units, passkeys, people,
    presence, receivers, reevaluation, requests, roles, saml_connections, schema_extensions, seat_pool,
    sessions, sheet, tenants, token_issuers, transmitters, workspaces,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Usher administration",
        description = "What an operator and a tenant's administrators set up. Errors are problem details (RFC 9457).",
    ),
    paths(
        tenants::list, tenants::create,
        org_units::list, org_units::create,
        workspaces::list, workspaces::create,
        directories::list, directories::create, directories::show, directories::change,
        directories::pending_members,
        credentials::list, credentials::issue, credentials::revoke, credentials::rotate,
        oauth_clients::list, oauth_clients::create, oauth_clients::revoke,
        token_issuers::list, token_issuers::trust, token_issuers::revoke,
        apps::list, apps::create, apps::show, apps::change, apps::delete, apps::rotate,
        gates::list, gates::create, gates::show, gates::set, gates::delete, gates::rotate,
        operator_credentials::list, operator_credentials::revoke,
        requests::list, requests::export, requests::show, requests::dry_run_again, requests::dry_run, requests::health,
        connections::list, connections::create, connections::show, connections::change,
        connections::begin_trial, connections::show_trial,
        saml_connections::create, saml_connections::show, saml_connections::change, saml_connections::refresh,
        saml_connections::approve_certificate, saml_connections::remove_certificate, saml_connections::announce_key,
        saml_connections::switch_key, saml_connections::retire_key, saml_connections::calendar,
        openid::show, openid::set_rules, openid::set_secret, openid::renew_key,
        mapping_rules::list, mapping_rules::create, mapping_rules::change, mapping_rules::delete,
        mapping_rules::order, mapping_rules::history,
        change_sets::preview, change_sets::apply, change_sets::list, change_sets::show,
        change_sets::preview_undo, change_sets::undo,
        roles::list, roles::create, roles::show, roles::change, roles::delete,
        schema_extensions::list, schema_extensions::declare, schema_extensions::redeclare,
        schema_extensions::withdraw,
        receivers::list, receivers::create, receivers::show, receivers::change, receivers::delete,
        receivers::rotate, receivers::test, receivers::replay, receivers::deliveries,
        seat_pool::list, seat_pool::show, seat_pool::set, seat_pool::months, seat_pool::ledger, seat_pool::reconcile,
        people::list, people::create, people::show, people::change, people::delete, people::freeze, people::thaw, freezes::freeze, people::access,
        people::tombstones, presence::note,
        sheet::export,
        invitations::list, invitations::invite, invitations::invite_several, invitations::show, invitations::resend,
        invitations::cancel,
        invitation_links::list, invitation_links::make, invitation_links::change, invitation_links::remove,
        externals::list, externals::request, externals::show, externals::decide,
        grants::list, grants::give, grants::take,
        handovers::list, handovers::show, handovers::report, handovers::retry, handovers::redirect,
        handovers::show_policy, handovers::set_policy,
        decisions::decide, decisions::decide_one, decisions::who_may, decisions::show_offer, decisions::set_offer,
        decisions::show_blueprint,
        adoptions::list, adoptions::decide,
        domains::list, domains::claim, domains::verify, domains::release,
        sessions::list, sessions::revoke, sessions::revoke_all, sessions::show_policy, sessions::set_policy,
        passkeys::invite, passkeys::list, passkeys::rename, passkeys::remove, passkeys::show_enforcement,
        passkeys::enforce,
        guards::show, guards::set, guards::held, guards::decide,
        reevaluation::show,
        audit_events::list,
        changes::list,
        transmitters::show, transmitters::set, transmitters::remove,
    ),
    components(schemas(Problem)),
    modifiers(&Bearer, &OnceEach),
)]
pub(super) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description =
            Some("A tenant's admin credential, or an operator's, who may enter every tenant.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Of an address, the handler's argument tells the names, and the handler's description the rest: one parameter each.
struct OnceEach;

impl Modify for OnceEach {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let operations =
                [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
            for operation in operations.into_iter().flatten() {
                operation.parameters = operation.parameters.take().map(once_each);
            }
        }
    }
}

fn once_each(all: Vec<RefOr<Parameter>>) -> Vec<RefOr<Parameter>> {
    let mut kept: Vec<RefOr<Parameter>> = Vec::new();
    for next in all {
        let RefOr::T(parameter) = &next else {
            kept.push(next);
            continue;
        };
        let known = kept.iter_mut().find_map(|it| match it {
            RefOr::T(known)
                if known.name == parameter.name && known.parameter_in == parameter.parameter_in =>
            {
                Some(known)
            }
            _ => None,
        });
        match known {
            Some(known) if known.description.is_none() => *known = parameter.clone(),
            Some(_) => {}
            None => kept.push(next),
        }
    }
    kept
}

/// Open to everybody: it holds no secrets.
pub(super) async fn document() -> Answer {
    static TEXT: LazyLock<Result<String, String>> =
        LazyLock::new(|| Document::openapi().to_json().map_err(|error| error.to_string()));
    match &*TEXT {
        Ok(text) => Ok(HttpResponse::Ok()
            .content_type("application/json")
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(text.as_str())),
        Err(error) => Err(app::AppError::Internal(error.clone()).into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::to_value(Document::openapi()).unwrap()
    }

    #[test]
    fn every_operation_asks_for_a_credential_and_tells_how_it_refuses() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let mut operations = 0;

        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap() {
                operations += 1;
                assert_eq!(operation["security"][0]["bearer"], serde_json::json!([]), "{method} {path}");
                for status in ["400", "401", "403", "404", "429"] {
                    let content = &operation["responses"][status]["content"];
                    assert!(content["application/problem+json"].is_object(), "{method} {path}: {status}");
                }
                if operation.get("requestBody").is_some() {
                    for status in ["409", "413", "415"] {
                        assert!(operation["responses"][status].is_object(), "{method} {path}: {status}");
                    }
                }
            }
        }
        assert_eq!(operations, 166);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);

        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
