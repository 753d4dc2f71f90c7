//! What this service provider says about itself. Knows RFC 7643 §5; does not know tenants.

use serde_json::{Value, json};

use super::SERVICE_PROVIDER_CONFIG_URN;
use super::render::location;
use crate::limits::Limits;

/// The body of `/ServiceProviderConfig`.
///
/// The bulk limits are numbers although bulk is not supported: clients read `maxOperations` as the
/// number of operations they may put into one PATCH. Of the two ways to page (RFC 9865 §4), the index is the
/// default: clients that know no cursor expect it.
pub fn service_provider_config(base_url: &str, limits: &Limits) -> Value {
    json!({
        "schemas": [SERVICE_PROVIDER_CONFIG_URN],
        "patch": { "supported": true },
        "bulk": {
            "supported": false,
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
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": location(base_url, "/ServiceProviderConfig", ""),
        },
    })
}
