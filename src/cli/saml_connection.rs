//! `usher saml-connection`. Knows its flags and tables; does not know SAML.

use std::path::PathBuf;

use app::connections::{ChangeSamlConnection, NewSamlConnection, SamlConnectionView};
use app::login::SamlRules;
use clap::{Args, Subcommand};

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, or_dash, record};
use super::connection::{Attribute, One, rules};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a connection to an identity provider that speaks SAML
    #[command(after_help = EXAMPLE)]
    Create(Box<Create>),
    /// One connection: what to register at the provider, its certificates, our keys
    Show(One),
    /// Give the provider's metadata again, where it publishes none
    SetMetadata(SetMetadata),
    /// Replace what the provider is held to; `show` with --json has the rules as they are
    SetRules(SetRules),
    /// Look at the provider's metadata now
    Refresh(One),
    /// Let a certificate count that waits
    Approve(Certificate),
    /// Take a certificate away
    Remove(Certificate),
    /// Make and publish the key that will replace the current one
    AnnounceKey(One),
    /// Sign with the next key from now on
    SwitchKey(One),
    /// Take the former key away
    RetireKey(One),
    /// When certificates and keys end, the next first
    Calendar(OfTenant),
}

const EXAMPLE: &str = "\
Example:
  usher saml-connection create --tenant acme --slug adfs --link-claim sub --link-to userName \\
      --metadata-url https://adfs.example/FederationMetadata/2007-06/FederationMetadata.xml \\
      --return-to https://app.example";

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Short name, unique in the tenant, part of our addresses: lower-case letters, digits and dashes
    #[arg(long)]
    slug: String,
    /// Display name; without it the slug
    #[arg(long)]
    name: Option<String>,
    /// The directory whose people sign in here; may be left out when the tenant has one
    #[arg(long, value_name = "SLUG")]
    directory: Option<String>,
    /// Where the provider publishes its metadata
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "metadata_file",
        required_unless_present = "metadata_file"
    )]
    metadata_url: Option<String>,
    /// A file with its metadata, where it publishes none
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// The provider's entity id, where the metadata describes several
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
    /// The attribute that names a person at their first sign-in, or sub: what names them at every sign-in
    #[arg(long, value_name = "NAME")]
    link_claim: String,
    /// The attribute of the provisioned person that it equals
    #[arg(long, value_enum, value_name = "ATTRIBUTE")]
    link_to: Attribute,
    /// Where people land after signing in, and the only origin that they may be sent back to
    #[arg(long, value_name = "URL")]
    return_to: String,
    /// The format of the name identifier; without it, persistent
    #[arg(long, value_name = "URI", conflicts_with = "subject_attribute")]
    name_id_format: Option<String>,
    /// The attribute that names people instead of the name identifier
    #[arg(long, value_name = "NAME")]
    subject_attribute: Option<String>,
    /// Let people come from the provider's own pages, without having been sent there
    #[arg(long)]
    allow_unsolicited: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetRules {
    #[command(flatten)]
    which: One,
    /// A JSON file; what is left out is the default
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct SetMetadata {
    #[command(flatten)]
    which: One,
    /// The file with the metadata
    #[arg(long, value_name = "FILE")]
    metadata_file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Certificate {
    #[command(flatten)]
    which: One,
    /// SHA-256 of the certificate, in hexadecimal digits
    #[arg(long)]
    fingerprint: String,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let app = &console.app;
        match self {
            Self::Create(create) => create.run(console).await,
            Self::Show(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                shown(&app.show_saml_connection(&admin, &of.tenant, &slug).await?)
            }
            Self::SetMetadata(SetMetadata { which: one, metadata_file }) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                let metadata = Some(metadata(&metadata_file)?);
                let change = ChangeSamlConnection { rules: None, metadata_url: None, metadata };
                shown(&app.change_saml_connection(&admin, &of.tenant, &slug, change).await?)
            }
            Self::SetRules(SetRules { which: one, rules: file }) => {
                let (of, slug) = one.which();
                let rules = Some(rules(&file)?);
                let admin = console.enter(&of.tenant).await?;
                let change = ChangeSamlConnection { rules, metadata_url: None, metadata: None };
                shown(&app.change_saml_connection(&admin, &of.tenant, &slug, change).await?)
            }
            Self::Refresh(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                shown(&app.refresh_saml_connection(&admin, &of.tenant, &slug).await?)
            }
            Self::Approve(Certificate { which: one, fingerprint }) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                shown(&app.approve_certificate(&admin, &of.tenant, (&slug, &fingerprint)).await?)
            }
            Self::Remove(Certificate { which: one, fingerprint }) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                app.remove_certificate(&admin, (&slug, &fingerprint)).await?;
                shown(&app.show_saml_connection(&admin, &of.tenant, &slug).await?)
            }
            Self::AnnounceKey(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                shown(&app.announce_saml_key(&admin, &of.tenant, &slug).await?)
            }
            Self::SwitchKey(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                shown(&app.switch_saml_key(&admin, &of.tenant, &slug).await?)
            }
            Self::RetireKey(one) => {
                let (of, slug) = one.which();
                let admin = console.enter(&of.tenant).await?;
                shown(&app.retire_saml_key(&admin, &of.tenant, &slug).await?)
            }
            Self::Calendar(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = app.certificate_calendar(&admin).await?;
                let mut table = Table::new(&["ENDS", "DAYS LEFT", "CONNECTION", "WHAT", "STATE", "SHA-256"]);
                for view in &views {
                    table.row([
                        moment(view.expires_at),
                        view.days_left.to_string(),
                        view.connection.clone(),
                        view.kind.clone(),
                        view.state.clone(),
                        view.fingerprint.clone(),
                    ]);
                }
                Answer::new(&views, table.or("No connections by SAML yet."))
            }
        }
    }
}

