//! `usher app`. Knows its flags and tables; does not know codes or tokens.

use std::path::PathBuf;

use app::apps::{AppProof, AppView, ChangeApp, CreatedApp, IdTokenAlg, NewApp, RotateSecret};
use clap::{Args, Subcommand};
use domain::id::AppId;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record, variables};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Register an app; a secret is shown this once
    #[command(after_help = EXAMPLES)]
    Create(Box<Create>),
    /// A tenant's apps, without their secrets
    List(OfTenant),
    /// One app
    Show(OneApp),
    /// Change an app; what is not said stays, lists are replaced
    Change(Box<Change>),
    /// Give an app another secret; the old one is good beside it for a while
    RotateSecret(Rotate),
    /// Delete an app, and end every token that it had
    Delete(OneApp),
}

const EXAMPLES: &str = "\
Examples:
  usher app create --tenant acme --name Schedule --redirect-uri https://schedule.example/callback
                                   on a server, with a secret
  usher app create --tenant acme --name Schedule --redirect-uri https://schedule.example/callback --env
                                   the same, with what the app must know as variables
  usher app create --tenant acme --name Phone --proof none --redirect-uri com.example.phone:/callback
                                   on somebody's phone: no secret, and PKCE as for all";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Display name
    #[arg(long)]
    name: String,
    /// How it proves that it is itself
    #[arg(long, value_parser = ["secret", "privateKey", "none"], default_value = "secret")]
    proof: String,
    /// A file with the public keys that it signs with, as a JSON Web Key Set
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where it publishes those keys
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// It may fetch access tokens for itself (`client_credentials`)
    #[arg(long)]
    own_tokens: bool,
    /// It pushes every request ahead (RFC 9126)
    #[arg(long)]
    pushed_requests_only: bool,
    /// It runs on devices without a browser, and is let in from another one (RFC 8628)
    #[arg(long)]
    device_flow: bool,
    /// It gets tokens only that are bound to a key of its own (RFC 9449)
    #[arg(long)]
    dpop_bound_access_tokens: bool,
    /// By which algorithm its ID tokens and logout tokens are signed
    #[arg(long, value_parser = ["ES256", "RS256"], default_value = "ES256")]
    id_token_signing_alg: String,
    /// It gets no refresh tokens
    #[arg(long)]
    no_refresh_tokens: bool,
    /// Print what the app must know as variables, for its environment
    #[arg(long)]
    env: bool,
    #[command(flatten)]
    lists: Lists,
}

#[derive(Debug, Args)]
struct Lists {
    /// Where browsers come back to after a sign-in; can be repeated
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// Where browsers may be sent after signing out; can be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URL")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session is over
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// A scope that it may ask for; can be repeated; without, all
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// A resource that it may ask tokens for, or about; can be repeated
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,
    /// For how many seconds its access and ID tokens are good
    #[arg(long)]
    token_seconds: Option<i64>,
}

#[derive(Debug, Args)]
pub(super) struct OneApp {
    #[command(flatten)]
    of: OfTenant,
    /// The app's id, as `list` shows it
    id: AppId,
}

