//! `usher directory`. Knows its flags and tables; does not know SCIM.

use app::connections::{ChangeDirectory, DialectName, DirectoryView, NewDirectory};
use app::requests::DirectoryHealth;
use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::OfTenant;
use super::answer::{Answer, Table, moment, record, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a directory; `usher credential issue --directory` then lets it in
    #[command(after_help = "Example:\n  usher directory create --tenant acme --slug entra --name 'Entra ID'")]
    Create(Create),
    /// Say how a directory's client speaks SCIM, and whether its POST may let people in again
    #[command(after_help = "Example:\n  usher directory set --tenant acme --slug entra --dialect entra")]
    Set(Set),
    /// One directory, and the deviations from the RFCs that its client needed
    Show(Named),
    /// How its client fares: when it came last, how often it is refused, what ends soon
    Health(Named),
    /// All directories
    List(OfTenant),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Short name, unique in the tenant: lower-case letters, digits and dashes
    #[arg(long)]
    slug: String,
    /// Display name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    spoken: Spoken,
}

#[derive(Debug, Args)]
pub(super) struct Named {
    #[command(flatten)]
    of: OfTenant,
    /// The directory's short name
    #[arg(long)]
    slug: String,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    named: Named,
    /// How its client speaks; naming `auto` again forgets who was recognised
    #[arg(long, value_parser = dialects(), required_unless_present = "create_reenables")]
    dialect: Option<String>,
    /// Whether a POST with the externalId of somebody who is there and inactive lets them in again
    #[arg(long, value_name = "true|false")]
    create_reenables: Option<bool>,
}

#[derive(Debug, Args)]
struct Spoken {
    /// How its client speaks: `auto` recognises it, `rfc` and `interop` let nothing pass
    #[arg(long, default_value = "auto", value_parser = dialects())]
    dialect: String,
}

fn dialects() -> PossibleValuesParser {
    PossibleValuesParser::new(DialectName::ALL.map(DialectName::as_str))
}

/// The parser above lets no other name through.
fn dialect(name: &str) -> DialectName {
    DialectName::parse(name).unwrap_or_default()
}

fn shown(view: &DirectoryView) -> String {
    record(&[
        ("id", view.id.to_string()),
        ("slug", view.slug.clone()),
        ("name", view.name.clone()),
        ("dialect", view.dialect.as_str().to_owned()),
        ("detected", detected(view)),
        ("create re-enables", yes_no(view.create_reenables)),
        ("created", moment(view.created_at)),
    ])
}

fn fares(health: &DirectoryHealth) -> String {
    let when = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), moment);
    let warnings: Vec<String> = health.warnings.iter().map(|warning| format!("{warning:?}")).collect();
    let head = record(&[
        ("directory", health.directory.directory.slug.clone()),
        ("warnings", if warnings.is_empty() { "-".to_owned() } else { warnings.join(", ") }),
        ("last request", when(health.last_request_at)),
        ("last success", when(health.last_success_at)),
        (
            "credentials",
            health.credentials.iter().filter(|credential| !credential.expired).count().to_string(),
        ),
    ]);
    let mut table = Table::new(&["KIND", "REQUESTS (24 H)", "REFUSED", "FAILED"]);
    for kind in &health.day.kinds {
        table.row([
            kind.kind.clone(),
            kind.requests.to_string(),
            kind.refused.to_string(),
            kind.failed.to_string(),
        ]);
    }
    format!("{head}\n\n{}", table.or("Nothing was asked in the last 24 hours."))
}

fn detected(view: &DirectoryView) -> String {
    let by = view.detected_by.as_deref().unwrap_or_default();
    view.detected_dialect.map_or_else(|| "-".to_owned(), |found| format!("{} (by {by})", found.as_str()))
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(Create { of, slug, name, spoken }) => {
                let admin = console.enter(&of.tenant).await?;
                let new = NewDirectory { slug, name, dialect: dialect(&spoken.dialect) };
                let view = console.app.create_directory(&admin, new).await?;
                Answer::new(&view, shown(&view))
            }
            Self::Set(Set { named: Named { of, slug }, dialect: name, create_reenables }) => {
                let admin = console.enter(&of.tenant).await?;
                let change = ChangeDirectory { dialect: name.as_deref().map(dialect), create_reenables };
                let view = console.app.change_directory(&admin, &slug, change).await?;
                Answer::new(&view, shown(&view))
            }
            Self::Show(Named { of, slug }) => {
                let admin = console.enter(&of.tenant).await?;
                let details = console.app.show_directory(&admin, &slug).await?;
                let mut table = Table::new(&["LENIENCY", "USES", "LAST USED"]);
                for used in &details.leniencies {
                    table.row([used.leniency.clone(), used.uses.to_string(), moment(used.last_used_at)]);
                }
                let table = table.or("Its client needed no leniency.");
                Answer::new(&details, format!("{}\n\n{table}", shown(&details.directory)))
            }
            Self::Health(Named { of, slug }) => {
                let admin = console.enter(&of.tenant).await?;
                let health = console.app.directory_health(&admin, &slug).await?;
                Answer::new(&health, fares(&health))
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_directories(&admin).await?;
                let mut table = Table::new(&["SLUG", "NAME", "DIALECT", "DETECTED", "CREATED"]);
                for view in &views {
                    let dialect = view.dialect.as_str().to_owned();
                    let row = [
                        view.slug.clone(),
                        view.name.clone(),
                        dialect,
                        detected(view),
                        moment(view.created_at),
                    ];
                    table.row(row);
                }
                Answer::new(&views, table.or("No directories yet; `usher directory create` makes one."))
            }
        }
    }
}
