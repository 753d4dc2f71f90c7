//! The answer to a request that was tried. Knows which status and words a refusal has; does not know what was tried.

use app::requests::{DryRun, Verdict};
use scim::ScimType;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Refused;

/// How a request would be answered now, and what it would change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunAnswer {
    /// The status that it would be answered with.
    pub status: u16,
    /// The keyword of a refusal.
    pub scim_type: Option<&'static str>,
    /// The sentence of a refusal.
    pub detail: Option<String>,
    /// What it would change; nothing if it is refused.
    #[serde(flatten)]
    pub run: DryRun,
}

impl DryRunAnswer {
    /// Words for a verdict.
    pub fn new((verdict, run): (Verdict, DryRun)) -> Self {
        match verdict {
            Verdict::Done(status) => Self { status, scim_type: None, detail: None, run },
            Verdict::Refused(error) => {
                let refused = Refused::from(error);
                let scim_type = refused.scim_type().map(ScimType::as_str);
                let detail = Some(refused.detail().into_owned());
                Self { status: refused.status().as_u16(), scim_type, detail, run }
            }
        }
    }
}
