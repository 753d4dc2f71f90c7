//! `usher schema-extension`. Knows its flags and files; does not know when a declaration is sound.

use std::path::PathBuf;

use app::AppError;
use app::tenants::{DeclareExtension, ExtensionView};
use clap::{Args, Subcommand};
use domain::id::SchemaExtensionId;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Declare an extension, or declare it anew: the file is what the API takes, as JSON
    #[command(after_help = EXAMPLE)]
    Declare(Declare),
    /// All extensions
    List(OfTenant),
    /// Withdraw an extension that nobody has values of
    Withdraw(Withdraw),
}

const EXAMPLE: &str = r#"Example:
  usher schema-extension declare --tenant acme --file workplace.json

  {"resourceType": "User", "urn": "urn:acme:params:scim:schemas:extension:workplace:2.0:User", "name": "Workplace",
   "attributes": [{"name": "badge", "type": "string", "required": true, "caseExact": true}]}"#;

#[derive(Debug, Args)]
pub(super) struct Declare {
    #[command(flatten)]
    of: OfTenant,
    /// The declaration
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Withdraw {
    #[command(flatten)]
    of: OfTenant,
    /// The extension's id, as `list` shows it
    id: SchemaExtensionId,
}

fn shown(view: &ExtensionView) -> String {
    record(&[
        ("id", view.id.to_string()),
        ("urn", view.urn.clone()),
        ("name", view.name.clone()),
        ("extends", view.resource_type.as_str().to_owned()),
        ("attributes", names(view)),
        ("declared", moment(view.created_at)),
        ("changed", moment(view.updated_at)),
    ])
}

fn names(view: &ExtensionView) -> String {
    let names: Vec<&str> = view.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    names.join(", ")
}

impl Declare {
    fn declaration(&self) -> Result<DeclareExtension, AppError> {
        let said = |why: String| AppError::Invalid(format!("{}: {why}", self.file.display()));
        let text = std::fs::read_to_string(&self.file).map_err(|error| said(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| said(error.to_string()))
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Declare(declare) => {
                let admin = console.enter(&declare.of.tenant).await?;
                let new = declare.declaration()?;
                let there = console.app.list_extensions(&admin).await?;
                let view = match there.iter().find(|view| view.urn == new.urn) {
                    Some(there) => console.app.redeclare_extension(&admin, there.id, new).await?,
                    None => console.app.declare_extension(&admin, new).await?,
                };
                Answer::new(&view, shown(&view))
            }
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_extensions(&admin).await?;
                let mut table = Table::new(&["URN", "EXTENDS", "ATTRIBUTES", "ID"]);
                for view in &views {
                    let extends = view.resource_type.as_str().to_owned();
                    table.row([view.urn.clone(), extends, names(view), view.id.to_string()]);
                }
                Answer::new(
                    &views,
                    table.or("No extensions yet; `usher schema-extension declare` makes one."),
                )
            }
            Self::Withdraw(Withdraw { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.withdraw_extension(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Withdrew the extension {id}."))
            }
        }
    }
}
