//! `usher oauth-client`. Knows its flags and tables; does not know how a client proves that it is itself.

use std::path::PathBuf;

use app::connections::NewOAuthClient;
use clap::{Args, Subcommand};
use domain::id::OAuthClientId;
use domain::token::CredentialScope;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add an OAuth client of a directory; a secret is shown this once
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// A tenant's OAuth clients, without their secrets
    List(OfTenant),
    /// Revoke an OAuth client and every access token that it fetched
    Revoke(Revoke),
}

const EXAMPLES: &str = "\
Examples:
  usher oauth-client create --tenant acme --directory okta --name Okta
                                   with a secret
  usher oauth-client create --tenant acme --directory okta --name Okta --jwks-uri https://acme.okta.example/keys
                                   signs with a key that it publishes (private_key_jwt)";

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Its access tokens open this directory, by its slug
    #[arg(long, value_name = "SLUG")]
    directory: String,
    /// Display name
    #[arg(long)]
    name: String,
    /// Its access tokens may ask and change nothing
    #[arg(long)]
    read_only: bool,
    /// A file with the public keys that it signs with, as a JSON Web Key Set
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where it publishes those keys
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    of: OfTenant,
    /// The client's id, as `list` shows it
    id: OAuthClientId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(create) => create.run(console).await,
            Self::List(of) => list(console, &of.tenant).await,
            Self::Revoke(Revoke { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.revoke_oauth_client(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Revoked OAuth client {id} and its access tokens."))
            }
        }
    }
}

impl Create {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self { of, directory, name, read_only, jwks, jwks_uri } = self;
        let scope = if read_only { CredentialScope::Read } else { CredentialScope::Write };
        let jwks = match jwks {
            Some(file) => {
                let unreadable = |why: String| CliError::Failed(format!("{}: {why}.", file.display()));
                let text = std::fs::read(&file).map_err(|error| unreadable(error.to_string()))?;
                Some(serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?)
            }
            None => None,
        };
        let admin = console.enter(&of.tenant).await?;
        let new = NewOAuthClient { directory, name, scope, jwks, jwks_uri };
        let created = console.app.create_oauth_client(&admin, new).await?;
        let mut shown = vec![
            ("id", created.client.id.to_string()),
            ("client id", created.client.client_id.clone()),
            ("token endpoint", created.token_endpoint.clone()),
        ];
        let Some(secret) = created.client_secret.clone() else {
            return Answer::new(&created, record(&shown));
        };
        shown.push(("secret", secret));
        Answer::new(
            &created,
            format!("{}\nThe secret is shown this once: only its hash is kept.", record(&shown)),
        )
    }
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_oauth_clients(&admin).await?;
    let directories = console.app.list_directories(&admin).await?;
    let mut table = Table::new(&["ID", "NAME", "OPENS", "SCOPE", "PROOF", "STATE", "LAST USED"]);
    for view in &views {
        let directory = directories.iter().find(|directory| directory.id == view.directory);
        table.row([
            view.id.to_string(),
            view.name.clone(),
            or_dash(directory.map(|directory| directory.slug.clone())),
            view.scope.as_str().to_owned(),
            view.proof.as_str().to_owned(),
            if view.revoked_at.is_some() { "revoked" } else { "live" }.to_owned(),
            or_dash(view.last_used_at.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No OAuth clients yet; `usher oauth-client create` makes one."))
}
