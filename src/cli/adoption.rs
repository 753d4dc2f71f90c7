//! `usher adoption`. Knows its flags and tables; does not know how two people become one.

use app::people::{AdoptionDecision, DecideAdoption};
use app::provision::Slice;
use clap::{Args, Subcommand};
use domain::id::UserId;

use super::OfTenant;
use super::answer::{Answer, Table};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Who may be the same: a local person and a directory's with an address in common, in a verified domain
    List(List),
    /// They are one: the local person becomes the directory's
    Approve(Pair),
    /// They are two; they are not proposed again
    Decline(Pair),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Those who were declined instead
    #[arg(long)]
    declined: bool,
}

#[derive(Debug, Args)]
pub(super) struct Pair {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the local person
    #[arg(long, value_name = "ID")]
    local: UserId,
    /// Id of the directory's person
    #[arg(long, value_name = "ID")]
    user: UserId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::List(List { of, declined }) => {
                let admin = console.enter(&of.tenant).await?;
                let slice = Slice { offset: 0, limit: 1_000 };
                let views = console.app.list_adoptions(&admin, declined, slice).await?;
                let mut table =
                    Table::new(&["ADDRESS", "LOCAL NAME", "DIRECTORY", "NAME THERE", "LOCAL", "USER"]);
                for view in &views {
                    table.row([
                        view.address.clone(),
                        view.local_name.clone(),
                        view.directory.clone(),
                        view.user_name.clone(),
                        view.local.to_string(),
                        view.user.to_string(),
                    ]);
                }
                Answer::new(&views, table.or("Nobody."))
            }
            Self::Approve(pair) => decide(console, pair, AdoptionDecision::Approve, "Adopted.").await,
            Self::Decline(pair) => decide(console, pair, AdoptionDecision::Decline, "Declined.").await,
        }
    }
}

async fn decide(
    console: &Console,
    Pair { of, local, user }: Pair,
    decision: AdoptionDecision,
    done: &str,
) -> Result<Answer, CliError> {
    let admin = console.enter(&of.tenant).await?;
    let view = console.app.decide_adoption(&admin, DecideAdoption { local, user, decision }).await?;
    Answer::new(&view, done)
}
