//! `usher change-set`. Knows its files and how an outcome is said in numbers; does not know what follows from a change.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use app::tenants::{
    ApplyChanges, ChangeSetView, Confirmation, MadeView, OutcomeView, PersonOutcome, PreviewView,
    ProposeChanges, UndoChanges,
};
use clap::{Args, Subcommand};
use domain::id::{ChangeSetId, UserId};
use serde_json::Value;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;
use super::user::Page;

/// What a request may be, as at the door: nobody writes more by hand.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Say what would follow from changes of rules, roles, org units or the blueprint, and change nothing
    #[command(after_help = EXAMPLE)]
    Preview(Preview),
    /// Make the changes of a preview, if what follows from them is what it said
    Apply(Apply),
    /// Changes that were made together, the newest first
    List(List),
    /// Show one: what was asked, and everything that it turned as it was before and after
    Show(Show),
    /// Take a change set back: without the fingerprint, say what would follow from that
    Undo(Undo),
}

const EXAMPLE: &str = r#"Example:
  usher change-set preview --tenant acme --file changes.json

  {"changes": [
    {"addRule": {"priority": 10, "match": {"group": "admins"}, "gives": {"flags": {"flags": ["admin_flag"]}}}},
    {"changeOrgUnit": {"key": "osaka", "parent": "sales"}},
    {"deleteRole": {"id": "night_shift", "replacement": "general"}}]}

The file is what the API takes, as JSON; it is read from standard input where it is called -."#;

#[derive(Debug, Args)]
pub(super) struct Changes {
    #[command(flatten)]
    of: OfTenant,
    /// The changes as JSON; - reads standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Preview {
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    people: People,
}

#[derive(Debug, Args)]
struct People {
    /// Go on after this person: where the page before ended
    #[arg(long, value_name = "ID")]
    after: Option<UserId>,
    /// How many people to show
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
}

#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    changes: Changes,
    /// What the preview called its outcome by
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    fingerprint: String,
    #[command(flatten)]
    numbers: Numbers,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the change set, as `list` shows it
    change_set: ChangeSetId,
}

#[derive(Debug, Args)]
pub(super) struct Undo {
    #[command(flatten)]
    of: OfTenant,
    /// Id of the change set, as `list` shows it
    change_set: ChangeSetId,
    /// What the preview called its outcome by
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    fingerprint: Option<String>,
    #[command(flatten)]
    numbers: Numbers,
    #[command(flatten)]
    people: People,
}

#[derive(Debug, Args)]
struct Numbers {
    /// How many people would hold something else, where the preview asked for it
    #[arg(long, value_name = "NUMBER", requires = "losing")]
    changed: Option<usize>,
    /// How many of them may do less, where the preview asked for it
    #[arg(long, value_name = "NUMBER", requires = "changed")]
    losing: Option<usize>,
}

impl Numbers {
    fn confirm(&self) -> Option<Confirmation> {
        self.changed.zip(self.losing).map(|(changed, losing)| Confirmation { changed, losing })
    }
}

impl Changes {
    fn read(&self) -> Result<ProposeChanges, CliError> {
        let failed =
            |why: String| CliError::Failed(format!("{}: {why}. Nothing was changed.", self.file.display()));
        let mut text = String::new();
        let from = if self.file == Path::new("-") {
            std::io::stdin().take(LONGEST + 1).read_to_string(&mut text)
        } else {
            std::fs::File::open(&self.file).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
        };
        let length = from.map_err(|error| failed(error.to_string()))?;
        if u64::try_from(length).is_ok_and(|length| length > LONGEST) {
            return Err(failed(format!("changes are at most {LONGEST} bytes long")));
        }
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Preview(Preview { changes, people: People { after, limit } }) => {
                let ask = changes.read()?;
                let admin = console.enter(&changes.of.tenant).await?;
                let view = console.app.preview_changes(&admin, &ask, after, limit.into()).await?;
                let Changes { of, file } = &changes;
                let make = format!("apply --tenant {} --file {}", of.tenant, file.display());
                Answer::new(&view, shown(&view, &make))
            }
            Self::List(List { of, page }) => {
                let admin = console.enter(&of.tenant).await?;
                let views = console.app.list_change_sets(&admin, page.slice()).await?;
                let mut table = Table::new(&["MADE", "CHANGES", "PEOPLE", "UNDOES", "UNDONE BY", "ID"]);
                for view in &views {
                    table.row([
                        moment(view.made_at),
                        view.changes.as_array().map_or(0, Vec::len).to_string(),
                        view.outcome.changed.to_string(),
                        or_dash(view.undoes),
                        or_dash(view.undone_by),
                        view.id.to_string(),
                    ]);
                }
                Answer::new(&views, table.or("No change sets yet; `usher change-set apply` makes one."))
            }
            Self::Show(Show { of, change_set }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.show_change_set(&admin, change_set).await?;
                Answer::new(&view, kept(&view))
            }
            Self::Undo(Undo {
                of, change_set, fingerprint: None, people: People { after, limit }, ..
            }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.preview_undo(&admin, change_set, after, limit.into()).await?;
                Answer::new(&view, shown(&view, &format!("undo --tenant {} {change_set}", of.tenant)))
            }
            Self::Undo(Undo { of, change_set, fingerprint: Some(fingerprint), numbers: said, .. }) => {
                let ask = UndoChanges { fingerprint, confirm: said.confirm() };
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.undo_changes(&admin, change_set, ask).await?;
                Answer::new(&view, format!("Took the changes back.\n{}", made(&view)))
            }
            Self::Apply(Apply { changes, fingerprint, numbers: said }) => {
                let ProposeChanges { changes: asked } = changes.read()?;
                let ask = ApplyChanges { changes: asked, fingerprint, confirm: said.confirm() };
                let admin = console.enter(&changes.of.tenant).await?;
                let view = console.app.apply_changes(&admin, ask).await?;
                Answer::new(&view, format!("Made the changes.\n{}", made(&view)))
            }
        }
    }
}

