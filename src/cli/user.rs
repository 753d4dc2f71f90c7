//! `usher user`. Knows its flags and tables, and how a person is named at a terminal; does not know SCIM.

use app::AdminScope;
use app::provision::Slice;
use clap::{Args, Subcommand};
use domain::id::UserId;

use super::OfTenant;
use super::answer::{Answer, Table, or_dash, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// A tenant's people
    #[command(after_help = "Example:\n  usher user list --tenant acme --user-name hana")]
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Only who has this name in a directory
    #[arg(long, value_name = "NAME")]
    user_name: Option<String>,
    /// How many to pass over
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    offset: i64,
    /// How many to show
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self::List(List { of, user_name, offset, limit }) = self;
        let admin = console.enter(&of.tenant).await?;
        let views = console.app.list_people(&admin, user_name.as_deref(), Slice { offset, limit }).await?;
        let mut table = Table::new(&["USER NAME", "NAME", "ACTIVE", "ID"]);
        for view in &views {
            table.row([
                view.user_name.clone(),
                or_dash(view.display_name.as_ref()),
                yes_no(view.active),
                view.id.to_string(),
            ]);
        }
        Answer::new(&views, table.or("Nobody."))
    }
}

/// The person whom an id names, or the one who has the name.
pub(super) async fn find(console: &Console, admin: &AdminScope, named: &str) -> Result<UserId, CliError> {
    if let Ok(id) = named.parse::<UserId>() {
        return Ok(id);
    }
    let found = console.app.list_people(admin, Some(named), Slice { offset: 0, limit: 10 }).await?;
    match found.as_slice() {
        [only] => Ok(only.id),
        [] => Err(CliError::Failed(format!(
            "Nobody in this tenant has the user name {named:?}. `usher user list` shows who is there."
        ))),
        several => Err(CliError::Failed(format!(
            "Several directories have somebody called {named:?}; name one by id: {}.",
            several.iter().map(|person| person.id.to_string()).collect::<Vec<_>>().join(", ")
        ))),
    }
}
