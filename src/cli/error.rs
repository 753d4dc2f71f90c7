//! Why a command was not done. Knows how each kind of trouble is said at a terminal; does not know commands.

use app::AppError;

use crate::cluster::ClusterError;
use crate::config::ConfigError;
use crate::telemetry::AlreadyInitialised;

/// Why a command was not done: what happened and what to do, in sentences.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private cluster cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Logging is set up already.
    #[error(transparent)]
    Logging(#[from] AlreadyInitialised),
    /// The use case refused.
    #[error("{}", sentence(.0))]
    App(#[from] AppError),
    /// Anything else; a whole sentence.
    #[error("{0}")]
    Failed(String),
}

fn sentence(error: &AppError) -> String {
    match error {
        AppError::Scim(refused) => whole(&refused.to_string()),
        AppError::NotFound(what) => {
            format!(
                "There is no such {what} in this tenant. `list` in place of the verb shows what there is."
            )
        }
        AppError::Conflict(what)
        | AppError::Invalid(what)
        | AppError::Forbidden(what)
        | AppError::Busy(what) => {
            format!("{} Nothing was changed.", whole(what))
        }
        AppError::Managed { .. }
        | AppError::LastHolder { .. }
        | AppError::GrantRule { .. }
        | AppError::Requires { .. }
        | AppError::Held { .. }
        | AppError::Unauthorized
        | AppError::PreconditionFailed
        | AppError::CursorExpired
        | AppError::NoSeat
        | AppError::SeatsTaken
        | AppError::SignIn(_)
        | AppError::Token(_) => whole(&error.to_string()),
        AppError::Unavailable(reason) => format!(
            "The database does not answer: {reason}. Check that it runs and that [database] in the configuration \
             says where, then try again."
        ),
        AppError::Internal(reason) => format!(
            "Something is wrong inside: {reason}. If the database is of an older version, `usher migrate` mends it; \
             else this is a defect of Usher."
        ),
    }
}

/// The text with a capital letter in front and a full stop behind.
fn whole(text: &str) -> String {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_said_in_whole_sentences() {
        let error = CliError::from(AppError::Conflict("the name is taken".to_owned()));

        assert_eq!(error.to_string(), "The name is taken. Nothing was changed.");
    }

    #[test]
    fn a_database_of_an_older_version_is_pointed_to_its_remedy() {
        let error = CliError::from(AppError::Internal("relation \"tenant\" does not exist".to_owned()));

        assert!(error.to_string().contains("`usher migrate`"), "{error}");
    }
}
