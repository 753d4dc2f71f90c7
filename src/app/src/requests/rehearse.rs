//! A request tried without consequences. Knows which use case a request is; that nothing is kept, the scope sees to.
//!
//! This is no second engine: the use case that would serve the request serves it, in a scope in which no transaction can
//! commit (`store::rehearsal`), and what the audit trail would have said is the answer.

use domain::audit::Action;
use domain::id::{DirectoryId, RequestId};
use scim::dialect::{Dialect, Leniency};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AdminScope, DirectoryScope, Rehearsed, dialects};
use utoipa::ToSchema;

use super::meaning::{self, Place, Type};
use super::read::{Change, named, shown};
use crate::App;
use crate::error::AppError;
use crate::provision::Members;

/// A request to be tried.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attempt {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    #[schema(example = "PATCH")]
    pub method: String,
    /// Path below `/scim/v2`.
    #[schema(example = "/Users/0198f2c4-5a31-7c60-8c8e-0f4f5f1f9a10")]
    pub path: String,
    /// The body, as the client would send it: any JSON, since what a directory would be told about it is part of the answer.
    pub body: Option<Value>,
    /// The versions that the client is content to change.
    pub if_match: Option<String>,
}

/// What a request would change now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// The dialect that it was read in: that of the directory now.
    pub dialect: &'static str,
    /// The deviations from the RFCs that it needs.
    pub leniencies: Vec<&'static str>,
    /// What was understood of it, in the terms of the RFCs.
    #[schema(value_type = Option<Vec<Object>>)]
    pub operations: Option<Vec<Value>>,
    /// What would change, as the audit trail would have it. An id that a creation would give is another the next
    /// time.
    pub changes: Vec<Change>,
    /// Whether more would change than is shown.
    pub changes_cut: bool,
    /// What would follow, in numbers.
    pub effects: Effects,
}

/// What would follow from a request, in numbers.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effects {
    /// People whose access would be another.
    pub access_changed: usize,
    /// Sessions that would end.
    pub sessions_ended: usize,
    /// People who would get a seat.
    pub seats_granted: usize,
    /// People who would wait for one.
    pub seats_waiting: usize,
    /// Seats that would be given back.
    pub seats_released: usize,
    /// Facts that those who follow Usher would be told.
    pub facts: usize,
}

/// How a request would be answered.
#[derive(Debug)]
pub enum Verdict {
    /// With this status.
    Done(u16),
    /// It would be refused.
    Refused(AppError),
}

