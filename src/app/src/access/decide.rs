//! May this person do this here, and who may. Knows how a question is put together and answered from what is stored; computes
//! nothing.

use std::collections::BTreeSet;

use domain::access::{Decision, EffectiveAccess, Place, Policy, Question, Reason, Scope};
use domain::blueprint::{Cell, Condition, Permission, PermissionKind};
use domain::id::UserId;
use domain::mapping::ScopeRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::holdings::{self, Thing};
use store::{AdminScope, LiveSession, ReadTx, access, tombstones};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::tenants::{RuleScope, scope_ref};

/// The most questions that are answered at once.
pub const MOST_QUESTIONS: usize = 100;

/// Questions to be answered together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskDecisions {
    /// The questions; the answers come in the same order.
    #[schema(min_items = 1, max_items = 100)]
    pub questions: Vec<AskDecision>,
}

/// May this person do this here?
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskDecision {
    /// Id of the person.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Id of a permission or flag of the blueprint.
    #[schema(example = "users.invite")]
    pub permission: String,
    /// Where; in the whole tenant if absent.
    #[serde(default)]
    pub at: RuleScope,
    /// What for, of a permission that is held one by one.
    pub of: Option<String>,
    /// The level that is needed, of a permission that has levels; any if absent.
    pub level: Option<String>,
}

/// Questions of somebody who is signed in, about themselves.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskOwnDecisions {
    /// The questions; the answers come in the same order.
    pub questions: Vec<AskOwnDecision>,
}

/// May I do this here?
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskOwnDecision {
    /// Id of a permission or flag of the blueprint.
    pub permission: String,
    /// Where; in the whole tenant if absent.
    #[serde(default)]
    pub at: RuleScope,
    /// What for, of a permission that is held one by one.
    pub of: Option<String>,
    /// The level that is needed, of a permission that has levels; any if absent.
    pub level: Option<String>,
}

/// Who may do this here?
#[derive(Debug)]
pub struct AskHolders {
    /// Id of a permission or flag of the blueprint.
    pub permission: String,
    /// Where.
    pub at: RuleScope,
    /// What for.
    pub of: Option<String>,
    /// The level that is needed.
    pub level: Option<String>,
    /// The person after whom to go on.
    pub after: Option<UserId>,
    /// The most people in the answer.
    pub count: i64,
}

/// Whether somebody may do something somewhere.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// Whether they may.
    pub allowed: bool,
    /// The level they have there, of a permission that has levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What the asker must see to before going on.
    pub obligations: Vec<ObligationView>,
    /// Why, or why not.
    pub reasons: Vec<ReasonView>,
}

/// Something that only the product can check or do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObligationView {
    /// Its id in the blueprint.
    pub id: String,
    /// What it says, in Japanese.
    pub ja: String,
    /// What it says, in English.
    pub en: String,
    /// What it says, in French.
    pub fr: String,
}

/// A reason.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReasonView {
    /// The kind of reason, as in the person's access.
    pub because: String,
    /// The reason in English.
    pub sentence: String,
}

/// A page of those who may do something somewhere.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HolderPage {
    /// The people, by id.
    pub items: Vec<HolderView>,
    /// Where the next page begins: the value of `after`. Absent at the end. A page can be empty and not the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub next: Option<UserId>,
}

/// Somebody who may do it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HolderView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// The level they have there, of a permission that has levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What the product must see to.
    pub obligations: Vec<ObligationView>,
    /// Why they may.
    pub reasons: Vec<ReasonView>,
}

impl App {
    /// Answers questions from what is stored: one look for all of them.
    pub async fn decide_all(
        &self,
        admin: &AdminScope,
        ask: AskDecisions,
    ) -> Result<Vec<DecisionView>, AppError> {
        if ask.questions.is_empty() || ask.questions.len() > MOST_QUESTIONS {
            return Err(AppError::Invalid(format!("1 to {MOST_QUESTIONS} questions are answered at once")));
        }
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let asked = ask.questions.iter().map(|ask| Asked::of(ask, &policy)).collect::<Result<Vec<_>, _>>()?;
        let people: BTreeSet<UserId> = ask.questions.iter().map(|ask| ask.user).collect();
        let found = people_now(&mut tx, &people).await?;
        tx.finish().await?;
        let answers = ask.questions.iter().zip(&asked).map(|(question, asked)| {
            let access = found.iter().find(|(user, _)| *user == question.user);
            let decision = access.map_or_else(nobody, |(_, access)| asked.answer(access, &policy));
            view(decision, &policy)
        });
        answers.collect()
    }

