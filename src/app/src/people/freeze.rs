//! The switch that ends everything somebody has, at once and whoever manages them, and its way back. Knows that a directory's word
//! stays as it is: freezing subtracts from it and nothing else, so thawing gives back what the directory says by then.

use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::{Field, Label};
use domain::id::UserId;
use domain::lifecycle::PersonState;
use serde::Deserialize;
use serde_json::json;
use store::people::{self, Whom};
use store::users::{self, LockedUser, Slice};
use store::{AdminScope, WriteTx};
use utoipa::ToSchema;

use super::{PeopleQuery, PersonView};
use crate::App;
use crate::error::AppError;
use crate::guards::hold_people;
use crate::handovers::{Chosen, Directed, LeftView, direct};
use crate::provision::{settle, state};

const LONGEST_REASON: usize = 500;
/// Each takes a transaction of its own.
const MOST_AT_ONCE: usize = 1_000;

/// What is said of somebody who is frozen.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// Why, for whoever looks later.
    #[schema(example = "left on the spot", max_length = 500)]
    pub because: Option<String>,
    /// Who is to get what they leave: somebody active who has a role at the place. Whoever cannot receive it keeps nobody in: the
    /// handover fails, and waits for an administrator. Without it, what they leave goes to nobody.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub hand_over_to: Option<UserId>,
}

/// Several who are to be frozen.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeSeveral {
    /// Their e-mail addresses or user names.
    #[schema(min_items = 1, max_items = 1000, example = json!(["mina@acme.example"]))]
    pub people: Vec<String>,
    /// Why, for whoever looks later.
    #[schema(max_length = 500)]
    pub because: Option<String>,
    /// Who is to get what each of them leaves, as when one is frozen. None of those who are frozen can.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub hand_over_to: Option<UserId>,
    /// Whether it is only tried: what would become of each, and nothing is kept.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of one of several.
#[derive(Debug)]
pub struct FreezeRow {
    /// The address or name, as it was given.
    pub named: String,
    /// Who that is.
    pub user: Option<UserId>,
    /// What they leave if they are frozen now, or would be.
    pub outcome: Result<Vec<LeftView>, AppError>,
}