fn numbers(outcome: &OutcomeView) -> String {
    let seats = outcome.seats.map(|seats| format!("{} before, {} after", seats.before, seats.after));
    record(&[
        ("people who hold something else", outcome.changed.to_string()),
        ("who may do more", outcome.gaining.to_string()),
        ("who may do less", outcome.losing.to_string()),
        ("sessions that end", outcome.sessions_ending.to_string()),
        ("seats used", seats.unwrap_or_else(|| "not counted".to_owned())),
        ("fingerprint", outcome.fingerprint.clone()),
    ])
}

/// A change set as it is kept.
fn kept(view: &ChangeSetView) -> String {
    let about = record(&[
        ("id", view.id.to_string()),
        ("made", moment(view.made_at)),
        ("by", view.made_by.to_string()),
        ("undoes", or_dash(view.undoes)),
        ("undone by", or_dash(view.undone_by)),
    ]);
    let mut turned = Table::new(&["WHAT", "BEFORE", "AFTER"]);
    for it in view.turned.as_ref().and_then(Value::as_array).into_iter().flatten() {
        turned.row([&it["what"], &it["before"], &it["after"]].map(in_short));
    }
    [about, numbers(&view.outcome), turned.or("It turned nothing.")].join("\n")
}

/// A text as it is, and everything else as JSON.
fn in_short(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What was made, and by what it is taken back.
fn made(view: &MadeView) -> String {
    let kept = view.change_set.map(|id| format!("change set: {id}\n"));
    format!("{}{}", numbers(&view.outcome), kept.unwrap_or_default())
}

fn shown(view: &PreviewView, make: &str) -> String {
    let mut table = Table::new(&["PERSON", "GAINS", "LOSES", "ID"]);
    for PersonOutcome { user, user_name, gains, losses, .. } in &view.items {
        table.row([user_name.clone(), rights(gains), rights(losses), user.to_string()]);
    }
    let mut parts = vec![numbers(&view.outcome), table.or("Nobody would hold anything else.")];
    parts.extend(view.next.map(|next| format!("More of them: --after {next}\n")));
    if view.violations.is_empty() {
        parts.push(format!("To make the changes:\n  {}\n", command(view, make)));
    }
    parts.extend(view.violations.iter().map(|why| format!("The changes would be refused: {why}.\n")));
    parts.join("\n")
}

/// What makes the changes that were shown.
fn command(view: &PreviewView, make: &str) -> String {
    let confirm = view.confirm.map(|it| format!(" --changed {} --losing {}", it.changed, it.losing));
    format!(
        "usher change-set {make} --fingerprint {}{}",
        view.outcome.fingerprint,
        confirm.unwrap_or_default()
    )
}

/// Flags and permissions in a cell, each once.
fn rights(all: &Value) -> String {
    let mut said: Vec<String> = Vec::new();
    for right in all.as_array().into_iter().flatten() {
        let named = |key: &str| right.get(key).and_then(Value::as_str);
        let one = match (named("permission"), named("level")) {
            (Some(permission), Some(level)) => format!("{permission} at {level}"),
            (Some(permission), None) => permission.to_owned(),
            (None, _) => continue,
        };
        if !said.contains(&one) {
            said.push(one);
        }
    }
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rights_are_said_once_each_with_their_level() {
        let all = json!([
            {"permission": "inbox.chats", "level": "all_chats", "scope": {"kind": "environment"}},
            {"permission": "crm.export", "scope": {"kind": "environment"}},
            {"permission": "crm.export", "scope": {"kind": "workspace", "id": "x"}},
        ]);

        assert_eq!(rights(&all), "inbox.chats at all_chats, crm.export");
        assert_eq!(rights(&json!([])), "-");
    }
}
