//! `usher role`. Knows its flags and tables; does not know what a role may say.

use std::collections::BTreeMap;
use std::str::FromStr;

use app::tenants::{ChangeRole, NewRole, RoleName, RoleView};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, name_of, record, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// All roles, the highest first, with the number of those who hold them
    List(OfTenant),
    /// One of them, with what it says of each permission
    Show(One),
    /// Make a role of the tenant's own, or bring back an example of the product that was deleted
    #[command(after_help = CREATE)]
    Create(Box<Create>),
    /// Change what a role is called and what it gives, for everybody who holds it at once
    #[command(after_help = CHANGE)]
    Change(Box<Change>),
    /// Delete a role of the tenant's own, or an example of the product
    Delete(Delete),
}

const CREATE: &str = "\
Example:
  usher role create --tenant acme night_shift --name 'Night shift' --from general --cell inbox.chats=level:all_chats";

const CHANGE: &str = "\
Examples:
  usher role change --tenant acme night_shift --cell crm.data_download=no
  usher role change --tenant acme night_shift --default";

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the role, as `list` shows it
    role: String,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Its id: up to 64 of a–z, 0–9, _ and .
    role: String,
    #[command(flatten)]
    called: Called,
    /// A role from which what is not said is taken; without one, the least that there is
    #[arg(long, value_name = "ROLE")]
    from: Option<String>,
    /// What it says of a permission: yes, no, level:… or if:…; can be repeated
    #[arg(long = "cell", value_name = "PERMISSION=CELL")]
    cells: Vec<Cell>,
    /// The product's word for a place where it is held; can be repeated
    #[arg(long = "place", value_name = "WORD")]
    places: Vec<String>,
    /// The higher rank wins where two roles compete; below those who administer
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    rank: Option<i64>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "name_ja", "name_en", "name_fr", "cells", "rank", "default"]))]
pub(super) struct Change {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    called: Called,
    /// What it says of a permission: yes, no, level:… or if:…; can be repeated
    #[arg(long = "cell", value_name = "PERMISSION=CELL")]
    cells: Vec<Cell>,
    /// The higher rank wins where two roles compete; of a role of the tenant's own
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    rank: Option<i64>,
    /// Those have it whom nothing else gives one
    #[arg(long)]
    default: bool,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    one: One,
    /// The role that takes its place wherever it is given
    #[arg(long, value_name = "ROLE")]
    replacement: Option<String>,
}

/// What people call a role.
#[derive(Debug, Args)]
struct Called {
    /// What people call it, in every language
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name_ja", "name_en", "name_fr"])]
    name: Option<String>,
    /// What they call it in Japanese
    #[arg(long, value_name = "NAME", requires = "name_en", requires = "name_fr")]
    name_ja: Option<String>,
    /// What they call it in English
    #[arg(long, value_name = "NAME", requires = "name_ja", requires = "name_fr")]
    name_en: Option<String>,
    /// What they call it in French
    #[arg(long, value_name = "NAME", requires = "name_ja", requires = "name_en")]
    name_fr: Option<String>,
}

impl Called {
    fn name(self) -> Option<RoleName> {
        let Self { name, name_ja, name_en, name_fr } = self;
        let each = name_ja.zip(name_en).zip(name_fr);
        name.map(RoleName::Same).or_else(|| each.map(|((ja, en), fr)| RoleName::Each { ja, en, fr }))
    }
}

/// What a role says of a permission as it is written on the command line.
#[derive(Debug, Clone)]
struct Cell {
    permission: String,
    says: String,
}

/// The text does not say what a role says of a permission.
#[derive(Debug, thiserror::Error)]
#[error("a cell is PERMISSION=CELL, such as crm.contacts=level:view")]
struct NoCell;

impl FromStr for Cell {
    type Err = NoCell;

    fn from_str(text: &str) -> Result<Self, NoCell> {
        let (permission, says) = text.split_once('=').ok_or(NoCell)?;
        Ok(Self { permission: permission.to_owned(), says: says.to_owned() })
    }
}

