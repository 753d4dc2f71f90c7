//! `usher external`. Knows its flags and tables; does not know who is let in.

use app::externals::{DecideExternal, ExternalDecision, ExternalRequestView, RequestExternals};
use clap::{Args, Subcommand};
use domain::id::ExternalRequestId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;
use super::mapping_rule::Place;
use super::user::Page;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Ask that people of other companies be let into a place
    #[command(
        after_help = "Example:\n  usher external request --tenant acme --at org-unit:Blue --variant private --reason 'new site' xenia@partner.example"
    )]
    Request(Ask),
    /// Who was asked for, the newest first
    List(List),
    /// Let somebody in who was asked for
    Approve(One),
    /// Let them not in
    Reject(One),
}

#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    of: OfTenant,
    /// Where: org-unit:KEY or workspace:KEY
    #[arg(long, value_name = "SCOPE")]
    at: Place,
    /// What that place is, in the product's words for its variants
    #[arg(long)]
    variant: Option<String>,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// After how many days it is over
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// Their addresses
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Those in this state: requested, approved, rejected or ended
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the request
    request: ExternalRequestId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Request(it) => request(console, it).await,
            Self::List(List { of, state, page }) => {
                let admin = console.enter(&of.tenant).await?;
                let views =
                    console.app.list_external_requests(&admin, state.as_deref(), page.slice()).await?;
                Answer::new(&views, table(&views))
            }
            Self::Approve(one) => decide(console, one, ExternalDecision::Approve).await,
            Self::Reject(one) => decide(console, one, ExternalDecision::Reject).await,
        }
    }
}

async fn request(console: &Console, it: Ask) -> Result<Answer, CliError> {
    let admin = console.enter(&it.of.tenant).await?;
    let until = it.days.map(|days| console.app.now() + chrono::Duration::days(i64::from(days)));
    let Ask { at, variant, reason, addresses, .. } = it;
    let asked = RequestExternals { at: at.0, variant, addresses, reason, until };
    let requested = console.app.request_externals(&admin, asked).await?;
    Answer::new(&requested, table(&requested.items))
}

async fn decide(
    console: &Console,
    One { of, request }: One,
    decision: ExternalDecision,
) -> Result<Answer, CliError> {
    let admin = console.enter(&of.tenant).await?;
    let decide = DecideExternal { decision, language: None, mail: None };
    let decided = console.app.decide_external(&admin, &of.tenant, request, decide).await?;
    let link = decided.invited.as_ref().map(|invited| &invited.link);
    let text = record(&[
        ("address", decided.request.address.clone()),
        ("state", decided.request.state.clone()),
        ("link", or_dash(link)),
    ]);
    Answer::new(&decided, text)
}

fn table(views: &[ExternalRequestView]) -> String {
    let mut table = Table::new(&["ADDRESS", "STATE", "UNTIL", "REASON", "ID"]);
    for view in views {
        table.row([
            view.address.clone(),
            view.state.clone(),
            view.until.map_or_else(|| "-".to_owned(), moment),
            or_dash(view.reason.as_ref()),
            view.id.to_string(),
        ]);
    }
    table.or("None; `usher external request` asks for somebody.")
}
