//! To whom things go when nobody chooses, and how long an identity provider's word is waited with: what the product says, and what the
//! tenant has decided.

use chrono::TimeDelta;
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::{Handover, Offboarding};
use domain::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::handovers::{self, PolicyRow};
use store::{AdminScope, Reads, people};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;

/// How long an identity provider's word is waited with, unless the tenant says otherwise.
const GRACE_MINUTES: i32 = 15;
const LONGEST_GRACE: i32 = 10_080;

/// To whom things go when an identity provider takes somebody away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ByDirectory {
    /// To nobody.
    Unassign,
    /// To the manager whom the directory names, if they have a role at the place; else to nobody.
    Manager,
    /// To one person, if they have a role at the place; else to nobody.
    Person,
}

/// What the tenant decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetHandoverPolicy {
    /// To whom things go when an identity provider takes somebody away.
    pub by_directory: ByDirectory,
    /// The person, where it is one.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub person: Option<UserId>,
    /// How many minutes an identity provider's word is waited with; 15 if not said. Who is back by then keeps what they had.
    #[schema(minimum = 0, maximum = 10080, example = 15)]
    pub grace_minutes: Option<i32>,
}

/// What holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandoverPolicyView {
    /// What people leave, in the product's words; nothing, if the product hands nothing over.
    pub things: Vec<String>,
    /// To whom things go when an identity provider takes somebody away.
    pub by_directory: ByDirectory,
    /// The person, where it is one.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub person: Option<UserId>,
    /// How many minutes an identity provider's word is waited with.
    pub grace_minutes: i32,
}

/// The same where it is used.
pub(super) struct InForce {
    by_directory: ByDirectory,
    person: Option<UserId>,
    pub(super) grace: TimeDelta,
}

impl InForce {
    /// Who gets what an identity provider's leaver leaves.
    pub(super) fn receiver(&self, manager: Option<UserId>) -> Option<UserId> {
        match self.by_directory {
            ByDirectory::Unassign => None,
            ByDirectory::Manager => manager,
            ByDirectory::Person => self.person,
        }
    }
}

impl ByDirectory {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unassign => "unassign",
            Self::Manager => "manager",
            Self::Person => "person",
        }
    }

    /// What is stored; without it what the product says. To whom something is assigned, the product cannot say.
    fn of(row: Option<&PolicyRow>) -> Self {
        match row.map(|row| row.by_directory.as_str()) {
            Some("person") => Self::Person,
            Some("manager") => Self::Manager,
            _ => Self::Unassign,
        }
    }
}

fn view(product: Option<&Offboarding>, row: Option<&PolicyRow>) -> HandoverPolicyView {
    let by_product = product.filter(|product| row.is_none() && product.by_directory == Handover::Reassign);
    HandoverPolicyView {
        things: product.map(|product| product.things.clone()).unwrap_or_default(),
        by_directory: by_product.map_or_else(|| ByDirectory::of(row), |_| ByDirectory::Manager),
        person: row.and_then(|row| row.person_id).map(UserId::from_uuid),
        grace_minutes: row.map_or(GRACE_MINUTES, |row| row.grace_minutes),
    }
}

/// What holds of leavers of this product.
pub(super) async fn in_force(tx: &mut impl Reads, product: &Offboarding) -> Result<InForce, AppError> {
    let row = handovers::policy(tx).await?;
    let HandoverPolicyView { by_directory, person, grace_minutes, .. } = view(Some(product), row.as_ref());
    Ok(InForce { by_directory, person, grace: TimeDelta::minutes(i64::from(grace_minutes)) })
}

impl App {
    /// To whom things go when nobody chooses.
    pub async fn show_handover_policy(&self, admin: &AdminScope) -> Result<HandoverPolicyView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let row = handovers::policy(&mut tx).await?;
        tx.finish().await?;
        Ok(view(policy.blueprint.product().offboarding.as_ref(), row.as_ref()))
    }

    /// Decides it, for those who leave from then on.
    pub async fn set_handover_policy(
        &self,
        admin: &AdminScope,
        set: SetHandoverPolicy,
    ) -> Result<HandoverPolicyView, AppError> {
        let grace_minutes = set.grace_minutes.unwrap_or(GRACE_MINUTES);
        if !(0..=LONGEST_GRACE).contains(&grace_minutes) {
            return Err(AppError::Invalid(format!("graceMinutes is from 0 to {LONGEST_GRACE}")));
        }
        if (set.by_directory == ByDirectory::Person) != set.person.is_some() {
            return Err(AppError::Invalid(
                "person is given if things go to one, and not otherwise".to_owned(),
            ));
        }
        let mut tx = self.db.begin(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let Some(product) = &policy.blueprint.product().offboarding else {
            return Err(AppError::Conflict("this product hands nothing over".to_owned()));
        };
        let gives = set.by_directory != ByDirectory::Unassign;
        if gives && !product.choices.contains(&Handover::Reassign) {
            return Err(AppError::Conflict("in this product things are only taken away".to_owned()));
        }
        if let Some(person) = set.person
            && !people::find(&mut tx, person).await?.is_some_and(|person| person.active)
        {
            return Err(AppError::Conflict("nobody of that id is there and active".to_owned()));
        }
        let before = view(Some(product), handovers::policy(&mut tx).await?.as_ref());
        let row = PolicyRow {
            by_directory: set.by_directory.as_str().to_owned(),
            person_id: set.person.map(UserId::as_uuid),
            grace_minutes,
        };
        handovers::set_policy(&mut tx, &row).await?;
        let after = view(Some(product), Some(&row));
        let event = AuditEvent::new(Action::HandoverPolicySet, admin.scope().tenant());
        let audit = Audit::of(event.before(json!(before)).after(json!(after)));
        self.commit(tx, audit, self.now()).await?;
        Ok(after)
    }
}
