//! What this service provider says about itself. Knows RFC 7643 §5; does not know tenants.

use serde_json::{Value, json};

use super::SERVICE_PROVIDER_CONFIG_URN;
use super::render::location;
use crate::limits::Limits;

/// What the configuration says besides, to a client that asks with its credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Config {
    /// That its requests are held to the interoperability profile (draft-zollner-scim-interop-profile-01, §4).
    pub interop: bool,
    /// That `/Roles` and `/Entitlements` are there (draft-ietf-scim-roles-entitlements-01). Not told to everybody: the
    /// attribute is of no RFC, and clients that check the document against the RFCs (scim2-models) refuse all of it.
    pub roles: bool,
}

/// The body of `/ServiceProviderConfig`.
///
/// Clients read `bulk.maxOperations` as the number of operations they may put into one PATCH, too. Of the two ways to page (RFC 9865 §4), the index is the
/// default: clients that know no cursor expect it.
pub fn service_provider_config(base_url: &str, limits: &Limits, told: Config) -> Value {
    let mut config = json!({
        "schemas": [SERVICE_PROVIDER_CONFIG_URN],
        "patch": { "supported": true },
        "bulk": {
            "supported": true,
            "maxOperations": limits.max_operations,
            "maxPayloadSize": limits.max_payload_size,
        },
        "filter": { "supported": true, "maxResults": limits.max_page_size },
        "changePassword": { "supported": false },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.default_page_size,
            "maxPageSize": limits.max_page_size,
            "cursorTimeout": limits.cursor_timeout,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "Authentication with a bearer token issued for one directory.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }, {
            "type": "oauth2",
            "name": "OAuth 2.0 Client Credentials",
            "description": "Short-lived bearer tokens that a client fetches by its secret or a signed assertion; where, the metadata of RFC 8414 say.",
            "specUri": "https://www.rfc-editor.org/info/rfc6749",
            "primary": false,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": location(base_url, "/ServiceProviderConfig", ""),
        },
    });
    let beyond = [
        ("interopProfileConformant", told.interop.then_some(Value::Bool(true))),
        ("RolesAndEntitlements", told.roles.then(roles_and_entitlements)),
    ];
    if let Value::Object(config) = &mut config {
        config.extend(beyond.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    config
}

fn roles_and_entitlements() -> Value {
    json!({
        "roles": {
            "supported": true, "multipleRolesSupported": true, "primarySupported": true, "typeSupported": true,
        },
        "entitlements": {
            "supported": true, "multipleEntitlementsSupported": true, "primarySupported": true,
            "typeSupported": true,
        },
    })
}
