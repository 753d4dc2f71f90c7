//! `usher trial`. Knows its flags and what a report shows; does not know the checks.

use app::login::TrialView;
use clap::{Args, Subcommand};
use domain::id::TrialId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Try a connection out, also one that is paused: an address to sign in at, which signs nobody in
    #[command(after_help = "Example:\n  usher trial begin --tenant acme entra")]
    Begin(Begin),
    /// What came of a trial, check by check
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Begin {
    #[command(flatten)]
    of: OfTenant,
    /// The connection's short name
    connection: String,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    begun: Begin,
    /// Id of the trial
    trial: TrialId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Begin(Begin { of, connection }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.begin_trial(&admin, &of.tenant, &connection).await?;
                let then = format!("usher trial show --tenant {} {connection} {}", of.tenant, view.id);
                let shown = record(&[("id", view.id.to_string()), ("address", view.address.clone())]);
                Answer::new(
                    &view,
                    format!("{shown}\nSign in there within an hour; `{then}` then says what came of it."),
                )
            }
            Self::Show(Show { begun: Begin { of, connection }, trial }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.show_trial(&admin, &of.tenant, &connection, trial).await?;
                let text = report(&view);
                Answer::new(&view, text)
            }
        }
    }
}

fn report(view: &TrialView) -> String {
    let came_to = match view.passed {
        Some(true) => "they would have been let in".to_owned(),
        Some(false) => format!("refused: {}", view.code.as_deref().unwrap_or("-")),
        None => "nobody has come back from the identity provider yet".to_owned(),
    };
    let head = record(&[
        ("came to", came_to),
        ("begun", moment(view.started_at)),
        ("finished", or_dash(view.finished_at.map(moment))),
    ]);
    let mut table = Table::new(&["CHECK", "VERDICT", "WHY"]);
    for check in &view.checks {
        table.row([name_of(&check.check), name_of(&check.verdict), or_dash(check.detail.as_deref())]);
    }
    format!("{head}\n{}", table.or("No check was made."))
}
