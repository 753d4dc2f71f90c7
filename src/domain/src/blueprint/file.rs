//! The blueprint file as it is written. Knows its tables and keys; does not know whether they make sense.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{AdminLevel, Assignment, HomeDepth, Label, OnDemotion, PermissionKind, ScopeKind};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) schema: Spanned<String>,
    pub(super) blueprint: Header,
    pub(super) scope: Vec<Scope>,
    pub(super) permission: Vec<Permission>,
    #[serde(default)]
    pub(super) condition: Vec<Condition>,
    pub(super) role: Vec<Role>,
    #[serde(default)]
    pub(super) derived_role: Vec<DerivedRole>,
    pub(super) membership: Membership,
    #[serde(default)]
    pub(super) invariant: Vec<Invariant>,
    pub(super) status: Vec<Status>,
    pub(super) seats: Seats,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) id: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) default_locale: Spanned<String>,
    pub(super) name: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scope {
    pub(super) id: Spanned<String>,
    pub(super) kind: Spanned<ScopeKind>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Permission {
    pub(super) id: Spanned<String>,
    pub(super) kind: PermissionKind,
    #[serde(default)]
    pub(super) scope: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) requires: Vec<Spanned<String>>,
    pub(super) only_if: Option<Spanned<String>>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) id: Spanned<String>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) id: Spanned<String>,
    pub(super) scope: Spanned<String>,
    pub(super) rank: i64,
    pub(super) level: Option<Spanned<AdminLevel>>,
    #[serde(default)]
    pub(super) protected: bool,
    pub(super) assignment: Assignment,
    pub(super) label: Label,
    pub(super) grants: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DerivedRole {
    pub(super) role: Spanned<String>,
    pub(super) requires_flags: Vec<Spanned<String>>,
    pub(super) home_depth: Option<HomeDepth>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Membership {
    pub(super) default_role: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invariant {
    pub(super) id: Spanned<String>,
    pub(super) role: Spanned<String>,
    pub(super) minimum: u32,
    pub(super) on_idp_demotion: OnDemotion,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    pub(super) id: Spanned<String>,
    pub(super) person: Spanned<String>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seats {
    pub(super) counted: Vec<Spanned<String>>,
    pub(super) at_limit: Spanned<String>,
}
