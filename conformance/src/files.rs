//! The files of checks, as they are built in. Knows their names; does not know what is in them.

/// The sections of the RFCs, and the interop profile.
pub(crate) const CHECKS: &[(&str, &str)] = &[
    ("checks/rfc7643_schema.toml", include_str!("../checks/rfc7643_schema.toml")),
    ("checks/rfc7643_4.2_groups.toml", include_str!("../checks/rfc7643_4.2_groups.toml")),
    ("checks/rfc7644_2_authentication.toml", include_str!("../checks/rfc7644_2_authentication.toml")),
    ("checks/rfc7644_3.3_create.toml", include_str!("../checks/rfc7644_3.3_create.toml")),
    ("checks/rfc7644_3.4_read.toml", include_str!("../checks/rfc7644_3.4_read.toml")),
    ("checks/rfc7644_3.4.2_query.toml", include_str!("../checks/rfc7644_3.4.2_query.toml")),
    ("checks/rfc7644_3.4.2.1_root.toml", include_str!("../checks/rfc7644_3.4.2.1_root.toml")),
    ("checks/rfc7644_3.4.2.2_filter.toml", include_str!("../checks/rfc7644_3.4.2.2_filter.toml")),
    ("checks/rfc7644_3.4.2.3_sort.toml", include_str!("../checks/rfc7644_3.4.2.3_sort.toml")),
    ("checks/rfc7644_3.4.2.4_paging.toml", include_str!("../checks/rfc7644_3.4.2.4_paging.toml")),
    ("checks/rfc7644_3.4.2.5_attributes.toml", include_str!("../checks/rfc7644_3.4.2.5_attributes.toml")),
    ("checks/rfc7644_3.4.3_search.toml", include_str!("../checks/rfc7644_3.4.3_search.toml")),
    ("checks/rfc7644_3.5.1_put.toml", include_str!("../checks/rfc7644_3.5.1_put.toml")),
    ("checks/rfc7644_3.5.2_patch.toml", include_str!("../checks/rfc7644_3.5.2_patch.toml")),
    ("checks/rfc7644_3.5.2.1_add.toml", include_str!("../checks/rfc7644_3.5.2.1_add.toml")),
    ("checks/rfc7644_3.5.2.2_remove.toml", include_str!("../checks/rfc7644_3.5.2.2_remove.toml")),
    ("checks/rfc7644_3.5.2.3_replace.toml", include_str!("../checks/rfc7644_3.5.2.3_replace.toml")),
    ("checks/rfc7644_3.6_delete.toml", include_str!("../checks/rfc7644_3.6_delete.toml")),
    ("checks/rfc7644_3.7_bulk.toml", include_str!("../checks/rfc7644_3.7_bulk.toml")),
    ("checks/rfc7644_3.8_formats.toml", include_str!("../checks/rfc7644_3.8_formats.toml")),
    ("checks/rfc7644_3.11_me.toml", include_str!("../checks/rfc7644_3.11_me.toml")),
    ("checks/rfc7644_3.12_errors.toml", include_str!("../checks/rfc7644_3.12_errors.toml")),
    ("checks/rfc7644_3.13_versions.toml", include_str!("../checks/rfc7644_3.13_versions.toml")),
    ("checks/rfc7644_3.14_etag.toml", include_str!("../checks/rfc7644_3.14_etag.toml")),
    ("checks/rfc7644_4_discovery.toml", include_str!("../checks/rfc7644_4_discovery.toml")),
    ("checks/rfc9865_cursor.toml", include_str!("../checks/rfc9865_cursor.toml")),
    ("checks/rfc9967_async.toml", include_str!("../checks/rfc9967_async.toml")),
    ("checks/interop_profile.toml", include_str!("../checks/interop_profile.toml")),
    ("checks/roles_entitlements.toml", include_str!("../checks/roles_entitlements.toml")),
    ("checks/robustness.toml", include_str!("../checks/robustness.toml")),
];

/// The identity providers.
pub(crate) const TRANSCRIPTS: &[(&str, &str)] = &[
    ("transcripts/authentik.toml", include_str!("../transcripts/authentik.toml")),
    ("transcripts/entra.toml", include_str!("../transcripts/entra.toml")),
    ("transcripts/jumpcloud.toml", include_str!("../transcripts/jumpcloud.toml")),
    ("transcripts/keycloak.toml", include_str!("../transcripts/keycloak.toml")),
    ("transcripts/okta.toml", include_str!("../transcripts/okta.toml")),
    ("transcripts/onelogin.toml", include_str!("../transcripts/onelogin.toml")),
    ("transcripts/ping.toml", include_str!("../transcripts/ping.toml")),
];

/// What checks are about.
pub(crate) const FIXTURES: &str = include_str!("../checks/fixtures.toml");
