//! `usher connection`. Knows its flags and where a secret is read from; does not know OpenID Connect.

use std::io::Read;
use std::path::{Path, PathBuf};

use app::connections::{ChangeConnection, ConnectionView, NewConnection, OpenIdView};
use app::login::{ConnectionState, JustInTime, LinkTo, SetEnforcement};
use app::people::Edit;
use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add an OpenID Connect connection
    #[command(after_help = EXAMPLE)]
    Create(Box<Create>),
    /// What a connection asks and requires, and everything to register at its provider
    Show(One),
    /// Change what every connection has, whatever its protocol: pause it, who is made there, from where people come in
    #[command(
        after_help = "Example:\n  usher connection set --tenant acme entra --state paused\n  usher connection set --tenant acme entra --just-in-time verifiedDomain --allow-network 198.51.100.0/24"
    )]
    Set(Box<Set>),
    /// Replace what a connection asks of its provider and requires of its answers
    SetRules(SetRules),
    /// Give a connection a key of its own to prove itself with, or a new one, which signs six minutes later
    RenewKey(One),
    /// Let people sign in through these connections only, or through every one again
    #[command(
        after_help = "Each must have passed a trial, and a local person must have a passkey.\n\nExample:\n  usher connection enforce --tenant acme entra\n  usher connection enforce --tenant acme"
    )]
    Enforce(Enforce),
    /// All connections, with the redirect URI to register at each provider
    List(OfTenant),
}

const EXAMPLE: &str = "\
Example:
  usher connection create --tenant acme --slug entra --issuer https://login.example/acme/v2.0 \\
      --client-id 5b7e… --client-secret-file ./secret --link-claim oid --link-to externalId \\
      --return-to https://app.example

A secret never stands on the command line, where every user of the machine can read it; from a program:
  fetch-secret | usher connection create … --client-secret-file -";

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// The connection's short name
    #[arg(required_unless_present = "named")]
    slug: Option<String>,
    /// The same by a flag
    #[arg(long = "slug", value_name = "SLUG", conflicts_with = "slug")]
    named: Option<String>,
}

impl One {
    /// Its tenant, and its short name.
    pub(super) fn which(self) -> (OfTenant, String) {
        (self.of, self.slug.or(self.named).unwrap_or_default())
    }
}

#[derive(Debug, Args)]
pub(super) struct Enforce {
    #[command(flatten)]
    of: OfTenant,
    /// Short names; without any, people sign in through every connection
    slugs: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    one: One,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// Whether people can sign in here; who is signed in stays so
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<State>,
    /// Where people land after signing in, and the only origin that they may be sent back to
    #[arg(long, value_name = "URL")]
    return_to: Option<String>,
    /// Whether a sign-in makes people whom the directory has not sent
    #[arg(long, value_enum, value_name = "WHOM")]
    just_in_time: Option<Whom>,
    /// Nobody with a higher role comes in here; an empty text lets every role in
    #[arg(long, value_name = "ROLE")]
    highest_role: Option<String>,
    /// A domain whose people are sent here from the sign-in page; can be repeated, and replaces those that there are
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// A network that people must be in when they come in; can be repeated, and replaces those that there are
    #[arg(long = "allow-network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// A scope to ask for besides openid; can be repeated, and replaces those that there are
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// People may come in from anywhere
    #[arg(long, conflicts_with = "networks")]
    any_network: bool,
}

/// Whether people can sign in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum State {
    /// They can
    Active,
    /// Nobody can
    Paused,
}

/// Whom a sign-in makes.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(super) enum Whom {
    /// Nobody
    Off,
    /// Everybody for whom the provider vouches
    On,
    /// Those with an address in a domain that the tenant has verified
    VerifiedDomain,
}

