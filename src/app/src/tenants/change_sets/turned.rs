//! What of the rules, roles, org units and the blueprint a change set has turned, and how it is turned back. Knows that a thing is
//! turned back only while it is as the change set left it; what follows for people is computed afterwards.

use std::collections::BTreeMap;

use domain::blueprint::{OwnRole, OwnRoles};
use domain::id::{GrantId, MappingRuleId, OrgUnitId};
use domain::mapping::MappingRule;
use domain::org_tree::OrgUnit;
use serde::{Deserialize, Serialize};
use store::{Reads, WriteTx, org, roles as own_roles, rules, tenants};

use super::carry_out::{Done, move_to_blueprint};
use crate::App;
use crate::error::AppError;
use crate::tenants::{mapping_rules, organisation, roles};

/// Something that was turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Turned {
    /// The tenant's version of the blueprint.
    Blueprint { before: String, after: String },
    /// What the tenant says of a role; nothing, if it says nothing.
    Role { id: String, before: Option<OwnRole>, after: Option<OwnRole> },
    /// A unit, renamed or moved.
    OrgUnit { before: OrgUnit, after: OrgUnit },
    /// A rule; nothing, where there was none or is none.
    Rule { id: MappingRuleId, before: Option<MappingRule>, after: Option<MappingRule> },
    /// Which role those have whom nothing else gives one; the product's choice if none.
    DefaultRole { before: Option<String>, after: Option<String> },
    /// What was given by hand in another role than before.
    Grants { before: String, after: String, ids: Vec<GrantId> },
}

impl Turned {
    /// An org unit as it was.
    fn unit(&self) -> Option<&OrgUnit> {
        match self {
            Self::OrgUnit { before, .. } => Some(before),
            _ => None,
        }
    }
}

/// What can be turned, as a transaction sees it.
#[derive(Debug)]
pub(super) struct Inputs {
    version: String,
    own: OwnRoles,
    units: BTreeMap<OrgUnitId, OrgUnit>,
    rules: BTreeMap<MappingRuleId, MappingRule>,
}

impl Inputs {
    /// How it stands now.
    pub(super) async fn now(tx: &mut impl Reads) -> Result<Self, AppError> {
        let (tenant, _) = tenants::current(tx).await?;
        Ok(Self {
            version: tenant.blueprint_version,
            own: own_roles::own(tx).await?,
            units: org::units(tx).await?.into_iter().map(|unit| (unit.id, unit)).collect(),
            rules: rules::all(tx).await?.into_iter().map(|rule| (rule.id, rule)).collect(),
        })
    }

    fn role(&self, id: &str) -> Option<&OwnRole> {
        self.own.roles.iter().find(|said| said.id == id)
    }

    /// What is another afterwards.
    pub(super) fn turned_to(&self, after: &Self) -> Vec<Turned> {
        let mut all = Vec::new();
        if self.version != after.version {
            all.push(Turned::Blueprint { before: self.version.clone(), after: after.version.clone() });
        }
        let mut ids: Vec<&str> =
            self.own.roles.iter().chain(&after.own.roles).map(|said| said.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let (before, after) = (self.role(id).cloned(), after.role(id).cloned());
            if before != after {
                all.push(Turned::Role { id: id.to_owned(), before, after });
            }
        }
        for (id, before) in &self.units {
            if let Some(after) = after.units.get(id).filter(|after| *after != before) {
                all.push(Turned::OrgUnit { before: before.clone(), after: after.clone() });
            }
        }
        let fresh = after.rules.keys().filter(|id| !self.rules.contains_key(id));
        for id in self.rules.keys().chain(fresh) {
            let (before, after) = (self.rules.get(id).cloned(), after.rules.get(id).cloned());
            if before != after {
                all.push(Turned::Rule { id: *id, before, after });
            }
        }
        let (before, after) = (self.own.default_role.clone(), after.own.default_role.clone());
        if before != after {
            all.push(Turned::DefaultRole { before, after });
        }
        all
    }

    /// Refuses where something is not as a change set left it.
    fn fits(&self, turned: &Turned) -> Result<(), AppError> {
        let (fits, what) = match turned {
            Turned::Blueprint { after, .. } => {
                (self.version == *after, "the version of the blueprint".to_owned())
            }
            Turned::Role { id, after, .. } => (self.role(id) == after.as_ref(), format!("the role {id:?}")),
            Turned::OrgUnit { after, .. } => {
                (self.units.get(&after.id) == Some(after), format!("the org unit {:?}", after.key))
            }
            Turned::Rule { id, after, .. } => {
                (self.rules.get(id) == after.as_ref(), format!("the rule {id}"))
            }
            Turned::DefaultRole { after, .. } => {
                (self.own.default_role == *after, "the default role".to_owned())
            }
            // Grants are looked at one by one.
            Turned::Grants { .. } => (true, String::new()),
        };
        if fits { Ok(()) } else { Err(AppError::Conflict(format!("{what} has changed since, and stays"))) }
    }
}

/// Turns everything back, in a transaction that holds the policy alone. What cannot be so any more is a conflict: nobody asked for it
/// in words that could be wrong.
pub(super) async fn back(app: &App, tx: &mut WriteTx, turned: &[Turned]) -> Result<Done, AppError> {
    turn_back(app, tx, turned).await.map_err(|error| match error {
        AppError::Invalid(why) => AppError::Conflict(format!("what was before does not fit any more: {why}")),
        AppError::NotFound(what) => {
            AppError::Conflict(format!("what was before does not fit any more: there is no such {what}"))
        }
        other => other,
    })
}

async fn turn_back(app: &App, tx: &mut WriteTx, turned: &[Turned]) -> Result<Done, AppError> {
    let now = Inputs::now(tx).await?;
    for one in turned {
        now.fits(one)?;
    }
    let mut done = Done::default();
    // What others name comes back first, and what is not to be named any more goes last.
    for one in turned {
        if let Turned::Blueprint { before, .. } = one {
            done.events.extend(move_to_blueprint(tx, before).await?);
        }
    }
    for one in turned {
        if let Turned::Role { id, before, .. } = one
            && let Some(event) = roles::put_back(tx, id, before.as_ref(), app.now()).await?
        {
            done.events.push(event);
        }
    }
    let units: Vec<&OrgUnit> = turned.iter().filter_map(Turned::unit).collect();
    done.events.extend(organisation::put_back(tx, &units).await?);
    // The last first: a role may have come in the place of one that had come in the place of another.
    for one in turned.iter().rev() {
        match one {
            Turned::Grants { before, after, ids } => {
                own_roles::give_back(tx, before, after, ids);
                let (before, after) = (after.clone(), before.clone());
                done.grants.push(Turned::Grants { before, after, ids: ids.clone() });
            }
            Turned::DefaultRole { before, .. } => {
                done.events.extend(roles::put_default_back(tx, before.as_deref()).await?);
            }
            Turned::Blueprint { .. } | Turned::Role { .. } | Turned::OrgUnit { .. } | Turned::Rule { .. } => {
            }
        }
    }
    for one in turned {
        if let Turned::Rule { id, before, .. } = one {
            done.events.push(mapping_rules::put_back(app, tx, *id, before.as_ref()).await?);
        }
    }
    for one in turned {
        if let Turned::Role { id, before, .. } = one
            && let Some(event) = roles::take_back(tx, id, before.as_ref(), app.now()).await?
        {
            done.events.push(event);
        }
    }
    Ok(done)
}