impl App {
    /// The words that may stand above the column of a sheet that says who is meant, as the product's own sheet has them.
    pub async fn headings_of_people(&self, admin: &AdminScope) -> Result<Vec<String>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, policy) = self.policies.in_force(&mut tx).await?;
        tx.finish().await?;
        let csv = policy.blueprint.product().csv.as_ref();
        let columns =
            csv.iter().flat_map(|csv| &csv.column).filter(|column| column.field == Some(Field::Email));
        let labels = columns.map(|column| column.header.clone()).chain([Field::Email.heading()]);
        let words = labels.flat_map(|Label { ja, en, fr }| [ja, en, fr]);
        Ok(words.chain(["email", "userName"].map(str::to_owned)).collect())
    }

    /// Freezes several, or tries it.
    pub async fn freeze_several(
        &self,
        admin: &AdminScope,
        several: FreezeSeveral,
    ) -> Result<Vec<FreezeRow>, AppError> {
        let FreezeSeveral { people, because, hand_over_to, dry_run } = several;
        if people.is_empty() || people.len() > MOST_AT_ONCE {
            return Err(AppError::Invalid(format!("1 to {MOST_AT_ONCE} people are frozen at once")));
        }
        check_reason(because.as_deref())?;
        let tried = dry_run.then(|| admin.rehearsing());
        let by = tried.as_ref().unwrap_or(admin);
        let mut all = Vec::with_capacity(people.len());
        for named in people {
            match self.person_named(admin, &named).await {
                Err(error) if all.is_empty() && error.is_about_the_whole() => return Err(error),
                found => all.push((named, found)),
            }
        }
        let leaving: Vec<UserId> = all.iter().filter_map(|(_, found)| found.as_ref().ok().copied()).collect();
        let mut rows = Vec::with_capacity(all.len());
        for (named, found) in all {
            let user = found.as_ref().ok().copied();
            let chosen = hand_over_to.map(|to| Chosen { by, to, leaving: &leaving });
            let outcome = match found {
                Ok(user) => self.freeze_one(by, user, because.as_deref(), chosen).await,
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if rows.is_empty() && error.is_about_the_whole() => return Err(error),
                outcome => rows.push(FreezeRow { named, user, outcome }),
            }
        }
        Ok(rows)
    }

    /// The one person with this address or name whom the caller sees.
    async fn person_named(&self, admin: &AdminScope, named: &str) -> Result<UserId, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (_, whom) = self.seen(&mut tx, admin, PeopleQuery::default(), None).await?;
        let whom = Whom { address: Some(named.to_owned()), ..whom };
        let found = people::list(&mut tx, whom, Slice { offset: 0, limit: 2 }).await?;
        tx.finish().await?;
        match found.as_slice() {
            [one] => Ok(one.id),
            [] => Err(AppError::NotFound("user")),
            _ => Err(AppError::Conflict("several people have this address or name".to_owned())),
        }
    }

    /// Shuts somebody out, whoever manages them: sessions, tokens and passes end and the seat is free in this transaction. A
    /// directory that writes them as active lets nobody in until they are thawed.
    pub async fn freeze_person(
        &self,
        admin: &AdminScope,
        id: UserId,
        freeze: Freeze,
    ) -> Result<PersonView, AppError> {
        let Freeze { because, hand_over_to } = freeze;
        check_reason(because.as_deref())?;
        self.freeze_one(admin, id, because.as_deref(), Chosen::of(admin, hand_over_to)).await?;
        self.show_person(admin, id).await
    }

    /// Shuts somebody out. Returns what they leave by it.
    async fn freeze_one(
        &self,
        admin: &AdminScope,
        id: UserId,
        because: Option<&str>,
        chosen: Option<Chosen<'_>>,
    ) -> Result<Vec<LeftView>, AppError> {
        let now = self.now();
        let (mut tx, person) = self.held_person(admin, id).await?;
        if person.frozen_at.is_some() {
            tx.nothing_changed().await?;
            return Ok(Vec::new());
        }
        let mut audit = Audit::of(AuditEvent::new(Action::UserFreeze, id).after(json!({"because": because})));
        users::freeze(&mut tx, id, because.map(str::to_owned), now);
        let states = (state(person.is_let_in()), PersonState::Inactive);
        audit.extend(settle(self, &mut tx, id, states, &["frozen".to_owned()]).await?);
        let Directed { left, events } = direct(self, &mut tx, id, chosen).await?;
        audit.extend(events);
        let left = self.left_as_seen(&mut tx, admin, left).await?;
        self.commit(tx, audit, now).await?;
        Ok(left)
    }

    /// Takes that back: from now on whoever manages them says again whether they are let in. They need a seat, like everybody who
    /// comes.
    pub async fn thaw_person(&self, admin: &AdminScope, id: UserId) -> Result<PersonView, AppError> {
        let (mut tx, person) = self.held_person(admin, id).await?;
        if person.frozen_at.is_none() {
            tx.nothing_changed().await?;
            return self.show_person(admin, id).await;
        }
        let mut audit = Audit::of(AuditEvent::new(Action::UserThaw, id));
        let active = person.user.resource().active();
        users::thaw(&mut tx, id, active);
        let states = (PersonState::Inactive, state(active));
        audit.extend(settle(self, &mut tx, id, states, &["frozen".to_owned()]).await?);
        self.commit(tx, audit, self.now()).await?;
        self.show_person(admin, id).await
    }

    /// A person of whatever directory, locked, and whoever acts with them.
    async fn held_person(&self, admin: &AdminScope, id: UserId) -> Result<(WriteTx, LockedUser), AppError> {
        let mut tx = self.db.begin(admin.scope()).await?;
        if hold_people(&mut tx, &[id]).await?.is_empty() {
            return Err(AppError::NotFound("user"));
        }
        let person = users::locked(&mut tx, id).await?.ok_or(AppError::NotFound("user"))?;
        Ok((tx, person))
    }
}

fn check_reason(because: Option<&str>) -> Result<(), AppError> {
    if because.is_some_and(|text| text.chars().count() > LONGEST_REASON) {
        return Err(AppError::Invalid(format!("because has at most {LONGEST_REASON} characters")));
    }
    Ok(())
}