#[derive(Debug, Args)]
pub(super) struct SetRules {
    #[command(flatten)]
    one: One,
    /// A JSON file; what is left out is the default
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Short name, unique in the tenant, part of the redirect URI: lower-case letters, digits and dashes
    #[arg(long)]
    slug: String,
    /// Display name; without it the slug
    #[arg(long)]
    name: Option<String>,
    /// The directory whose people sign in here; may be left out when the tenant has one
    #[arg(long, value_name = "SLUG")]
    directory: Option<String>,
    /// The provider's issuer, exactly as its discovery document says it
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The name under which the provider knows Usher
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The file with the secret that the provider gave, or - for standard input; without one, the connection gets a key of its
    /// own, whose public half the provider fetches
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A scope to ask for besides openid; can be repeated
    #[arg(long = "scope", value_name = "SCOPE", default_values = ["profile", "email"])]
    scopes: Vec<String>,
    /// The claim that names a person at their first sign-in; never an e-mail address
    #[arg(long, value_name = "CLAIM")]
    link_claim: String,
    /// The attribute of the provisioned person that the claim equals
    #[arg(long, value_enum, value_name = "ATTRIBUTE")]
    link_to: Attribute,
    /// Where people land after signing in, and the only origin that they may be sent back to
    #[arg(long, value_name = "URL")]
    return_to: String,
    /// A JSON file with what is asked of the provider and required of its answers; what is left out is the default
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// The attributes of a person that a claim can equal.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(super) enum Attribute {
    /// The person's name in the directory, compared without case
    UserName,
    /// The directory's own id of the person, compared exactly
    ExternalId,
}

impl From<Attribute> for LinkTo {
    fn from(attribute: Attribute) -> Self {
        match attribute {
            Attribute::UserName => Self::UserName,
            Attribute::ExternalId => Self::ExternalId,
        }
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(create) => create.run(console).await,
            Self::Show(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                openid(&console.app.show_openid(&admin, &of.tenant, &slug).await?)
            }
            Self::Set(set) => set.run(console).await,
            Self::SetRules(SetRules { one, rules: file }) => {
                let (of, slug) = one.which();
                let rules = rules(&file)?;
                let admin = console.enter(&of.tenant).await?;
                openid(&console.app.set_openid_rules(&admin, &of.tenant, &slug, rules).await?)
            }
            Self::RenewKey(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                openid(&console.app.renew_client_key(&admin, &of.tenant, &slug).await?)
            }
            Self::Enforce(Enforce { of, slugs }) => {
                let admin = console.enter(&of.tenant).await?;
                let wanted = SetEnforcement { connections: slugs };
                let view = console.app.enforce_sign_in(&admin, wanted).await?;
                let only =
                    if view.connections.is_empty() { "any".to_owned() } else { view.connections.join(", ") };
                let shown = record(&[
                    ("sign in through", only),
                    ("people with a passkey", view.protected.len().to_string()),
                ]);
                Answer::new(&view, shown)
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_connections(&admin, &of.tenant).await?;
                let mut table = Table::new(&["SLUG", "NAME", "STATE", "ISSUER", "CLIENT ID", "REDIRECT URI"]);
                for view in &views {
                    table.row([
                        view.slug.clone(),
                        view.name.clone(),
                        name_of(&view.state),
                        view.issuer.clone(),
                        view.client_id.clone(),
                        view.redirect_uri.clone(),
                    ]);
                }
                Answer::new(&views, table.or("No connections yet; `usher connection create` makes one."))
            }
        }
    }
}

impl Set {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let (of, slug) = self.one.which();
        let admin = console.enter(&of.tenant).await?;
        let change = ChangeConnection {
            name: self.name,
            state: self.state.map(|state| match state {
                State::Active => ConnectionState::Active,
                State::Paused => ConnectionState::Paused,
            }),
            return_to: self.return_to,
            just_in_time: self.just_in_time.map(|whom| match whom {
                Whom::Off => JustInTime::Off,
                Whom::On => JustInTime::On,
                Whom::VerifiedDomain => JustInTime::VerifiedDomain,
            }),
            highest_role: match self.highest_role {
                None => Edit::Keep,
                Some(role) if role.is_empty() => Edit::Clear,
                Some(role) => Edit::Set(role),
            },
            domains: Some(self.domains).filter(|domains| !domains.is_empty()),
            allowed_networks: Some(self.networks).filter(|it| self.any_network || !it.is_empty()),
            scopes: Some(self.scopes).filter(|scopes| !scopes.is_empty()),
        };
        let view = console.app.change_connection(&admin, &of.tenant, &slug, change).await?;
        Answer::new(&view, common(&view))
    }
}

