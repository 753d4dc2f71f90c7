//! Who is there now. Sessions at Usher's own doors are noted as they are used; of the rest the product says it.

use chrono::{DateTime, Duration, Utc};
use domain::id::UserId;
use serde::{Deserialize, Serialize};
use store::{AdminScope, sessions};
use utoipa::ToSchema;

use crate::App;
use crate::error::AppError;
use crate::one_line::one_line;

/// Whoever was seen so lately is there now.
const PRESENT_FOR: Duration = Duration::minutes(5);
const MOST_AT_ONCE: usize = 1_000;
/// The longest version that is kept, in characters.
const LONGEST_VERSION: usize = 100;

/// People who are there now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArePresent {
    /// Who.
    #[schema(min_items = 1, max_items = 1000)]
    pub people: Vec<Present>,
}

/// Somebody who is there now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Present {
    /// Who.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// The version of the product's program that they use; what was said before stays, if nothing is said.
    #[schema(example = "4.2.0", max_length = 100)]
    pub client_version: Option<String>,
}

/// What was noted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotedPresence {
    /// Of how many people: those of them who are there and active.
    pub noted: usize,
}

/// Whether somebody who was seen then is there now.
pub(super) fn is_present(seen: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    seen.is_some_and(|seen| now - seen < PRESENT_FOR)
}

impl App {
    /// The product says who is there. Whoever is not active is not there, whatever it says.
    pub async fn note_presence(
        &self,
        admin: &AdminScope,
        present: ArePresent,
    ) -> Result<NotedPresence, AppError> {
        let ArePresent { people } = present;
        if people.is_empty() || people.len() > MOST_AT_ONCE {
            return Err(AppError::Invalid(format!("1 to {MOST_AT_ONCE} people are noted at once")));
        }
        if people
            .iter()
            .filter_map(|it| it.client_version.as_ref())
            .any(|it| it.chars().count() > LONGEST_VERSION)
        {
            return Err(AppError::Invalid(format!("clientVersion has at most {LONGEST_VERSION} characters")));
        }
        let people: Vec<_> = people
            .into_iter()
            .map(|it| (it.user, it.client_version.map(|version| one_line(&version, LONGEST_VERSION))))
            .collect();
        let mut tx = self.db.begin(admin.scope()).await?;
        let noted = sessions::note_present(&mut tx, people, self.now()).await?;
        tx.commit_trace_of_use().await?;
        Ok(NotedPresence { noted })
    }
}
