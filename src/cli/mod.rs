//! The command line. Knows verbs, flags and how answers are printed; does not know SQL or HTTP.
//!
//! One file per noun. A command that looks at or changes a tenant runs the same use case as the API does, on the
//! database itself: whoever may read its configuration is the operator. An answer goes to standard output, as a table
//! for people or, with `--json`, as what the API would answer; everything else goes to standard error.
//!
//! Exit status: 0 done, 1 not done (a sentence on standard error says why and what to do), 2 the command was misspelt.

mod access;
mod adoption;
mod answer;
mod audit;
mod change_set;
mod check_config;
mod connection;
mod console;
mod credential;
mod directory;
mod domain;
mod error;
mod external;
mod gate;
mod guard;
mod handover;
mod invitation;
mod mapping_rule;
mod migrate;
mod oauth_client;
mod org_unit;
mod passkey;
mod product_app;
mod receiver;
mod request;
mod role;
mod saml_connection;
mod schema_extension;
mod seat_pool;
mod serve;
mod session;
mod signals;
mod tenant;
mod token_issuer;
mod trial;
mod user;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, LogConfig, LogLevel};
use crate::system::SystemEntropy;
use crate::telemetry;
use answer::Answer;
use console::Console;
use error::CliError;

/// SCIM 2.0 provisioning and single sign-on gateway
#[derive(Debug, Parser)]
#[command(name = "usher", version, after_help = FIRST_STEPS)]
struct Cli {
    /// The configuration file; without it usher.toml in the current folder, if there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

const FIRST_STEPS: &str = "\
Without database.url in the configuration, Usher keeps a Postgres of its own in database.data_dir. Every key can also
be given as a variable: USHER_HTTP_LISTEN is listen in [http].

First steps:
  usher serve                                    in one terminal; in another:
  usher tenant create --slug acme --name Acme --blueprint bellface
  usher org-unit create --tenant acme --key acme --name Acme
  usher directory create --tenant acme --slug entra --name 'Entra ID'
  usher credential issue --tenant acme --directory entra
  usher seat-pool set --tenant acme --purchased 100";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve SCIM, sign-in and the API until a signal ends it
    Serve,
    /// Check the configuration and print what is in effect, secrets masked
    CheckConfig,
    /// Bring the database to this version
    #[command(after_help = migrate::EXAMPLE)]
    Migrate,
    #[command(flatten)]
    Noun(Noun),
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// The customers
    #[command(subcommand)]
    Tenant(tenant::Verb),
    /// A tenant's organisation, a tree
    #[command(subcommand)]
    OrgUnit(org_unit::Verb),
    /// A tenant's workspaces
    #[command(subcommand)]
    Workspace(workspace::Verb),
    /// What pushes people and groups over SCIM
    #[command(subcommand)]
    Directory(directory::Verb),
    /// What directories asked, and what came of it
    #[command(subcommand)]
    Request(request::Verb),
    /// Bearer tokens, of directories, of administrators, of operators
    #[command(subcommand)]
    Credential(credential::Verb),
    /// Programs that fetch their own access tokens for a directory
    #[command(subcommand)]
    OauthClient(oauth_client::Verb),
    /// The product's apps, which sign people in through Usher
    #[command(subcommand)]
    App(product_app::Verb),
    /// Proxies that ask for each request whether it may pass
    #[command(subcommand)]
    Gate(gate::Verb),
    /// Whose access tokens directories believe
    #[command(subcommand)]
    TokenIssuer(token_issuer::Verb),
    /// Where people sign in
    #[command(subcommand)]
    Connection(connection::Verb),
    /// People who are invited
    #[command(subcommand)]
    Invitation(invitation::Verb),
    /// People of other companies
    #[command(subcommand)]
    External(external::Verb),
    /// How local people sign in when the identity provider does not work
    #[command(subcommand)]
    Passkey(passkey::Verb),
    /// Who is signed in
    #[command(subcommand)]
    Session(session::Verb),
    /// Sign-ins that an administrator tries out
    #[command(subcommand)]
    Trial(trial::Verb),
    /// Who follows a tenant, and what they were sent
    #[command(subcommand)]
    Receiver(receiver::Verb),
    /// Connections to identity providers that speak SAML
    #[command(subcommand)]
    SamlConnection(saml_connection::Verb),
    /// From what a directory says to what a person gets
    #[command(subcommand)]
    MappingRule(mapping_rule::Verb),
    /// The product's roles, what a tenant changed of them, and its own
    #[command(subcommand)]
    Role(role::Verb),
    /// Several changes of rules, roles, org units or the blueprint, shown before they are made
    #[command(subcommand)]
    ChangeSet(change_set::Verb),
    /// What a tenant's people and groups may hold besides
    #[command(subcommand)]
    SchemaExtension(schema_extension::Verb),
    /// How many seats a tenant bought, and who waits
    #[command(subcommand)]
    SeatPool(seat_pool::Verb),
    /// What a person may do, and why
    #[command(subcommand)]
    Access(access::Verb),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::Verb),
    /// People: whom directories pushed, and the local ones
    #[command(subcommand)]
    User(user::Verb),
    /// Domains of e-mail addresses that a tenant proves to be its own
    #[command(subcommand)]
    Domain(domain::Verb),
    /// What keeps a tenant from an accident
    #[command(subcommand)]
    Guard(guard::Verb),
    /// What leavers leave behind, until the product has handed it over
    #[command(subcommand)]
    Handover(handover::Verb),
    /// Local people who may be people whom a directory manages
    #[command(subcommand)]
    Adoption(adoption::Verb),
}

