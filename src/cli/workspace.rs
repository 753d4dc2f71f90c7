//! `usher workspace`. Knows its flags and tables; does not know what a workspace holds.

use app::tenants::NewWorkspace;
use clap::{Args, Subcommand};

use super::OfTenant;
use super::answer::{Answer, Table, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a workspace
    #[command(
        after_help = "Example:\n  usher workspace create --tenant acme --key emea --name EMEA --org-unit sales"
    )]
    Create(Create),
    /// All workspaces
    List(OfTenant),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Short name, unique in the tenant: lower-case letters, digits and dashes
    #[arg(long)]
    key: String,
    /// Display name
    #[arg(long)]
    name: String,
    /// Key of the org unit that it belongs to
    #[arg(long, value_name = "KEY")]
    org_unit: Option<String>,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(Create { of, key, name, org_unit }) => {
                let admin = console.enter(&of.tenant).await?;
                let belongs_to = or_dash(org_unit.as_ref());
                let view = console.app.create_workspace(&admin, NewWorkspace { key, name, org_unit }).await?;
                let shown = record(&[
                    ("id", view.id.to_string()),
                    ("key", view.key.clone()),
                    ("name", view.name.clone()),
                    ("org unit", belongs_to),
                ]);
                Answer::new(&view, shown)
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_workspaces(&admin).await?;
                let units = console.app.list_org_units(&admin).await?;
                let mut table = Table::new(&["KEY", "NAME", "ORG UNIT"]);
                for view in &views {
                    let unit = units.iter().find(|unit| Some(unit.id) == view.org_unit);
                    table.row([view.key.clone(), view.name.clone(), or_dash(unit.map(|unit| &unit.key))]);
                }
                Answer::new(&views, table.or("No workspaces yet; `usher workspace create` makes one."))
            }
        }
    }
}
