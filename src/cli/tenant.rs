//! `usher tenant`. Knows its flags and tables; does not know what a tenant is made of.

use app::tenants::{NewTenant, TenantView};
use clap::{Args, Subcommand};

use super::answer::{Answer, Table, moment, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a tenant
    #[command(after_help = "Example:\n  usher tenant create --slug acme --name Acme --blueprint bellface")]
    Create(Create),
    /// All tenants
    List,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Short name in addresses and commands: lower-case letters, digits and dashes
    #[arg(long)]
    slug: String,
    /// Display name
    #[arg(long)]
    name: String,
    /// The product whose roles and rules apply, by its id in the catalogue
    #[arg(long, value_name = "ID")]
    blueprint: String,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let operator = console.operator();
        match self {
            Self::Create(Create { slug, name, blueprint }) => {
                console.app.install_blueprints().await?;
                let new = NewTenant { slug, name, blueprint };
                let view = console.app.create_tenant(&operator, new).await?;
                Answer::new(&view, shown(&view))
            }
            Self::List => {
                let views = console.app.list_tenants(&operator).await?;
                let mut table = Table::new(&["SLUG", "NAME", "BLUEPRINT", "CREATED"]);
                for view in &views {
                    table.row([
                        view.slug.clone(),
                        view.name.clone(),
                        view.blueprint.clone(),
                        moment(view.created_at),
                    ]);
                }
                Answer::new(&views, table.or("No tenants yet; `usher tenant create` makes one."))
            }
        }
    }
}

fn shown(view: &TenantView) -> String {
    record(&[
        ("id", view.id.to_string()),
        ("slug", view.slug.clone()),
        ("name", view.name.clone()),
        ("blueprint", view.blueprint.clone()),
        ("created", moment(view.created_at)),
    ])
}
