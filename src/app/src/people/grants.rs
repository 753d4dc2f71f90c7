//! What is given to people by hand, whoever manages them: roles, flags, levels, restrictions, homes. Knows that grant rules and
//! invariants are asked first; does not know what they say.
//!
//! What a mapping rule decides — the role at a place, the home — is the identity provider's, and nothing is given beside it.

use chrono::{DateTime, Utc};
use domain::access::{EffectiveAccess, Policy, Reason, Scope};
use domain::audit::{Action, Audit, AuditEvent};
use domain::deed::deeds_of_grant;
use domain::id::{GrantId, UserId};
use domain::mapping::{Outcome, ScopeRef};
use scim::resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::grants::{self, GrantRow};
use store::{AdminScope, Reads, WriteTx, directories, people};
use utoipa::ToSchema;

use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;
use crate::guards::{Acting, hold_people, subject};
use crate::handovers::{Chosen, direct};
use crate::tenants::{RuleOutcome, gives, outcome};

/// The most that one person can be given by hand.
const MOST_GRANTS: usize = 100;

/// Something to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGrant {
    /// What.
    pub gives: RuleOutcome,
}

/// Something given by hand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: GrantId,
    /// What.
    pub gives: RuleOutcome,
    /// Who gave it.
    pub given_by: String,
    /// When.
    pub given_at: DateTime<Utc>,
}

impl App {
    /// What a person was given by hand, the oldest first.
    pub async fn list_grants(&self, admin: &AdminScope, user: UserId) -> Result<Vec<GrantView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        people::find(&mut tx, user).await?.ok_or(AppError::NotFound("user"))?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let rows = grants::of_person(&mut tx, user).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(|row| view(row, &policy)).collect())
    }

    /// Gives somebody something; what it takes the place of goes. It counts from the next request on.
    pub async fn give(&self, admin: &AdminScope, user: UserId, new: NewGrant) -> Result<GrantView, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[user]).await?.pop().ok_or(AppError::NotFound("user"))?;
        let (policy, of) = subject(self, &mut tx, user).await?;
        let what = checked(new.gives, &policy)?;
        if let Some(acting) = Acting::now(&mut tx).await? {
            acting.check(&policy, &deeds_of_grant(&policy, &what, true, &of, acting.is(user)))?;
        }
        if let Some(what) = decided_by_rule(&what, &of) {
            return Err(decided_elsewhere(&mut tx, user, what).await?);
        }
        let Placed { grant, replaced } = place(self, &mut tx, user, what).await?;
        let view = view(grant, &policy);
        let mut audit = Audit::of(created(&view, user).before(json!({"replaced": replaced})));
        audit.extend(reevaluate(self, &mut tx, &[user]).await?);
        self.commit(tx, audit, now).await?;
        Ok(view)
    }

    /// Takes away what somebody was given by hand. If they leave a place by it, what they leave goes to whom whoever asks has
    /// chosen, or to nobody.
    pub async fn take(
        &self,
        admin: &AdminScope,
        (user, id): (UserId, GrantId),
        hand_over_to: Option<UserId>,
    ) -> Result<(), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        hold_people(&mut tx, &[user]).await?.pop().ok_or(AppError::NotFound("user"))?;
        let (policy, of) = subject(self, &mut tx, user).await?;
        let grant = grants::of_person(&mut tx, user).await?.into_iter().find(|grant| grant.id == id);
        let grant = grant.ok_or(AppError::NotFound("grant"))?;
        if let Some(acting) = Acting::now(&mut tx).await? {
            acting.check(&policy, &deeds_of_grant(&policy, &grant.what, false, &of, acting.is(user)))?;
        }
        grants::take(&mut tx, &[id]).await?;
        let mut audit = Audit::of(taken(grant, &policy, user));
        audit.extend(reevaluate(self, &mut tx, &[user]).await?);
        audit.extend(direct(self, &mut tx, user, Chosen::of(admin, hand_over_to)).await?.events);
        self.commit(tx, audit, self.now()).await?;
        Ok(())
    }
}

/// Something that was given, and what went for it.
pub(crate) struct Placed {
    pub(crate) grant: GrantRow,
    pub(crate) replaced: Vec<GrantId>,
}

/// Gives a locked person something in the place of what it replaces. What follows for their access is the caller's.
pub(crate) async fn place(
    app: &App,
    tx: &mut WriteTx,
    user: UserId,
    what: Outcome,
) -> Result<Placed, AppError> {
    let so_far = grants::of_person(tx, user).await?;
    let replaced: Vec<GrantId> = so_far.iter().filter(|it| what.replaces(&it.what)).map(|it| it.id).collect();
    if so_far.len() - replaced.len() >= MOST_GRANTS {
        return Err(AppError::Conflict(format!("nobody is given more than {MOST_GRANTS} things by hand")));
    }
    grants::take(tx, &replaced).await?;
    let (given_by, now) = (giver(tx).await?, app.now());
    let grant = GrantRow { id: GrantId::generate(now, &*app.entropy), what, given_by, given_at: now };
    grants::give(tx, user, &grant).await?;
    Ok(Placed { grant, replaced })
}

