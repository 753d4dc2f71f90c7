//! `usher credential`. Knows its flags and tables; does not know how tokens are made or kept.

use app::connections::{CredentialState, IssueCredential, IssuedCredential, RotateCredential};
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand};
use domain::id::CredentialId;
use domain::token::CredentialScope;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record, variables};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Issue a bearer token; it is shown this once
    #[command(after_help = EXAMPLES)]
    Issue(Issue),
    /// Replace a credential: a new token, and some hours in which the old one still works
    #[command(
        after_help = "Example:\n  usher credential rotate --tenant acme 0198f2c4-5a31-7c60-8c8e-0f4f5f1f9a10 --overlap-hours 48"
    )]
    Rotate(Rotate),
    /// Credentials without their tokens: when each was used, and which end within thirty days
    List(Whose),
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
  usher credential issue --tenant acme --directory entra --read-only
                                   the same, for asking alone
  usher credential issue --tenant acme --admin
                                   what the tenant's administrator shows under /api/v1
  usher credential issue --tenant acme --admin --read-only --env
                                   what an app shows there that asks what people may do, as variables
  usher credential issue --operator
                                   opens every tenant under /api/v1, and makes new ones";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("opens").required(true).args(["directory", "admin", "operator"]))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
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
    /// It may ask and change nothing
    #[arg(long, conflicts_with = "operator")]
    read_only: bool,
    /// Print the tenant's API and the token as variables, for an app's environment
    #[arg(long, conflicts_with_all = ["directory", "operator"])]
    env: bool,
    /// Days until it stops to work; without, it works until it is revoked
    #[arg(long, value_name = "DAYS")]
    expires_days: Option<u32>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["tenant", "operator"]))]
pub(super) struct Whose {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Those that open every tenant
    #[arg(long)]
    operator: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    of: OfTenant,
    /// The credential's id, as `list` shows it
    id: CredentialId,
    /// For how many hours the old one still works; 0 ends it now
    #[arg(long, value_name = "HOURS", default_value_t = RotateCredential::default().overlap_hours)]
    overlap_hours: u32,
    /// Days until the new one stops to work; without, as long as the old one was given
    #[arg(long, value_name = "DAYS")]
    expires_days: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    whose: Whose,
    /// The credential's id, as `list` shows it
    id: CredentialId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Issue(issue) => issue.run(console).await,
            Self::Rotate(Rotate { of, id, overlap_hours, expires_days }) => {
                let admin = console.enter(&of.tenant).await?;
                let how = RotateCredential { overlap_hours, expires_days };
                issued(&console.app.rotate_credential(&admin, id, how).await?)
            }
            Self::List(Whose { tenant: Some(tenant), .. }) => list(console, &tenant).await,
            Self::List(_) => list_operators(console).await,
            Self::Revoke(Revoke { whose, id }) => {
                match whose.tenant {
                    Some(tenant) => {
                        let admin = console.enter(&tenant).await?;
                        console.app.revoke_credential(&admin, id).await?;
                    }
                    None => console.app.revoke_operator_credential(&console.operator(), id).await?,
                }
                Answer::new(&json!({"id": id}), format!("Revoked credential {id}."))
            }
        }
    }
}

impl Issue {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self { tenant, directory, expires_days, read_only, env, .. } = self;
        let scope = if read_only { CredentialScope::Read } else { CredentialScope::Write };
        match tenant {
            Some(tenant) => {
                let admin = console.enter(&tenant).await?;
                let wanted = IssueCredential { directory, expires_days, scope };
                let credential = console.app.issue_credential(&admin, wanted).await?;
                if env {
                    let api = format!("{}/api/v1/tenants/{tenant}", console.app.issuer());
                    let lines = variables(&[("API", &api), ("API_TOKEN", &credential.token)]);
                    return Answer::new(&credential, lines);
                }
                issued(&credential)
            }
            None => issued(&console.app.issue_operator_credential(&console.operator(), expires_days).await?),
        }
    }
}

fn issued(issued: &IssuedCredential) -> Result<Answer, CliError> {
    let shown = record(&[
        ("id", issued.id.to_string()),
        ("token", issued.token.clone()),
        ("expires", issued.expires_at.map_or_else(|| "never".to_owned(), moment)),
    ]);
    Answer::new(issued, format!("{shown}\nThe token is shown this once: only its hash is kept."))
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_credentials(&admin).await?;
    let directories = console.app.list_directories(&admin).await?;
    let now = console.app.now();
    let mut table = Table::new(&["ID", "TOKEN", "OPENS", "SCOPE", "STATE", "LAST USED", "EXPIRES"]);
    for view in &views {
        let directory = directories.iter().find(|directory| Some(directory.id) == view.directory);
        table.row([
            view.id.to_string(),
            view.hint.clone(),
            directory.map_or_else(|| view.kind.clone(), |directory| directory.slug.clone()),
            view.scope.as_str().to_owned(),
            state(view.state, view.expires_at, now),
            or_dash(view.last_used_at.map(moment)),
            or_dash(view.expires_at.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No credentials yet; `usher credential issue` makes one."))
}

async fn list_operators(console: &Console) -> Result<Answer, CliError> {
    let views = console.app.list_operator_credentials(&console.operator()).await?;
    let now = console.app.now();
    let mut table = Table::new(&["ID", "TOKEN", "STATE", "LAST USED", "EXPIRES"]);
    for view in &views {
        table.row([
            view.id.to_string(),
            view.hint.clone(),
            state(view.state, view.expires_at, now),
            or_dash(view.last_used_at.map(moment)),
            or_dash(view.expires_at.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No operator credentials; `usher credential issue --operator` makes one."))
}

/// The state, with a warning where the end is near.
pub(super) fn state(state: CredentialState, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match expires_at {
        Some(end) if state == CredentialState::Expiring => {
            let (days, hours) = ((end - now).num_days(), (end - now).num_hours());
            if days > 1 { format!("live, {days} days left") } else { format!("live, {hours} hours left") }
        }
        _ => state.as_str().to_owned(),
    }
}