#[derive(Debug, Args)]
pub(super) struct Change {
    #[command(flatten)]
    one: OneApp,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    lists: Lists,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    one: OneApp,
    /// For how many hours the old one still works; 0 ends it now
    #[arg(long, default_value_t = 24)]
    overlap_hours: u32,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(create) => create.run(console).await,
            Self::List(of) => list(console, &of.tenant).await,
            Self::Show(OneApp { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.show_app(&admin, id).await?;
                Answer::new(&view, record(&shown(&view)))
            }
            Self::Change(change) => change.run(console).await,
            Self::RotateSecret(Rotate { one: OneApp { of, id }, overlap_hours }) => {
                let admin = console.enter(&of.tenant).await?;
                let rotated =
                    console.app.rotate_app_secret(&admin, id, RotateSecret { overlap_hours }).await?;
                let shown =
                    [("secret", rotated.client_secret.clone()), ("old one until", moment(rotated.old_until))];
                Answer::new(&rotated, format!("{}\n{ONCE}", record(&shown)))
            }
            Self::Delete(OneApp { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.delete_app(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Deleted app {id} and ended its tokens."))
            }
        }
    }
}

const ONCE: &str = "The secret is shown this once: only its hash is kept.";

impl Create {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let jwks = match self.jwks {
            Some(file) => {
                let unreadable = |why: String| CliError::Failed(format!("{}: {why}.", file.display()));
                let text = std::fs::read(&file).map_err(|error| unreadable(error.to_string()))?;
                Some(serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?)
            }
            None => None,
        };
        let proof = match self.proof.as_str() {
            "privateKey" => AppProof::PrivateKey,
            "none" => AppProof::None,
            _ => AppProof::Secret,
        };
        let Lists {
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            scopes,
            resources,
            token_seconds,
        } = self.lists;
        let new = NewApp {
            name: self.name,
            proof,
            jwks,
            jwks_uri: self.jwks_uri,
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            scopes,
            resources,
            token_seconds: token_seconds.unwrap_or(NewApp::TOKEN_SECONDS),
            id_token_signing_alg: match self.id_token_signing_alg.as_str() {
                "RS256" => IdTokenAlg::Rs256,
                _ => IdTokenAlg::Es256,
            },
            refresh_tokens: !self.no_refresh_tokens,
            own_tokens: self.own_tokens,
            pushed_requests_only: self.pushed_requests_only,
            device_flow: self.device_flow,
            dpop_bound_access_tokens: self.dpop_bound_access_tokens,
        };
        let admin = console.enter(&self.of.tenant).await?;
        let created = console.app.create_app(&admin, new).await?;
        if self.env {
            return Answer::new(&created, environment(&created));
        }
        let mut lines = shown(&created.app);
        let Some(secret) = created.client_secret.clone() else {
            return Answer::new(&created, record(&lines));
        };
        lines.push(("secret", secret));
        Answer::new(&created, format!("{}\n{ONCE}", record(&lines)))
    }
}

impl Change {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let OneApp { of, id } = self.one;
        let said = |list: Vec<String>| (!list.is_empty()).then_some(list);
        let change = ChangeApp {
            name: self.name,
            redirect_uris: said(self.lists.redirect_uris),
            post_logout_redirect_uris: said(self.lists.post_logout_redirect_uris),
            backchannel_logout_uri: self.lists.backchannel_logout_uri,
            scopes: said(self.lists.scopes),
            resources: said(self.lists.resources),
            token_seconds: self.lists.token_seconds,
            ..ChangeApp::default()
        };
        let admin = console.enter(&of.tenant).await?;
        let view = console.app.change_app(&admin, id, change).await?;
        Answer::new(&view, record(&shown(&view)))
    }
}

fn environment(created: &CreatedApp) -> String {
    let id = created.app.id.to_string();
    let mut known = vec![("ISSUER", created.app.issuer.as_str()), ("CLIENT_ID", id.as_str())];
    known.extend(created.client_secret.as_deref().map(|secret| ("CLIENT_SECRET", secret)));
    variables(&known)
}

fn shown(view: &AppView) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("client id", view.id.to_string()),
        ("issuer", view.issuer.clone()),
        ("name", view.name.clone()),
        ("proof", view.proof.as_str().to_owned()),
        ("redirect uris", view.redirect_uris.join(" ")),
    ];
    lines.extend(view.backchannel_logout_uri.clone().map(|address| ("told of the end", address)));
    lines
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_apps(&admin).await?;
    let mut table = Table::new(&["CLIENT ID", "NAME", "PROOF", "REDIRECT URIS", "LAST USED"]);
    for view in &views {
        table.row([
            view.id.to_string(),
            view.name.clone(),
            view.proof.as_str().to_owned(),
            view.redirect_uris.join(" "),
            or_dash(view.last_used_at.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No apps yet; `usher app create` registers one."))
}