/// What the audit trail says of something that is given to somebody.
pub(crate) fn given(grant: GrantRow, policy: &Policy, user: UserId) -> AuditEvent {
    created(&view(grant, policy), user)
}

/// What the audit trail says of something that is taken from somebody.
pub(crate) fn taken(grant: GrantRow, policy: &Policy, user: UserId) -> AuditEvent {
    let id = grant.id;
    let before = json!({"user": user, "gives": view(grant, policy).gives});
    AuditEvent::new(Action::GrantDelete, id).before(before)
}

/// Gives people who are created in this transaction what they have from the start. Returns what to audit.
pub(crate) async fn give_from_the_start(
    app: &App,
    tx: &mut WriteTx,
    people: &[(UserId, Resource)],
    all: Vec<RuleOutcome>,
) -> Result<Vec<AuditEvent>, AppError> {
    let mut events = Vec::new();
    if all.is_empty() {
        return Ok(events);
    }
    if all.len() > MOST_GRANTS {
        return Err(AppError::Invalid(format!("nobody is given more than {MOST_GRANTS} things by hand")));
    }
    store::rules::hold(tx);
    let version = store::rules::version(tx).await?;
    let policy = app.policies.get(tx, version).await?;
    let given_by = giver(tx).await?;
    for (user, _) in people {
        for gives in all.clone() {
            let (what, now) = (checked(gives, &policy)?, app.now());
            let id = GrantId::generate(now, &*app.entropy);
            let grant = GrantRow { id, what, given_by: given_by.clone(), given_at: now };
            grants::give(tx, *user, &grant).await?;
            events.push(created(&view(grant, &policy), *user));
        }
    }
    Ok(events)
}

fn created(view: &GrantView, user: UserId) -> AuditEvent {
    AuditEvent::new(Action::GrantCreate, view.id).after(json!({"user": user, "gives": view.gives}))
}

fn checked(gives: RuleOutcome, policy: &Policy) -> Result<Outcome, AppError> {
    let what = outcome(gives, policy)?;
    what.validate(false, &policy.blueprint, &policy.tree, &policy.workspaces)
        .map_err(|error| AppError::Invalid(error.to_string()))?;
    Ok(what)
}

/// Who gives, in words that stay.
pub(crate) async fn giver(tx: &mut WriteTx) -> Result<String, AppError> {
    let Some(actor) = tx.scope().actor().person() else { return Ok("an administrator".to_owned()) };
    let found = people::find(tx, actor).await?;
    let name = found.as_ref().and_then(|person| person.resource.user_name());
    Ok(name.map_or_else(|| actor.to_string(), str::to_owned))
}

/// What of this a mapping rule decides for the person already.
fn decided_by_rule(what: &Outcome, of: &EffectiveAccess) -> Option<&'static str> {
    let by_rule = |reasons: &[Reason]| reasons.iter().any(Reason::is_of_rule);
    match what {
        Outcome::Role { scope, .. } => {
            let mut here = of.roles.iter().filter(|held| is_at(&held.scope, *scope));
            here.any(|held| by_rule(&held.reasons)).then_some("role")
        }
        Outcome::Home { .. } => of.home.as_ref().is_some_and(|home| by_rule(&home.reasons)).then_some("home"),
        _ => None,
    }
}

fn is_at(held: &Scope, scope: ScopeRef) -> bool {
    match (held, scope) {
        (Scope::Environment, ScopeRef::Environment) => true,
        (Scope::OrgUnit { id, .. }, ScopeRef::OrgUnit(unit)) => *id == unit,
        (Scope::Workspace { id, .. }, ScopeRef::Workspace(workspace)) => *id == workspace,
        _ => false,
    }
}

/// Who decides instead.
async fn decided_elsewhere(
    tx: &mut impl Reads,
    user: UserId,
    what: &'static str,
) -> Result<AppError, AppError> {
    Ok(match directories::managing(tx, user).await? {
        Some((directory, name)) => AppError::Managed { what, directory, name },
        None => AppError::Conflict(format!("a mapping rule decides the {what} of this person")),
    })
}

fn view(row: GrantRow, policy: &Policy) -> GrantView {
    let GrantRow { id, what, given_by, given_at } = row;
    GrantView { id, gives: gives(what, policy), given_by, given_at }
}