impl Create {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let admin = console.enter(&self.of.tenant).await?;
        let mut rules = SamlRules { allow_unsolicited: self.allow_unsolicited, ..SamlRules::default() };
        rules.subject_attribute = self.subject_attribute;
        if let Some(format) = self.name_id_format {
            rules.name_id_format = format;
        }
        let new = NewSamlConnection {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            directory: self.directory,
            metadata_url: self.metadata_url,
            metadata: self.metadata_file.as_ref().map(metadata).transpose()?,
            entity_id: self.entity_id,
            link_claim: self.link_claim,
            link_to: self.link_to.into(),
            return_to: self.return_to,
            rules,
        };
        shown(&console.app.create_saml_connection(&admin, &self.of.tenant, new).await?)
    }
}

fn metadata(file: &PathBuf) -> Result<String, CliError> {
    std::fs::read_to_string(file).map_err(|error| {
        CliError::Failed(format!("The metadata cannot be read from {}: {error}.", file.display()))
    })
}

fn shown(view: &SamlConnectionView) -> Result<Answer, CliError> {
    let connection = &view.connection;
    let facts = record(&[
        ("id", connection.id.to_string()),
        ("slug", connection.slug.clone()),
        ("name", connection.name.clone()),
        ("state", name_of(&connection.state)),
        ("provider", connection.issuer.clone()),
        ("our entity id", connection.client_id.clone()),
        ("our metadata", view.metadata_address.clone()),
        ("answers go to", connection.redirect_uri.clone()),
        ("logout goes to", view.logout_address.clone()),
        ("metadata from", or_dash(view.source.as_ref().map(|source| source.url.clone()))),
        ("last failure", or_dash(view.source.as_ref().and_then(|source| source.failure.clone()))),
    ]);
    let mut table = Table::new(&["WHAT", "STATE", "ENDS", "LAST USED", "SHA-256"]);
    for it in &view.certificates {
        let used = or_dash(it.last_used_at.map(moment));
        table.row([
            "certificate".to_owned(),
            it.state.clone(),
            moment(it.expires_at),
            used,
            it.fingerprint.clone(),
        ]);
    }
    for it in &view.keys {
        let row = [
            "our key".to_owned(),
            it.state.clone(),
            moment(it.expires_at),
            "-".to_owned(),
            it.fingerprint.clone(),
        ];
        table.row(row);
    }
    Answer::new(view, format!("{facts}\n{}", table.or("")))
}
