//! The blueprint file as it is written. Knows its tables and keys; does not know whether they make sense.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{
    AdminLevel, Assignment, Billing, Bulk, Csv, Directory, Email, Externals, GrantRule, Grantable, HomeDepth,
    Invitation, Label, Mapping, Members, Membership, Named, Offboarding, OnDemotion, Origin, PermissionKind,
    Profile, Ref, ScopeKind, Search, SeatClass, Session, Transition, Variant,
};
use crate::seat::{AtLimit, Door};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) schema: Spanned<String>,
    pub(super) blueprint: Header,
    pub(super) scope: Vec<Scope>,
    pub(super) permission: Vec<Permission>,
    #[serde(default)]
    pub(super) condition: Vec<Condition>,
    #[serde(default)]
    pub(super) restriction: Vec<Restriction>,
    pub(super) role: Vec<Role>,
    #[serde(default)]
    pub(super) derived_role: Vec<DerivedRole>,
    pub(super) membership: Membership,
    #[serde(default)]
    pub(super) invariant: Vec<Invariant>,
    pub(super) status: Vec<Status>,
    pub(super) seats: Seats,
    #[serde(default)]
    pub(super) seat_class: Vec<SeatClass>,
    #[serde(default)]
    pub(super) section: Vec<Named>,
    #[serde(default)]
    pub(super) plan: Vec<Named>,
    #[serde(default)]
    pub(super) feature: Vec<Named>,
    #[serde(default)]
    pub(super) grant_rule: Vec<GrantRule>,
    #[serde(default)]
    pub(super) transition: Vec<Transition>,
    pub(super) invitation: Option<Invitation>,
    pub(super) offboarding: Option<Offboarding>,
    pub(super) externals: Option<Externals>,
    pub(super) profile: Option<Profile>,
    pub(super) session: Option<Session>,
    pub(super) email: Option<Email>,
    pub(super) mapping: Option<Mapping>,
    pub(super) bulk: Option<Bulk>,
    pub(super) directory: Option<Directory>,
    pub(super) search: Option<Search>,
    pub(super) csv: Option<Csv>,
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
    #[serde(default)]
    pub(super) below: Vec<Ref>,
    #[serde(default)]
    pub(super) members: Members,
    #[serde(default)]
    pub(super) variant: Vec<Variant>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Permission {
    pub(super) id: Spanned<String>,
    pub(super) kind: PermissionKind,
    pub(super) section: Option<Ref>,
    #[serde(default)]
    pub(super) levels: Vec<Ref>,
    pub(super) per: Option<Ref>,
    pub(super) exclusive_to: Option<Ref>,
    #[serde(default)]
    pub(super) obligations: BTreeMap<Ref, Vec<Ref>>,
    #[serde(default)]
    pub(super) implies: BTreeMap<Ref, Vec<Ref>>,
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
    pub(super) feature: Option<Ref>,
    #[serde(default)]
    pub(super) plans: Vec<Ref>,
    pub(super) unless_restricted: Option<Ref>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restriction {
    pub(super) id: Ref,
    pub(super) applies_to: Vec<Ref>,
    #[serde(default)]
    pub(super) denies: Vec<Ref>,
    #[serde(default)]
    pub(super) limits: BTreeMap<Ref, Ref>,
    pub(super) exclusive_group: Option<String>,
    #[serde(default)]
    pub(super) plans: Vec<Ref>,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) id: Spanned<String>,
    pub(super) scope: Spanned<String>,
    #[serde(default)]
    pub(super) also_at: Vec<Ref>,
    pub(super) rank: i64,
    pub(super) level: Option<Spanned<AdminLevel>>,
    #[serde(default)]
    pub(super) protected: bool,
    pub(super) assignment: Assignment,
    #[serde(default)]
    pub(super) origin: Origin,
    #[serde(default)]
    pub(super) editable: bool,
    #[serde(default)]
    pub(super) external: bool,
    #[serde(default)]
    pub(super) grantable: Grantable,
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
    pub(super) pool: Option<Ref>,
    #[serde(default)]
    pub(super) at_limit_by: BTreeMap<Door, Spanned<AtLimit>>,
    pub(super) billing: Option<Billing>,
}
