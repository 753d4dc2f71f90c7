//! What a product says about its people besides what they may do: how they come and go, what they are counted as, how they
//! are listed. Knows the form, in which every word that is not free is one of a closed set; decides nothing.

mod coming;
mod lists;
mod seats;

use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Label;

pub use coming::*;
pub use lists::*;
pub use seats::*;

/// The id of something in the same file, with the place where it stands.
pub type Ref = Spanned<String>;

/// What a product says besides its matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// The sections of its role editor, in order.
    pub sections: Vec<Named>,
    /// The plans it is sold in.
    pub plans: Vec<Named>,
    /// What a tenant can have or not have.
    pub features: Vec<Named>,
    /// What memberships are like.
    pub membership: Membership,
    /// Who may do what to whom.
    pub grant_rules: Vec<GrantRule>,
    /// How people pass from one status to another.
    pub transitions: Vec<Transition>,
    /// How people are invited.
    pub invitation: Option<Invitation>,
    /// What becomes of a leaver's things.
    pub offboarding: Option<Offboarding>,
    /// People of other companies.
    pub externals: Option<Externals>,
    /// Where people's profiles are kept.
    pub profile: Option<Profile>,
    /// What happens to sessions when a role changes.
    pub session: Option<Session>,
    /// Who may change an e-mail address, and how.
    pub email: Option<Email>,
    /// What becomes of those whom no rule matches any more.
    pub mapping: Option<Mapping>,
    /// What many are done at once.
    pub bulk: Option<Bulk>,
    /// The list of people.
    pub directory: Option<Directory>,
    /// The search in that list.
    pub search: Option<Search>,
    /// The list as a file.
    pub csv: Option<Csv>,
    /// What kinds of seats there are.
    pub seat_classes: Vec<SeatClass>,
    /// Counting of seats beyond [`super::Seats`].
    pub seat_practice: SeatPractice,
}

/// Something with an id and a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its id.
    pub id: Ref,
    /// What people call it.
    pub label: Label,
}

/// What memberships are like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The role of a person whom nothing else gives one.
    pub default_role: Option<Ref>,
    /// The role that an invitation proposes.
    pub invited_as: Option<Ref>,
    /// The roles that can never be the default.
    #[serde(default)]
    pub never_default: Vec<Ref>,
    /// The role of the first person of a tenant.
    pub first_role: Option<Ref>,
    /// The variant of a scope that everybody who joins its parent is in.
    pub joins: Option<Ref>,
    /// Whether the members of a workspace are in the environment too.
    #[serde(default)]
    pub in_parent_too: bool,
    /// Which of several roles at one place counts.
    #[serde(default)]
    pub resolve: Resolve,
    /// How many roles one person has at a place.
    pub roles: Option<Count>,
    /// Whether a tenant may have roles of its own.
    #[serde(default)]
    pub custom_roles: CustomRoles,
    /// The most roles that a tenant may have, those of the product included.
    pub most_roles: Option<u32>,
}

/// From how many to how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The fewest.
    pub min: u32,
    /// The most; any number if none.
    pub max: Option<u32>,
}

/// Which of several roles at one place counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolve {
    /// Grants by hand first, then the lower priority number, then the higher rank.
    #[default]
    Priority,
    /// The higher rank, whoever gave it: the most that anything gives.
    Highest,
}

/// Whether a tenant may have roles of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomRoles {
    /// It may not.
    #[default]
    No,
    /// It may.
    Yes,
    /// If the operator of the product makes them.
    OnRequest,
}

/// Who may do what to whom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRule {
    /// Its id.
    pub id: Ref,
    /// The roles of those who act; `*` for everybody.
    pub actors: Vec<Ref>,
    /// The roles of those among them whom the rule is not about.
    #[serde(default)]
    pub except: Vec<Ref>,
    /// What they do.
    pub actions: Vec<Deed>,
    /// The roles that are given, taken or acted on; `*` for every role.
    #[serde(default)]
    pub roles: Vec<Ref>,
    /// The permissions that are switched or set, if the rule is about some only.
    #[serde(default)]
    pub permissions: Vec<Ref>,
    /// How far they reach.
    #[serde(default)]
    pub within: Reach,
    /// To whom.
    #[serde(default)]
    pub target: Target,
    /// The scope of which the actor must be a member.
    pub member_of: Option<Ref>,
    /// The condition under which the rule holds.
    pub only_if: Option<Ref>,
    /// Whether they may. What is refused by one rule is allowed by none.
    pub effect: Effect,
}

/// What somebody does to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the words that grant rules use, and say it")]
pub enum Deed {
    Invite,
    ResendInvitation,
    CancelInvitation,
    ChangeRole,
    ChangePermission,
    SetRestriction,
    ChangeHome,
    ChangeEmail,
    Deactivate,
    Reactivate,
    Revoke,
    Delete,
    ExportList,
    CreateRole,
    ChangeRoleSettings,
    DeleteRole,
    RemoveFromPlace,
    AddToPlace,
    RequestExternal,
    DecideOnExternal,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// How far somebody reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The place where they hold the role.
    #[default]
    SamePlace,
    /// That and everything below it.
    Subtree,
    /// The whole tenant.
    Environment,
}

/// To whom something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To whomever.
    #[default]
    Anybody,
    /// To oneself.
    Oneself,
}

/// Whether something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It may.
    Allow,
    /// It may not, whatever else says it may.
    Deny,
}

/// Where people's profiles are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The scope at which a change counts for everything below.
    pub kept_at: Ref,
}

/// What happens to sessions when a role changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// What happens.
    pub on_role_change: OnRoleChange,
}

/// What happens to sessions when a role changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRoleChange {
    /// The next request knows.
    Instant,
    /// The next token knows.
    Refresh,
    /// The person has to connect again.
    Reconnect,
}

/// Who may change an e-mail address, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// How it is changed.
    pub change: EmailChange,
}

/// How an e-mail address is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailChange {
    /// An administrator changes it.
    ByAdmin,
    /// A new person is invited with the same access, and the old one goes.
    ByNewPerson,
    /// The product's pages do not say.
    Unspecified,
}

/// What becomes of those whom no rule matches any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What becomes of them.
    pub unmapped: Unmapped,
}

/// What becomes of somebody whom no rule matches any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmapped {
    /// They have the default role.
    DefaultRole,
    /// They leave the place.
    LeavePlace,
    /// They keep their home and lose their flags.
    KeepHome,
}
