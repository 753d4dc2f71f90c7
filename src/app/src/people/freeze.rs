//! The switch that ends everything somebody has, at once and whoever manages them, and its way back. Knows that a directory's word
//! stays as it is: freezing subtracts from it and nothing else, so thawing gives back what the directory says by then.

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::UserId;
use domain::lifecycle::PersonState;
use serde::Deserialize;
use serde_json::json;
use store::users::{self, LockedUser};
use store::{AdminScope, WriteTx};
use utoipa::ToSchema;

use super::PersonView;
use crate::App;
use crate::error::AppError;
use crate::guards::hold_people;
use crate::provision::{settle, state};

const LONGEST_REASON: usize = 500;

/// What is said of somebody who is frozen.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// Why, for whoever looks later.
    #[schema(example = "left on the spot", max_length = 500)]
    pub because: Option<String>,
}

impl App {
    /// Shuts somebody out, whoever manages them: sessions, tokens and passes end and the seat is free in this transaction. A
    /// directory that writes them as active lets nobody in until they are thawed.
    pub async fn freeze_person(
        &self,
        admin: &AdminScope,
        id: UserId,
        freeze: Freeze,
    ) -> Result<PersonView, AppError> {
        if freeze.because.as_ref().is_some_and(|text| text.chars().count() > LONGEST_REASON) {
            return Err(AppError::Invalid(format!("because has at most {LONGEST_REASON} characters")));
        }
        let now = self.now();
        let (mut tx, person) = self.held_person(admin, id).await?;
        if person.frozen_at.is_some() {
            tx.nothing_changed().await?;
            return self.show_person(admin, id).await;
        }
        let mut audit =
            Audit::of(AuditEvent::new(Action::UserFreeze, id).after(json!({"because": freeze.because})));
        users::freeze(&mut tx, id, freeze.because, now);
        let states = (state(person.is_let_in()), PersonState::Inactive);
        audit.extend(settle(self, &mut tx, id, states, &["frozen".to_owned()]).await?);
        tx.commit(audit, now, &*self.entropy).await?;
        self.show_person(admin, id).await
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
        tx.commit(audit, self.now(), &*self.entropy).await?;
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
