//! `usher audit`. Knows its flags and tables; does not know what is recorded when.

use app::tenants::AuditQuery;
use clap::{Args, Subcommand};
use domain::id::AuditEventId;
use serde_json::Value;

use super::OfTenant;
use super::answer::{Answer, Table, moment};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Events, newest first; with --json also what was before and after
    #[command(after_help = EXAMPLES)]
    List(List),
}

const EXAMPLES: &str = "\
Examples:
  usher audit list --tenant acme
  usher audit list --tenant acme --target 0198f2c4-5a31-7c60-8c8e-0f4f5f1f9a10 --json";

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Only events about the thing with this id
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only events older than this one
    #[arg(long, value_name = "ID")]
    before: Option<AuditEventId>,
    /// How many to show
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=200))]
    limit: i64,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self::List(List { of, target, before, limit }) = self;
        let admin = console.enter(&of.tenant).await?;
        let views = console.app.list_audit_events(&admin, &AuditQuery { target, before, limit }).await?;
        let mut table = Table::new(&["AT", "ACTION", "TARGET", "BY", "REQUEST", "ID"]);
        for view in &views {
            table.row([
                moment(view.at),
                view.action.clone(),
                format!("{} {}", view.target_kind, view.target_id),
                by(&view.actor),
                view.request_id.to_string(),
                view.id.to_string(),
            ]);
        }
        Answer::new(&views, table.or("No events."))
    }
}

/// Who acted: the kind, and the id that says which one.
fn by(actor: &Value) -> String {
    let text = |key: &str| actor.get(key).and_then(Value::as_str);
    let kind = text("kind").unwrap_or("?");
    match ["user", "directory", "name", "credential"].into_iter().find_map(text) {
        Some(which) => format!("{kind} {which}"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_actor_is_its_kind_and_which_one() {
        assert_eq!(by(&json!({"kind": "cli"})), "cli");
        assert_eq!(by(&json!({"kind": "directory", "directory": "d", "credential": "c"})), "directory d");
        assert_eq!(by(&json!({"kind": "job", "name": "sweep"})), "job sweep");
    }
}