impl App {
    /// Says what a request would change now, and changes nothing.
    pub async fn dry_run(
        &self,
        admin: &AdminScope,
        directory: &str,
        attempt: &Attempt,
    ) -> Result<(Verdict, DryRun), AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let id = named(&mut tx, directory).await?;
        let row = dialects::of(&mut tx, id).await?.ok_or(AppError::NotFound("directory"))?;
        tx.finish().await?;
        let spoken = if row.dialect == "auto" { row.detected_dialect } else { Some(row.dialect) };
        self.rehearse(admin, id, attempt, &meaning::dialect(spoken.as_deref())).await
    }

    /// The same of a request of the log.
    pub async fn dry_run_again(
        &self,
        admin: &AdminScope,
        directory: &str,
        id: RequestId,
    ) -> Result<(Verdict, DryRun), AppError> {
        let (row, _) = self.request_row(admin, directory, id).await?;
        let body = match row.body_state.as_str() {
            "whole" => row.body.as_deref().map(serde_json::from_str).transpose(),
            "none" => Ok(None),
            state => {
                return Err(AppError::Conflict(format!(
                    "the body of the request is {state}: it cannot be tried"
                )));
            }
        };
        let body = body.map_err(|error| AppError::Internal(error.to_string()))?;
        let attempt = Attempt { method: row.method, path: row.path, body, if_match: row.if_match };
        self.dry_run(admin, directory, &attempt).await
    }

    async fn rehearse(
        &self,
        admin: &AdminScope,
        directory: DirectoryId,
        attempt: &Attempt,
        dialect: &Dialect,
    ) -> Result<(Verdict, DryRun), AppError> {
        let (scope, rehearsal) = admin.rehearse(directory);
        let verdict = match self.serve_attempt(&scope, attempt, dialect).await {
            Ok(Some(status)) => Verdict::Done(status),
            Ok(None) => {
                return Err(AppError::Invalid("only changes of people and groups can be tried".to_owned()));
            }
            Err(trouble @ (AppError::Unavailable(_) | AppError::Internal(_))) => return Err(trouble),
            Err(refused) => Verdict::Refused(refused),
        };
        let rehearsed = match verdict {
            Verdict::Done(_) => rehearsal.take(),
            Verdict::Refused(_) => Rehearsed::default(),
        };
        let count = |action| rehearsed.counts.get(&action).copied().unwrap_or_default();
        let effects = Effects {
            access_changed: count(Action::AccessChange),
            sessions_ended: count(Action::SessionRevoke),
            seats_granted: count(Action::SeatGrant) + count(Action::SeatPromote),
            seats_waiting: count(Action::SeatWait),
            seats_released: count(Action::SeatRelease),
            facts: rehearsed.facts,
        };
        let types = self.types(&scope).await?;
        let again = meaning::dialect(Some(dialect.as_str()));
        let head = attempt.body.as_ref().map(meaning::head);
        let operations = meaning::operations(
            types.types(),
            &attempt.method,
            &attempt.path,
            (attempt.body.clone(), head.as_ref()),
            &again,
        );
        let (changes, changes_cut) = shown(rehearsed.events);
        let leniencies = dialect.used().iter().map(Leniency::as_str).collect();
        Ok((
            verdict,
            DryRun { dialect: dialect.as_str(), leniencies, operations, changes, changes_cut, effects },
        ))
    }

    /// The use case that would serve the request, and the status that it would be answered with; nothing if it is none
    /// that changes anything.
    async fn serve_attempt(
        &self,
        directory: &DirectoryScope,
        attempt: &Attempt,
        dialect: &Dialect,
    ) -> Result<Option<u16>, AppError> {
        let if_match = attempt.if_match.as_deref();
        let body = || {
            let nothing = || scim::Error::invalid_syntax("The request has no body");
            attempt.body.clone().ok_or_else(nothing)
        };
        let user = |id: &str| id.parse().or(Err(AppError::NotFound("user")));
        let group = |id: &str| id.parse().or(Err(AppError::NotFound("group")));
        match (Place::of(&attempt.path), attempt.method.as_str()) {
            (Place::Of(Type::User), "POST") => {
                self.create_user(directory, body()?, dialect).await?;
                Ok(Some(201))
            }
            (Place::One(Type::User, id), "PUT") => {
                self.replace_user(directory, user(id)?, if_match, body()?, dialect).await?;
                Ok(Some(200))
            }
            (Place::One(Type::User, id), "PATCH") => {
                self.patch_user(directory, user(id)?, if_match, body()?, dialect).await?;
                Ok(Some(200))
            }
            (Place::One(Type::User, id), "DELETE") => {
                self.delete_user(directory, user(id)?, if_match).await?;
                Ok(Some(204))
            }
            (Place::Of(Type::Group), "POST") => {
                self.create_group(directory, body()?, dialect, Members::Omitted).await?;
                Ok(Some(201))
            }
            (Place::One(Type::Group, id), "PUT") => {
                self.replace_group(directory, group(id)?, if_match, body()?, dialect, Members::Omitted)
                    .await?;
                Ok(Some(200))
            }
            (Place::One(Type::Group, id), "PATCH") => {
                self.patch_group(directory, group(id)?, if_match, body()?, dialect, Members::Omitted).await?;
                Ok(Some(204))
            }
            (Place::One(Type::Group, id), "DELETE") => {
                self.delete_group(directory, group(id)?, if_match).await?;
                Ok(Some(204))
            }
            _ => Ok(None),
        }
    }
}