/// What every connection has.
fn common(view: &ConnectionView) -> String {
    let listed = |texts: Vec<String>| or_dash(Some(texts.join(", ")).filter(|text| !text.is_empty()));
    record(&[
        ("name", view.name.clone()),
        ("state", name_of(&view.state)),
        ("return to", view.return_to.clone()),
        ("makes people", name_of(&view.just_in_time)),
        ("highest role", or_dash(view.highest_role.as_deref())),
        ("domains", listed(view.domains.clone())),
        ("networks", listed(view.allowed_networks.iter().map(ToString::to_string).collect())),
    ])
}

/// What is a connection's own by OpenID Connect.
fn openid(view: &OpenIdView) -> Result<Answer, CliError> {
    let rules = serde_json::to_string(&view.rules).map_err(|error| CliError::Failed(error.to_string()))?;
    let shown = record(&[
        ("state", name_of(&view.state)),
        ("issuer", view.issuer.clone()),
        ("client id", view.client_id.clone()),
        ("scopes", or_dash(Some(view.scopes.join(" ")).filter(|text| !text.is_empty()))),
        ("rules", rules),
        ("redirect URI", view.redirect_uri.clone()),
        ("initiate login URI", view.initiate_login_uri.clone()),
        ("back-channel logout URI", view.backchannel_logout_uri.clone()),
        ("global token revocation URI", view.global_token_revocation_uri.clone()),
        ("post-logout redirect URI", view.post_logout_redirect_uri.clone()),
        ("JWKS URI", view.jwks_uri.clone().unwrap_or_else(|| "none: the connection has a secret".to_owned())),
        ("newest key signs from", or_dash(view.new_key_signs_from.map(moment))),
    ]);
    Answer::new(view, shown)
}

impl Create {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let client_secret = self.client_secret_file.as_deref().map(secret).transpose()?;
        let admin = console.enter(&self.of.tenant).await?;
        let new = NewConnection {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            directory: self.directory,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret,
            scopes: self.scopes,
            link_claim: self.link_claim,
            link_to: self.link_to.into(),
            return_to: self.return_to,
            rules: self.rules.as_deref().map(rules).transpose()?.unwrap_or_default(),
        };
        let view = console.app.create_connection(&admin, &self.of.tenant, new).await?;
        let shown = record(&[
            ("id", view.id.to_string()),
            ("slug", view.slug.clone()),
            ("name", view.name.clone()),
            ("issuer", view.issuer.clone()),
            ("client id", view.client_id.clone()),
            ("redirect URI", view.redirect_uri.clone()),
        ]);
        let more = format!("usher connection show --tenant {} {}", self.of.tenant, view.slug);
        Answer::new(
            &view,
            format!("{shown}\nRegister the redirect URI at the provider; `{more}` has the other addresses."),
        )
    }
}

/// The rules of a connection, from a JSON file.
pub(super) fn rules<T: DeserializeOwned>(file: &Path) -> Result<T, CliError> {
    let unreadable = |why: &dyn std::fmt::Display| {
        CliError::Failed(format!("The rules cannot be read from {}: {why}.", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&text).map_err(|error| unreadable(&error))
}

/// No provider's secret is longer.
const LONGEST_SECRET: u64 = 16 * 1024;

/// Reads a secret from a file, or from standard input for `-`; the line break at its end is not part of it.
fn secret(file: &Path) -> Result<String, CliError> {
    let from = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let unreadable = |error: std::io::Error| {
        CliError::Failed(format!("The client secret cannot be read from {from}: {error}."))
    };
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(LONGEST_SECRET).read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(file).map_err(unreadable)?;
        file.take(LONGEST_SECRET).read_to_string(&mut text).map_err(unreadable)?;
    }
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(CliError::Failed(format!("The client secret in {from} is empty.")));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, " s3cr3t \r\n").unwrap();

        assert_eq!(secret(&file).unwrap(), " s3cr3t ");
    }

    #[test]
    fn an_empty_or_missing_file_is_said_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        assert!(secret(&file).unwrap_err().to_string().contains("secret cannot be read"));
        std::fs::write(&file, "\n").unwrap();

        assert!(secret(&file).unwrap_err().to_string().ends_with("is empty."));
    }
}
