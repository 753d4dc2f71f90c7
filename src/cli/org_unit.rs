//! `usher org-unit`. Knows its flags and tables; does not know the rules of the tree.

use app::tenants::NewOrgUnit;
use clap::{Args, Subcommand};

use super::OfTenant;
use super::answer::{Answer, Table, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a unit; the first one, without a parent, is the top
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// The organisation
    List(OfTenant),
}

const EXAMPLES: &str = "\
Examples:
  usher org-unit create --tenant acme --key acme --name Acme
  usher org-unit create --tenant acme --key sales --name Sales --parent acme";

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// The name that mapping rules and directories use, unique in the tenant
    #[arg(long)]
    key: String,
    /// Display name
    #[arg(long)]
    name: String,
    /// Key of the unit above
    #[arg(long, value_name = "KEY")]
    parent: Option<String>,
    /// Which of the product's kinds of unit it is, where the product has several
    #[arg(long)]
    kind: Option<String>,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(Create { of, key, name, parent, kind }) => {
                let admin = console.enter(&of.tenant).await?;
                let above = or_dash(parent.as_ref());
                let view =
                    console.app.create_org_unit(&admin, NewOrgUnit { key, name, parent, kind }).await?;
                let shown = record(&[
                    ("id", view.id.to_string()),
                    ("key", view.key.clone()),
                    ("name", view.name.clone()),
                    ("parent", above),
                ]);
                Answer::new(&view, shown)
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_org_units(&admin).await?;
                let mut table = Table::new(&["KEY", "NAME", "PARENT", "DEPTH"]);
                for view in &views {
                    let above = views.iter().find(|above| Some(above.id) == view.parent);
                    table.row([
                        view.key.clone(),
                        view.name.clone(),
                        or_dash(above.map(|above| &above.key)),
                        view.depth.to_string(),
                    ]);
                }
                Answer::new(
                    &views,
                    table.or("No org units yet; `usher org-unit create` makes the top one first."),
                )
            }
        }
    }
}
