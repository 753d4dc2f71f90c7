//! `usher token-issuer`. Knows its flags and tables; does not know what a token says.

use app::connections::NewTokenIssuer;
use clap::{Args, Subcommand};
use domain::id::CredentialId;
use domain::token::CredentialScope;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Let a directory believe the access tokens that Entra ID issues for its provisioning service
    #[command(after_help = EXAMPLE)]
    Trust(Trust),
    /// The issuers that a tenant's directories trust or trusted
    List(OfTenant),
    /// End a trust: the next request with such a token is refused
    Revoke(Revoke),
}

const EXAMPLE: &str = "\
Example:
  usher token-issuer trust --tenant acme --directory entra --issuer https://sts.windows.net/<Entra tenant>/ \\
      --audience 8adf8e6e-67b2-4cf2-a259-e3dc5476c621 --entra-tenant <Entra tenant> --application <appid>

Its tokens are taken below /scim/acme/v2, which is what to give Entra ID as tenant URL, without a secret token.";

#[derive(Debug, Args)]
pub(super) struct Trust {
    #[command(flatten)]
    of: OfTenant,
    /// Its tokens open this directory, by its slug
    #[arg(long, value_name = "SLUG")]
    directory: String,
    /// `iss` of its tokens
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// `aud` of its tokens: the id of the application's template
    #[arg(long, value_name = "ID")]
    audience: String,
    /// `tid` of its tokens
    #[arg(long, value_name = "ID")]
    entra_tenant: String,
    /// `appid` of its tokens: the application that asks for them
    #[arg(long, value_name = "ID")]
    application: String,
    /// Its tokens may ask and change nothing
    #[arg(long)]
    read_only: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    of: OfTenant,
    /// The issuer's id, as `list` shows it
    id: CredentialId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Trust(Trust { of, directory, issuer, audience, entra_tenant, application, read_only }) => {
                let admin = console.enter(&of.tenant).await?;
                let scope = if read_only { CredentialScope::Read } else { CredentialScope::Write };
                let new = NewTokenIssuer { directory, issuer, audience, entra_tenant, application, scope };
                let view = console.app.trust_token_issuer(&admin, new).await?;
                let shown = record(&[("id", view.id.to_string()), ("issuer", view.issuer.clone())]);
                Answer::new(&view, shown)
            }
            Self::List(of) => list(console, &of.tenant).await,
            Self::Revoke(Revoke { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.revoke_token_issuer(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Ended the trust {id}."))
            }
        }
    }
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_token_issuers(&admin).await?;
    let directories = console.app.list_directories(&admin).await?;
    let mut table = Table::new(&["ID", "ISSUER", "APPLICATION", "OPENS", "SCOPE", "STATE", "LAST USED"]);
    for view in &views {
        let directory = directories.iter().find(|directory| Some(directory.id) == view.directory);
        table.row([
            view.id.to_string(),
            view.issuer.clone(),
            view.application.clone(),
            or_dash(directory.map(|directory| directory.slug.clone())),
            view.scope.as_str().to_owned(),
            if view.revoked_at.is_some() { "ended" } else { "trusted" }.to_owned(),
            or_dash(view.last_used_at.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No issuer is trusted; `usher token-issuer trust` changes that."))
}
