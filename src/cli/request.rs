//! `usher request`. Knows its flags and tables; does not know what is recorded when.

use app::requests::{Change, RequestDetails, RequestQuery, RequestView};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use domain::id::RequestId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, record};
use super::console::Console;
use super::error::CliError;
use crate::http::dry_run::DryRunAnswer;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Requests, newest first
    #[command(after_help = EXAMPLES)]
    List(Box<List>),
    /// One request: what came, what was understood, what it changed
    Show(Show),
    /// What a request would change if its client sent it now; changes nothing
    DryRun(Show),
}

const EXAMPLES: &str = "\
Examples:
  usher request list --tenant acme --directory entra --errors
  usher request list --tenant acme --directory entra --user hana@acme.example --since 2026-11-24T00:00:00Z
  usher request show --tenant acme --directory entra --id 0198f2c4-5a31-7c60-8c8e-0f4f5f1f9a10";

#[derive(Debug, Args)]
pub(super) struct OfDirectory {
    #[command(flatten)]
    of: OfTenant,
    /// The directory's short name
    #[arg(long, value_name = "SLUG")]
    directory: String,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfDirectory,
    /// Only requests about this person
    #[arg(long, value_name = "ID OR USERNAME")]
    user: Option<String>,
    /// Only requests about this group
    #[arg(long, value_name = "ID OR DISPLAYNAME")]
    group: Option<String>,
    /// Only the request with this id, or those that the client gave it
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Only refused and failed requests
    #[arg(long)]
    errors: bool,
    /// Only requests answered with this status
    #[arg(long, value_name = "NUMBER")]
    status: Option<i32>,
    /// Only requests with this method
    #[arg(long)]
    method: Option<String>,
    /// Only requests of this time or later
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Only requests before this time
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// Only requests older than this one
    #[arg(long, value_name = "ID")]
    before: Option<RequestId>,
    /// How many to show
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=200))]
    limit: i64,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    of: OfDirectory,
    /// The request
    #[arg(long, value_name = "ID")]
    id: RequestId,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::List(list) => list.run(console).await,
            Self::Show(Show { of: OfDirectory { of, directory }, id }) => {
                let admin = console.enter(&of.tenant).await?;
                let details = console.app.show_request(&admin, &directory, id).await?;
                let text = shown(&details);
                Answer::new(&details, text)
            }
            Self::DryRun(Show { of: OfDirectory { of, directory }, id }) => {
                let admin = console.enter(&of.tenant).await?;
                let answer = DryRunAnswer::new(console.app.dry_run_again(&admin, &directory, id).await?);
                let text = tried(&answer);
                Answer::new(&answer, text)
            }
        }
    }
}

impl List {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let OfDirectory { of, directory } = self.of;
        let admin = console.enter(&of.tenant).await?;
        let query = RequestQuery {
            user: self.user,
            group: self.group,
            correlation: self.correlation,
            errors: self.errors,
            status: self.status,
            method: self.method.map(|method| method.to_ascii_uppercase()),
            since: self.since,
            until: self.until,
            before: self.before,
            limit: self.limit,
        };
        let page = console.app.list_requests(&admin, &directory, &query).await?;
        let mut table = Table::new(&["AT", "STATUS", "METHOD", "PATH", "ANSWER", "MS", "ID"]);
        for view in &page.requests {
            table.row([
                moment(view.at),
                view.status.to_string(),
                view.method.clone(),
                view.path.clone(),
                why(view),
                milliseconds(view.microseconds),
                view.id.to_string(),
            ]);
        }
        Answer::new(&page, table.or("No requests."))
    }
}

fn why(view: &RequestView) -> String {
    let parts = [view.scim_type.as_deref(), view.detail.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

fn milliseconds(microseconds: i64) -> String {
    format!("{}.{}", microseconds / 1_000, microseconds % 1_000 / 100)
}

fn shown(details: &RequestDetails) -> String {
    let (line, view) = (&details.line, &details.line.request);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let head = record(&[
        ("id", view.id.to_string()),
        ("at", moment(view.at)),
        ("request", format!("{} {}", view.method, view.path)),
        ("answer", format!("{} {}", view.status, why(view)).trim_end().to_owned()),
        ("ms", milliseconds(view.microseconds)),
        ("client", or_dash(&view.client.agent)),
        ("address", view.client.address.clone()),
        ("dialect", or_dash(&view.dialect)),
        ("leniencies", view.leniencies.to_string()),
        ("body", format!("{} ({} bytes)", line.body.state, line.body.bytes)),
    ]);
    let body = line.body.text.as_ref().map(|body| format!("\n\n{body}")).unwrap_or_default();
    let operations = line.operations.as_ref().and_then(|told| told.as_array());
    let operations = operations.into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let operations =
        if operations.is_empty() { operations } else { format!("\n\nUnderstood as:\n{operations}") };
    format!("{head}{body}{operations}\n\n{}", changes(&details.changes))
}

fn tried(answer: &DryRunAnswer) -> String {
    let head = record(&[
        (
            "answer",
            format!("{} {}", answer.status, answer.detail.as_deref().unwrap_or_default())
                .trim_end()
                .to_owned(),
        ),
        ("access changed", answer.run.effects.access_changed.to_string()),
        ("sessions ended", answer.run.effects.sessions_ended.to_string()),
        ("seats granted", answer.run.effects.seats_granted.to_string()),
        ("seats waiting", answer.run.effects.seats_waiting.to_string()),
        ("seats released", answer.run.effects.seats_released.to_string()),
    ]);
    format!("{head}\n\n{}", changes(&answer.run.changes))
}

/// Changes as a table.
fn changes(changes: &[Change]) -> String {
    let mut table = Table::new(&["CHANGE", "OF", "MEMBERS", "BEFORE", "AFTER"]);
    for change in changes {
        let text = |document: &Option<serde_json::Value>| {
            document.as_ref().map_or("-".to_owned(), ToString::to_string)
        };
        table.row([
            change.action.clone(),
            format!("{} {}", change.target_kind, change.target_id),
            change.members.map_or("-".to_owned(), |members| members.to_string()),
            text(&change.before),
            text(&change.after),
        ]);
    }
    table.or("It changed nothing.")
}
