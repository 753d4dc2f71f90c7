//! `usher handover`. Knows its flags and tables; does not know when something is handed over.

use app::handovers::{
    ByDirectory, HandoverOutcome, HandoverQuery, HandoverView, RedirectHandover, ReportHandover,
    SetHandoverPolicy,
};
use clap::{Args, Subcommand, ValueEnum};
use domain::id::{HandoverId, UserId};

use super::OfTenant;
use super::answer::{Answer, Table, moment, name_of, or_dash, record};
use super::console::Console;
use super::error::CliError;
use super::user::Page;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// What leavers have left, the newest first
    List(List),
    /// One of them
    Show(One),
    /// Tell the product again, at once
    Retry(One),
    /// Let somebody else have it, or nobody
    Redirect(Redirect),
    /// Say what came of it, in the product's place
    Report(Report),
    /// To whom things go when an identity provider takes somebody away
    Policy(OfTenant),
    /// Decide that
    #[command(
        after_help = "Example:\n  usher handover set-policy --tenant acme --by-directory manager --grace-minutes 30"
    )]
    SetPolicy(SetPolicy),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Those in this state: open, done, failed or cancelled
    #[arg(long)]
    state: Option<String>,
    /// Those of this person
    #[arg(long, value_name = "ID")]
    user: Option<UserId>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the handover
    handover: HandoverId,
}

#[derive(Debug, Args)]
pub(super) struct Redirect {
    #[command(flatten)]
    one: One,
    /// Somebody active who has a role at the place; nobody without
    #[arg(long, value_name = "ID")]
    to: Option<UserId>,
}

#[derive(Debug, Args)]
pub(super) struct Report {
    #[command(flatten)]
    one: One,
    /// What came of it
    #[arg(long, value_enum)]
    outcome: Outcome,
    /// In words
    #[arg(long, value_name = "TEXT")]
    answer: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Outcome {
    /// It is handed over
    Done,
    /// It cannot be handed over
    Failed,
}

#[derive(Debug, Args)]
pub(super) struct SetPolicy {
    #[command(flatten)]
    of: OfTenant,
    /// To whom things go
    #[arg(long, value_enum)]
    by_directory: To,
    /// The person, if they go to one
    #[arg(long, value_name = "ID")]
    person: Option<UserId>,
    /// How many minutes an identity provider's word is waited with
    #[arg(long, value_name = "MINUTES")]
    grace_minutes: Option<i32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// To nobody
    Unassign,
    /// To the manager whom the directory names
    Manager,
    /// To one person
    Person,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::List(List { of, state, user, page }) => {
                let admin = console.enter(&of.tenant).await?;
                let query = HandoverQuery { state: state.as_deref(), user };
                let views = console.app.list_handovers(&admin, query, page.slice()).await?;
                let mut table = Table::new(&["PERSON", "THING", "STATE", "TO", "DUE", "ID"]);
                for view in &views {
                    table.row([
                        view.user.to_string(),
                        view.thing.clone(),
                        view.state.clone(),
                        or_dash(view.to),
                        or_dash(view.due_at.map(moment)),
                        view.id.to_string(),
                    ]);
                }
                Answer::new(&views, table.or("Nobody has left anything."))
            }
            Self::Show(One { of, handover }) => {
                let admin = console.enter(&of.tenant).await?;
                answered(&console.app.show_handover(&admin, handover).await?)
            }
            Self::Retry(One { of, handover }) => {
                let admin = console.enter(&of.tenant).await?;
                answered(&console.app.retry_handover(&admin, handover).await?)
            }
            Self::Redirect(Redirect { one: One { of, handover }, to }) => {
                let admin = console.enter(&of.tenant).await?;
                let redirect = RedirectHandover { to };
                answered(&console.app.redirect_handover(&admin, handover, redirect).await?)
            }
            Self::Report(Report { one: One { of, handover }, outcome, answer }) => {
                let admin = console.enter(&of.tenant).await?;
                let outcome = match outcome {
                    Outcome::Done => HandoverOutcome::Done,
                    Outcome::Failed => HandoverOutcome::Failed,
                };
                let report = ReportHandover { outcome, answer };
                answered(&console.app.report_handover(&admin, handover, report).await?)
            }
            Self::Policy(of) => {
                let admin = console.enter(&of.tenant).await?;
                policy(&console.app.show_handover_policy(&admin).await?)
            }
            Self::SetPolicy(SetPolicy { of, by_directory, person, grace_minutes }) => {
                let admin = console.enter(&of.tenant).await?;
                let by_directory = match by_directory {
                    To::Unassign => ByDirectory::Unassign,
                    To::Manager => ByDirectory::Manager,
                    To::Person => ByDirectory::Person,
                };
                let set = SetHandoverPolicy { by_directory, person, grace_minutes };
                policy(&console.app.set_handover_policy(&admin, set).await?)
            }
        }
    }
}

fn answered(view: &HandoverView) -> Result<Answer, CliError> {
    let shown = record(&[
        ("id", view.id.to_string()),
        ("person", view.user.to_string()),
        ("thing", view.thing.clone()),
        ("state", view.state.clone()),
        ("to", or_dash(view.to)),
        ("times told", view.attempts.to_string()),
        ("due", or_dash(view.due_at.map(moment))),
        ("answer", or_dash(view.answer.as_ref())),
        ("opened", moment(view.opened_at)),
        ("ended", or_dash(view.ended_at.map(moment))),
    ]);
    Answer::new(view, shown)
}

fn policy(view: &app::handovers::HandoverPolicyView) -> Result<Answer, CliError> {
    let shown = record(&[
        ("things", view.things.join(", ")),
        ("by directory", name_of(&view.by_directory)),
        ("person", or_dash(view.person)),
        ("grace minutes", view.grace_minutes.to_string()),
    ]);
    Answer::new(view, shown)
}