/// The cells by permission; none may be said twice.
fn cells(said: Vec<Cell>) -> Result<BTreeMap<String, String>, CliError> {
    let mut all = BTreeMap::new();
    for Cell { permission, says } in said {
        if all.insert(permission.clone(), says).is_some() {
            return Err(CliError::Failed(format!("Two cells speak of {permission:?}. Nothing was changed.")));
        }
    }
    Ok(all)
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::List(of) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_roles(&admin).await?;
                let mut table = Table::new(&["ROLE", "NAME", "ORIGIN", "RANK", "HELD BY", "DEFAULT"]);
                for view in &views {
                    table.row([
                        view.id.clone(),
                        english(&view.name).to_owned(),
                        name_of(&view.origin),
                        view.rank.to_string(),
                        view.holders.to_string(),
                        yes_no(view.default),
                    ]);
                }
                Answer::new(&views, table.or("This product has no roles."))
            }
            Self::Show(One { of, role }) => {
                let admin = console.enter(&of.tenant).await?;
                answered(&console.app.show_role(&admin, &role).await?)
            }
            Self::Create(it) => {
                let Create { of, role, called, from, cells: said, places, rank } = *it;
                let places = Some(places).filter(|places| !places.is_empty());
                let new = NewRole { id: role, name: called.name(), from, cells: cells(said)?, places, rank };
                let admin = console.enter(&of.tenant).await?;
                answered(&console.app.create_role(&admin, new).await?)
            }
            Self::Change(it) => {
                let Change { one: One { of, role }, called, cells: said, rank, default } = *it;
                let default = default.then_some(true);
                let change = ChangeRole { name: called.name(), cells: cells(said)?, rank, default };
                let admin = console.enter(&of.tenant).await?;
                answered(&console.app.change_role(&admin, &role, change).await?)
            }
            Self::Delete(Delete { one: One { of, role }, replacement }) => {
                let admin = console.enter(&of.tenant).await?;
                let affected = console.app.delete_role(&admin, &role, replacement.as_deref()).await?;
                let who = affected.map_or_else(|| "it is still being computed for whom".to_owned(), so_many);
                let said = format!("Deleted the role {role}; {who}.");
                Answer::new(&json!({"affected": affected}), said)
            }
        }
    }
}

fn answered(view: &RoleView) -> Result<Answer, CliError> {
    let mut fields = vec![
        ("id", view.id.clone()),
        ("name", english(&view.name).to_owned()),
        ("origin", name_of(&view.origin)),
        ("editable", yes_no(view.editable)),
        ("default", yes_no(view.default)),
        ("places", view.places.join(", ")),
        ("rank", view.rank.to_string()),
        ("held by", view.holders.to_string()),
    ];
    fields.extend(view.affected.map(|affected| ("affected", so_many(affected))));
    let mut table = Table::new(&["PERMISSION", "SAYS"]);
    for (permission, cell) in &view.cells {
        table.row([permission.clone(), cell.clone()]);
    }
    Answer::new(view, format!("{}\n{}", record(&fields), table.or("It says nothing of any permission.")))
}

fn english(name: &RoleName) -> &str {
    match name {
        RoleName::Same(name) | RoleName::Each { en: name, .. } => name,
    }
}

fn so_many(affected: usize) -> String {
    match affected {
        0 => "nobody may do anything else".to_owned(),
        1 => "one person may do something else now".to_owned(),
        many => format!("{many} people may do something else now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &[&str]) -> Result<BTreeMap<String, String>, CliError> {
        cells(said.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_cell_is_a_permission_and_what_is_said_of_it() {
        let all = read(&["inbox.chats=level:all_chats", "crm.export=if:own=mine"]).unwrap();

        assert_eq!(all["inbox.chats"], "level:all_chats");
        assert_eq!(all["crm.export"], "if:own=mine");
        assert!("inbox.chats".parse::<Cell>().is_err());
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        assert!(read(&["a=yes", "a=no"]).unwrap_err().to_string().contains("\"a\""));
    }
}
