//! The SCIM door (RFC 7644). Knows its addresses, headers and statuses; does not know attributes or SQL.

mod addressed;
mod answer;
mod bulk;
mod content;
mod discovery;
mod everything;
mod groups;
mod me;
mod memberships;
mod offered;
mod search;
mod users;

use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;
use super::limits::authorization;

pub(super) use addressed::tenant_in_address;
pub(super) use bulk::resume;

/// What a handler of this door ends in.
type Answer = Result<HttpResponse, Refused>;

/// The addresses below `/scim/v2`, which are those below `/scim/{tenant}/v2` too.
pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(Endpoint::at("").get(everything::list))
        .service(Endpoint::at("/.search").post(everything::search))
        .service(Endpoint::at("/Users").get(users::list).post(users::create))
        .service(Endpoint::at("/Users/.search").post(users::search))
        .service(
            Endpoint::at("/Users/{id}")
                .get(users::get)
                .put(users::replace)
                .patch(users::patch)
                .delete(users::delete),
        )
        .service(Endpoint::at("/Groups").get(groups::list).post(groups::create))
        .service(Endpoint::at("/Groups/.search").post(groups::search))
        .service(
            Endpoint::at("/Groups/{id}")
                .get(groups::get)
                .put(groups::replace)
                .patch(groups::patch)
                .delete(groups::delete),
        )
        .service(Endpoint::at("/Roles").get(offered::roles))
        .service(Endpoint::at("/Roles/.search").post(offered::search_roles))
        .service(Endpoint::at("/Roles/{id}").get(offered::role_by_id))
        .service(Endpoint::at("/Entitlements").get(offered::entitlements))
        .service(Endpoint::at("/Entitlements/.search").post(offered::search_entitlements))
        .service(Endpoint::at("/Entitlements/{id}").get(offered::entitlement_by_id))
        .service(Endpoint::at("/GroupMemberships").get(memberships::list).post(memberships::create))
        .service(Endpoint::at("/GroupMemberships/.search").post(memberships::search))
        .service(Endpoint::at("/GroupMemberships/{id}").get(memberships::get).delete(memberships::delete))
        .service(Endpoint::at("/ServiceProviderConfig").get(discovery::service_provider_config))
        .service(Endpoint::at("/ResourceTypes").get(discovery::resource_types))
        .service(Endpoint::at("/ResourceTypes/{id}").get(discovery::resource_type))
        .service(Endpoint::at("/Schemas").get(discovery::schemas))
        .service(Endpoint::at("/Schemas/{id}").get(discovery::schema))
        .service(Endpoint::at("/Bulk").post(bulk::run))
        .service(Endpoint::at("/Bulk/{id}").get(bulk::result))
        .service(
            Endpoint::at("/Me")
                .get(me::get)
                .post(me::write)
                .put(me::write)
                .patch(me::write)
                .delete(me::write),
        );
}

/// Whether people ask here too, by their session.
pub(super) fn is_for_people(path: &str) -> bool {
    path == "/scim/v2/Me"
}

/// The credential that counts for the limits. Discovery is open to everybody, so nothing shown there is vouched for.
pub(super) fn presented(request: &ServiceRequest) -> Option<Cow<'_, [u8]>> {
    if discovery::is_open(request.path()) { None } else { authorization(request) }
}