/// Which tenant a command is about.
#[derive(Debug, Args)]
struct OfTenant {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG")]
    tenant: String,
}

/// Runs the command that `arguments` spell, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(misspelt) => {
            // A closed terminal has nobody to tell; the status says it all the same.
            misspelt.print().ok();
            return if misspelt.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let json = cli.json;
    let done = obey(cli).and_then(|answer| match answer {
        Some(answer) => answer.print(json),
        None => Ok(()),
    });
    telemetry::flush();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            answer::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn obey(cli: Cli) -> Result<Option<Answer>, CliError> {
    let mut config = Config::load(cli.config.as_deref())?;
    match cli.verb {
        Verb::CheckConfig => check_config::run(&config).map(Some),
        Verb::Serve => {
            telemetry::init(&config.log)?;
            config.ensure_secrets(&SystemEntropy)?;
            serve::run(&config, cli.json).map(|()| None)
        }
        Verb::Migrate => {
            telemetry::init(&quiet(&config.log))?;
            migrate::run(&config).map(Some)
        }
        Verb::Noun(noun) => {
            telemetry::init(&quiet(&config.log))?;
            config.ensure_secrets(&SystemEntropy)?;
            console::with(&config, async |console| Box::pin(noun.run(console)).await).map(Some)
        }
    }
}

/// A command answers on standard output and is otherwise silent, unless something is wrong.
fn quiet(log: &LogConfig) -> LogConfig {
    let level = match log.level {
        LogLevel::Error => LogLevel::Error,
        LogLevel::Warn | LogLevel::Info | LogLevel::Debug | LogLevel::Trace => LogLevel::Warn,
    };
    LogConfig { level, ..log.clone() }
}

impl Noun {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Tenant(verb) => verb.run(console).await,
            Self::OrgUnit(verb) => verb.run(console).await,
            Self::Workspace(verb) => verb.run(console).await,
            Self::Directory(verb) => verb.run(console).await,
            Self::Request(verb) => verb.run(console).await,
            Self::Credential(verb) => verb.run(console).await,
            Self::OauthClient(verb) => verb.run(console).await,
            Self::App(verb) => verb.run(console).await,
            Self::Gate(verb) => verb.run(console).await,
            Self::TokenIssuer(verb) => verb.run(console).await,
            Self::Connection(verb) => verb.run(console).await,
            Self::Invitation(verb) => verb.run(console).await,
            Self::External(verb) => verb.run(console).await,
            Self::Passkey(verb) => verb.run(console).await,
            Self::Session(verb) => verb.run(console).await,
            Self::Trial(verb) => verb.run(console).await,
            Self::Receiver(verb) => verb.run(console).await,
            Self::SamlConnection(verb) => verb.run(console).await,
            Self::MappingRule(verb) => verb.run(console).await,
            Self::Role(verb) => verb.run(console).await,
            Self::ChangeSet(verb) => verb.run(console).await,
            Self::SchemaExtension(verb) => verb.run(console).await,
            Self::SeatPool(verb) => verb.run(console).await,
            Self::Access(verb) => verb.run(console).await,
            Self::Audit(verb) => verb.run(console).await,
            Self::User(verb) => verb.run(console).await,
            Self::Domain(verb) => verb.run(console).await,
            Self::Handover(verb) => verb.run(console).await,
            Self::Adoption(verb) => verb.run(console).await,
            Self::Guard(verb) => verb.run(console).await,
        }
    }
}

#[cfg(test)]
mod tests;
