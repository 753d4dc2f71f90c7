//! `usher directory`. Knows its flags and tables; does not know SCIM.

use app::connections::NewDirectory;
use clap::{Args, Subcommand};

use super::OfTenant;
use super::answer::{Answer, Table, moment, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a directory; `usher credential issue --directory` then lets it in
    #[command(after_help = "Example:\n  usher directory create --tenant acme --slug entra --name 'Entra ID'")]
    Create(Create),
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
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(Create { of, slug, name }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.create_directory(&admin, NewDirectory { slug, name }).await?;
                let shown = record(&[
                    ("id", view.id.to_string()),
                    ("slug", view.slug.clone()),
                    ("name", view.name.clone()),
                    ("created", moment(view.created_at)),
                ]);
                Answer::new(&view, shown)
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_directories(&admin).await?;
                let mut table = Table::new(&["SLUG", "NAME", "CREATED"]);
                for view in &views {
                    table.row([view.slug.clone(), view.name.clone(), moment(view.created_at)]);
                }
                Answer::new(&views, table.or("No directories yet; `usher directory create` makes one."))
            }
        }
    }
}
