//! `usher credential`. Knows its flags and tables; does not know how tokens are made or kept.

use app::connections::{CredentialView, IssueCredential};
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand};
use domain::id::CredentialId;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Issue a bearer token; it is shown this once
    #[command(after_help = EXAMPLES)]
    Issue(Issue),
    /// A tenant's credentials, without their tokens
    List(OfTenant),
    /// Revoke a credential: the next request that shows it is refused
    #[command(
        after_help = "Example:\n  usher credential revoke --tenant acme 0198f2c4-5a31-7c60-8c8e-0f4f5f1f9a10"
    )]
    Revoke(Revoke),
}

const EXAMPLES: &str = "\
Examples:
  usher credential issue --tenant acme --directory entra --expires-days 365
                                   what a directory shows under /scim/v2; two can be live at a time
  usher credential issue --tenant acme --admin
                                   what the tenant's administrator shows under /api/v1
  usher credential issue --operator
                                   opens every tenant under /api/v1, and makes new ones";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("opens").required(true).args(["directory", "admin", "operator"]))]
pub(super) struct Issue {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG", required_unless_present = "operator", conflicts_with = "operator")]
    tenant: Option<String>,
    /// It opens this directory of the tenant, by its slug
    #[arg(long, value_name = "SLUG")]
    directory: Option<String>,
    /// It opens the tenant's administration
    #[arg(long)]
    admin: bool,
    /// It opens every tenant
    #[arg(long)]
    operator: bool,
    /// Days until it stops to work; without, it works until it is revoked
    #[arg(long, value_name = "DAYS")]
    expires_days: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    of: OfTenant,
    /// The credential's id, as `list` shows it
    id: CredentialId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Issue(issue) => issue.run(console).await,
            Self::List(of) => list(console, &of.tenant).await,
            Self::Revoke(Revoke { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.revoke_credential(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Revoked credential {id}."))
            }
        }
    }
}

impl Issue {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self { tenant, directory, expires_days, .. } = self;
        let issued = match tenant {
            Some(tenant) => {
                let admin = console.enter(&tenant).await?;
                console.app.issue_credential(&admin, IssueCredential { directory, expires_days }).await?
            }
            None => console.app.issue_operator_credential(&console.operator(), expires_days).await?,
        };
        let shown = record(&[
            ("id", issued.id.to_string()),
            ("token", issued.token.clone()),
            ("expires", issued.expires_at.map_or_else(|| "never".to_owned(), moment)),
        ]);
        Answer::new(&issued, format!("{shown}\nThe token is shown this once: only its hash is kept."))
    }
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_credentials(&admin).await?;
    let directories = console.app.list_directories(&admin).await?;
    let now = console.app.now();
    let mut table = Table::new(&["ID", "TOKEN", "OPENS", "STATE", "LAST USED", "EXPIRES"]);
    for view in &views {
        let directory = directories.iter().find(|directory| Some(directory.id) == view.directory);
        table.row([
            view.id.to_string(),
            view.hint.clone(),
            directory.map_or_else(|| view.kind.clone(), |directory| directory.slug.clone()),
            state(view, now).to_owned(),
            or_dash(view.last_used_at.map(moment)),
            or_dash(view.expires_at.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No credentials yet; `usher credential issue` makes one."))
}

fn state(view: &CredentialView, now: DateTime<Utc>) -> &'static str {
    if view.revoked_at.is_some() {
        "revoked"
    } else if view.expires_at.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "live"
    }
}
