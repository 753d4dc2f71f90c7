//! The roles of a tenant: the product's, what the tenant changed of them, and its own. Knows how they are shown and who may change
//! them; what a role can say, `domain::blueprint` knows.

mod change;

use std::collections::{BTreeMap, BTreeSet};

use domain::blueprint::{Blueprint, CustomRoles, Deed, Label, Origin, OwnRoles, Role, RoleError};
use domain::deed::{Act, Where};
use serde::{Deserialize, Serialize};
use store::{AdminScope, Reads, WriteTx, roles, rules, tenants};
use utoipa::ToSchema;

use super::display_name;
use crate::App;
use crate::access::{load_policy, parse_blueprint};
use crate::error::AppError;
use crate::guards::{Acting, hold_people};

pub use change::{ChangeRole, NewRole};
pub(super) use change::{change, create, delete, put_back, put_default_back, take_back};

/// What people call a role: in each language, or the same in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RoleName {
    /// The same in all.
    Same(String),
    /// In each language.
    Each {
        /// In Japanese.
        ja: String,
        /// In English.
        en: String,
        /// In French.
        fr: String,
    },
}

impl RoleName {
    fn label(self) -> Result<Label, AppError> {
        Ok(match self {
            Self::Same(name) => {
                let name = display_name(&name)?;
                Label { ja: name.clone(), en: name.clone(), fr: name }
            }
            Self::Each { ja, en, fr } => {
                Label { ja: display_name(&ja)?, en: display_name(&en)?, fr: display_name(&fr)? }
            }
        })
    }
}

impl From<&Label> for RoleName {
    fn from(label: &Label) -> Self {
        let Label { ja, en, fr } = label.clone();
        Self::Each { ja, en, fr }
    }
}

/// What a role is to those who edit roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RoleOrigin {
    /// One of the product's fixed roles.
    Fixed,
    /// Made with the tenant, and there as long as that is.
    System,
    /// An example of the product.
    Preset,
    /// The tenant's own.
    Own,
}

impl From<Origin> for RoleOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Fixed => Self::Fixed,
            Origin::System => Self::System,
            Origin::Preset => Self::Preset,
            Origin::Own => Self::Own,
        }
    }
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleView {
    /// Its id, which mapping rules, grants and directories name.
    #[schema(example = "night_shift")]
    pub id: String,
    /// What people call it.
    pub name: RoleName,
    /// What it is to those who edit roles.
    pub origin: RoleOrigin,
    /// Whether its name and what it gives can be changed.
    pub editable: bool,
    /// Whether those have it whom nothing else gives one.
    pub default: bool,
    /// The product's words for the places where it is held.
    pub places: Vec<String>,
    /// The higher rank wins where two roles compete.
    pub rank: i64,
    /// How many people hold it.
    pub holders: i64,
    /// What it says of each permission: `yes`, `no`, `level:…`, `if:…`, `grantable`, or `unspecified`, which gives nothing.
    pub cells: BTreeMap<String, String>,
    /// After a change: how many people may do something else now. Absent if they are still being computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected: Option<usize>,
}

impl RoleView {
    fn new(role: &Role, of: &Blueprint, holders: &BTreeMap<String, i64>) -> Self {
        Self {
            id: role.id().to_owned(),
            name: role.label().into(),
            origin: role.origin().into(),
            editable: role.editable(),
            default: of.default_role().is_some_and(|it| it.id() == role.id()),
            places: role.places().map(str::to_owned).collect(),
            rank: role.rank(),
            holders: holders.get(role.id()).copied().unwrap_or_default(),
            cells: role.cells().map(|(id, cell)| (id.to_owned(), cell.to_string())).collect(),
            affected: None,
        }
    }
}

/// The roles of a tenant, as a transaction sees them.
pub(crate) struct Roles {
    /// What the product says.
    product: Blueprint,
    /// What the tenant says.
    own: OwnRoles,
    /// Both.
    pub(crate) together: Blueprint,
}

impl Roles {
    pub(crate) async fn of(tx: &mut impl Reads) -> Result<Self, AppError> {
        let (_, text) = tenants::current(tx).await?;
        let product = parse_blueprint(&text)?;
        let own = roles::own(tx).await?;
        let together = product.clone().with(&own);
        Ok(Self { product, own, together })
    }

    fn role(&self, id: &str) -> Result<&Role, AppError> {
        self.together.role(id).ok_or(AppError::NotFound("role"))
    }

    /// Refuses to make or delete roles where the product does not let this caller.
    fn may_be_own(&self, tx: &WriteTx) -> Result<(), AppError> {
        use domain::audit::Actor::{Cli, Operator};
        let by_operator = matches!(tx.scope().actor(), Operator { .. } | Cli);
        match self.product.product().membership.custom_roles {
            CustomRoles::Yes => Ok(()),
            CustomRoles::OnRequest if by_operator => Ok(()),
            CustomRoles::OnRequest => {
                Err(AppError::Forbidden("Those who run the product make roles of a tenant's own.".to_owned()))
            }
            CustomRoles::No => {
                Err(AppError::Conflict("the product has no roles of a tenant's own".to_owned()))
            }
        }
    }
}

impl From<RoleError> for AppError {
    fn from(error: RoleError) -> Self {
        match error {
            RoleError::Unknown(_) => Self::NotFound("role"),
            RoleError::TooMany(_) | RoleError::NotEditable(_) => Self::Conflict(error.to_string()),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

impl App {
    /// All roles, the highest first.
    pub async fn list_roles(&self, admin: &AdminScope) -> Result<Vec<RoleView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let holders = roles::holders(&mut tx, policy.blueprint.roles().map(Role::id)).await?;
        tx.finish().await?;
        let of = &policy.blueprint;
        let mut views: Vec<RoleView> = of.roles().map(|role| RoleView::new(role, of, &holders)).collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.rank));
        Ok(views)
    }

    /// One role.
    pub async fn show_role(&self, admin: &AdminScope, id: &str) -> Result<RoleView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let role = policy.blueprint.role(id).ok_or(AppError::NotFound("role"))?;
        let holders = roles::holders(&mut tx, [id]).await?;
        tx.finish().await?;
        Ok(RoleView::new(role, &policy.blueprint, &holders))
    }
}

/// Holds the policy alone, so that what is counted stays so, and refuses whoever acts in person and may not do this to these roles.
pub(crate) async fn hold(tx: &mut WriteTx, deed: Deed, about: &[&str]) -> Result<(), AppError> {
    if tx.scope().actor().person().is_some() {
        hold_people(tx, &[]).await?;
    }
    rules::hold_alone(tx);
    may(tx, deed, about).await
}

async fn may(tx: &mut WriteTx, deed: Deed, about: &[&str]) -> Result<(), AppError> {
    let Some(acting) = Acting::now(tx).await? else { return Ok(()) };
    let policy = load_policy(tx).await?;
    let roles: BTreeSet<&str> = about.iter().copied().collect();
    let at = Where::All(vec![domain::access::Place::Environment]);
    acting.check(&policy, &[Act { deeds: vec![deed], to_oneself: false, roles, permission: None, at }])
}
