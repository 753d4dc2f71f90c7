//! What can go wrong below the use cases. Knows Postgres' error kinds and the names of our constraints.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A uniqueness or reference rule that a write ran into, named after the constraint that refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Another person of this directory has the `userName`.
    UserName,
    /// Another resource of this directory has the `externalId`.
    ExternalId,
    /// Another group of this directory has the `displayName`.
    GroupName,
    /// Another tenant has verified the domain.
    Domain,
    /// The slug or key is taken.
    Slug,
    /// The row is there already (same id, same version, second pool of a tenant, …).
    Exists,
    /// Something that the row refers to is not there.
    Missing,
    /// The row is still referred to.
    InUse,
    /// A number would leave its bounds.
    OutOfBounds,
}

/// Trouble between the use case and the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A constraint refused the write.
    #[error("a constraint refused the write: {0:?}")]
    Conflict(Conflict),
    /// No connection could be had, or it broke: the request may be repeated.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The credential that the caller stands on was revoked or ran out.
    #[error("the credential is no longer good")]
    Revoked,
    /// Two transactions stood in each other's way and this one was chosen to give up: it may be repeated.
    #[error("the transaction gave way to another")]
    GaveWay,
    /// The database looked for longer than it may for one question.
    #[error("the question took too long to answer")]
    TookTooLong,
    /// A row holds something that this version cannot read.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// An attribute that no filter can name here.
    #[error("{0} cannot be filtered")]
    Unfilterable(String),
    /// An attribute that identifies something is too long for that, or has too many values.
    #[error("{0} is too long to be kept")]
    TooLong(&'static str),
    /// Anything else: a defect of ours.
    #[error("database error: {0}")]
    Database(String),
}

impl StoreError {
    /// The conflict, if this is one.
    pub fn conflict(&self) -> Option<Conflict> {
        match self {
            Self::Conflict(conflict) => Some(*conflict),
            _ => None,
        }
    }

    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::UniqueViolation => {
                    Self::Conflict(unique(info.constraint_name().unwrap_or_default()))
                }
                DatabaseErrorKind::ForeignKeyViolation => {
                    let still_used = info.message().starts_with("update or delete");
                    Self::Conflict(if still_used { Conflict::InUse } else { Conflict::Missing })
                }
                DatabaseErrorKind::CheckViolation => Self::Conflict(Conflict::OutOfBounds),
                DatabaseErrorKind::SerializationFailure => Self::GaveWay,
                // another process has taken the bulk request over (`bulk_jobs`)
                DatabaseErrorKind::NotNullViolation if info.column_name() == Some("job_id") => Self::GaveWay,
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                    Self::Unavailable(info.message().to_owned())
                }
                _ if info.message().contains("due to statement timeout") => Self::TookTooLong,
                _ if info.message().contains("deadlock detected") => Self::GaveWay,
                // what a server says while it goes down, starts or recovers (SQLSTATE class 57P)
                _ if ["terminating connection", "shutting down", "starting up", "recovery mode"]
                    .iter()
                    .any(|phrase| info.message().contains(phrase)) =>
                {
                    Self::Unavailable(info.message().to_owned())
                }
                _ => Self::Database(info.message().to_owned()),
            },
            other => Self::Database(other.to_string()),
        }
    }
}

fn unique(constraint: &str) -> Conflict {
    match constraint {
        "users_user_name_key" => Conflict::UserName,
        "users_external_id_key" | "groups_external_id_key" => Conflict::ExternalId,
        "groups_display_name_key" => Conflict::GroupName,
        "email_domain_held_once" => Conflict::Domain,
        "tenant_slug_key"
        | "directory_slug_key"
        | "connection_slug_key"
        | "org_unit_key_key"
        | "workspace_key_key" => Conflict::Slug,
        _ => Conflict::Exists,
    }
}