    /// Answers somebody who is signed in, by what they may do at this moment.
    pub async fn decide_own(
        &self,
        session: &LiveSession,
        ask: AskOwnDecisions,
    ) -> Result<Vec<DecisionView>, AppError> {
        if ask.questions.is_empty() || ask.questions.len() > MOST_QUESTIONS {
            return Err(AppError::Invalid(format!("1 to {MOST_QUESTIONS} questions are answered at once")));
        }
        let mut tx = self.db.read(&session.scope).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        tx.finish().await?;
        let answers = ask.questions.into_iter().map(|AskOwnDecision { permission, at, of, level }| {
            let question = AskDecision { user: session.user, permission, at, of, level };
            view(Asked::of(&question, &policy)?.answer(&session.access, &policy), &policy)
        });
        answers.collect()
    }

    /// Answers one question about somebody who is there.
    pub async fn decide_one(&self, admin: &AdminScope, ask: AskDecision) -> Result<DecisionView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let (of, level) = (ask.of.as_deref(), ask.level.as_deref());
        let asked = Asked::about(&ask.permission, &ask.at, of, level, &policy)?;
        let found = people_now(&mut tx, &BTreeSet::from([ask.user])).await?;
        tx.finish().await?;
        let (_, access) = found.first().ok_or(AppError::NotFound("user"))?;
        view(asked.answer(access, &policy), &policy)
    }

    /// A page of those who may do something somewhere.
    pub async fn who_may(&self, admin: &AdminScope, ask: AskHolders) -> Result<HolderPage, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        let (of, level) = (ask.of.as_deref(), ask.level.as_deref());
        let asked = Asked::about(&ask.permission, &ask.at, of, level, &policy)?;
        let people =
            holdings::holders(&mut tx, &asked.things(&policy), &asked.scopes(&policy), ask.after, ask.count)
                .await?;
        let full = i64::try_from(people.len()).is_ok_and(|found| found >= ask.count);
        let next = people.last().copied().filter(|_| full);
        let mut items = Vec::new();
        for found in access::of_people(&mut tx, &people).await? {
            let decision = asked.answer(&found.access, &policy);
            if decision.allowed {
                let DecisionView { level, obligations, reasons, .. } = view(decision, &policy)?;
                items.push(HolderView { user: found.user, level, obligations, reasons });
            }
        }
        tx.finish().await?;
        Ok(HolderPage { items, next })
    }
}

/// What these people may do now, by the ids they were asked for with; of local people who were adopted, of those they became.
async fn people_now(
    tx: &mut ReadTx,
    people: &BTreeSet<UserId>,
) -> Result<Vec<(UserId, EffectiveAccess)>, AppError> {
    let asked: Vec<UserId> = people.iter().copied().collect();
    let found = access::of_people(tx, &asked).await?;
    let mut found: Vec<(UserId, EffectiveAccess)> =
        found.into_iter().map(|it| (it.user, it.access)).collect();
    for user in people {
        if !found.iter().any(|(known, _)| known == user)
            && let Some(became) = tombstones::became(tx, *user).await?
            && let Some(access) = access::of_person(tx, became).await?
        {
            found.push((*user, access));
        }
    }
    Ok(found)
}

fn nobody() -> Decision {
    Decision { allowed: false, level: None, obligations: Vec::new(), reasons: vec![Reason::NobodyHere] }
}

/// A question that was checked against the blueprint and the organisation.
pub(crate) struct Asked<'a> {
    permission: &'a Permission,
    of: Option<&'a str>,
    level: Option<&'a str>,
    place: ScopeRef,
}

impl<'a> Asked<'a> {
    fn of(ask: &'a AskDecision, policy: &'a Policy) -> Result<Self, AppError> {
        match policy.blueprint.permission(&ask.permission) {
            Some(_) => Self::about(&ask.permission, &ask.at, ask.of.as_deref(), ask.level.as_deref(), policy),
            None => Err(AppError::Invalid(format!("the blueprint has no permission {:?}", ask.permission))),
        }
    }

    pub(crate) fn about(
        permission: &str,
        at: &RuleScope,
        of: Option<&'a str>,
        level: Option<&'a str>,
        policy: &'a Policy,
    ) -> Result<Self, AppError> {
        let permission = policy.blueprint.permission(permission).ok_or(AppError::NotFound("permission"))?;
        if let Some(level) = level.filter(|level| permission.height(level).is_none()) {
            return Err(AppError::Invalid(format!("{:?} has no level {level:?}", permission.id())));
        }
        Ok(Self { permission, of, level, place: scope_ref(at, policy)? })
    }

    pub(crate) fn answer(&self, access: &EffectiveAccess, policy: &Policy) -> Decision {
        let question = Question {
            permission: self.permission.id(),
            of: self.of,
            levels: self.permission.levels(),
            at_least: self.level,
        };
        let place = match self.place {
            ScopeRef::Environment => Some(Place::Environment),
            ScopeRef::OrgUnit(id) => Some(Place::OrgUnit(id)),
            ScopeRef::Workspace(id) => policy.workspaces.iter().find(|it| it.id == id).map(Place::Workspace),
        };
        // The place was looked up in this policy.
        place.map_or_else(nobody, |place| access.decide(&question, place, &policy.tree))
    }

    /// Whatever may give the permission.
    fn things(&self, policy: &'a Policy) -> Vec<Thing<'a>> {
        let id = self.permission.id();
        let gives = |cell: Option<&Cell>| !matches!(cell, None | Some(Cell::No | Cell::Unspecified));
        let roles = policy.blueprint.roles().filter(|role| gives(role.cell(id)));
        let own = match self.permission.kind() {
            PermissionKind::Bool => None,
            PermissionKind::Flag => Some(Thing::Flag(id)),
            PermissionKind::Level => Some(Thing::Level(id)),
        };
        // Flags and levels that a role gives are held as such; other permissions are where the role is.
        match own {
            Some(own) => vec![own],
            None => roles.map(|role| Thing::Role(role.id())).collect(),
        }
    }

    /// Wherever it may be held to hold at the place.
    fn scopes(&self, policy: &Policy) -> Vec<Scope> {
        let above = |unit| policy.tree.path(unit).into_iter().map(Scope::from);
        let mut scopes = vec![Scope::Environment];
        match self.place {
            ScopeRef::Environment => {}
            ScopeRef::OrgUnit(unit) => scopes.extend(above(unit)),
            ScopeRef::Workspace(id) => {
                if let Some(workspace) = policy.workspaces.iter().find(|it| it.id == id) {
                    scopes.push(Scope::from(workspace));
                    scopes.extend(workspace.org_unit.into_iter().flat_map(above));
                }
            }
        }
        scopes
    }
}

fn view(decision: Decision, policy: &Policy) -> Result<DecisionView, AppError> {
    let obligations = decision.obligations.into_iter().map(|id| {
        let label = policy.blueprint.condition(&id).map(Condition::label);
        let said = |word: Option<&String>| word.cloned().unwrap_or_default();
        ObligationView {
            ja: said(label.map(|label| &label.ja)),
            en: said(label.map(|label| &label.en)),
            fr: said(label.map(|label| &label.fr)),
            id,
        }
    });
    Ok(DecisionView {
        allowed: decision.allowed,
        level: decision.level,
        obligations: obligations.collect(),
        reasons: decision.reasons.iter().map(reason).collect::<Result<_, _>>()?,
    })
}

fn reason(reason: &Reason) -> Result<ReasonView, AppError> {
    let told = serde_json::to_value(reason).map_err(|error| AppError::Internal(error.to_string()))?;
    let because = told.get("because").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(ReasonView { because, sentence: reason.sentence() })
}
