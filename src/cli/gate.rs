//! `usher gate`. Knows its flags and tables; does not know how a proxy asks.

use std::path::{Path, PathBuf};

use app::apps::RotateSecret;
use app::gates::{GateView, SetGate};
use clap::{Args, Subcommand};
use domain::id::GateId;
use serde_json::{Value, json};

use super::OfTenant;
use super::answer::{Answer, Table, moment, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Set a gate up; its secret is shown this once
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// A tenant's gates, without their secrets
    List(OfTenant),
    /// One gate, with its hosts and rules
    Show(OneGate),
    /// Say anew what a gate is called and may ask about
    Set(Set),
    /// Give a gate another secret; the old one is good beside it for a while
    RotateSecret(Rotate),
    /// Take a gate down, and end every pass of it
    Delete(OneGate),
}

const EXAMPLES: &str = "\
Example:
  usher gate create --tenant acme --name Edge --hosts hosts.json
where hosts.json says what it takes to get where:
  {\"https://wiki.example\": [{\"path\": \"/\"}, {\"path\": \"/admin\", \"adminLevel\": \"org_admin\"}]}";

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
struct Wanted {
    /// Display name
    #[arg(long)]
    name: String,
    /// A file with the rules of each host, by its origin, as JSON
    #[arg(long, value_name = "FILE")]
    hosts: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct OneGate {
    #[command(flatten)]
    of: OfTenant,
    /// The gate's id, as `list` shows it
    id: GateId,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    one: OneGate,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    one: OneGate,
    /// For how many hours the old one still works; 0 ends it now
    #[arg(long, default_value_t = 24)]
    overlap_hours: u32,
}

const ONCE: &str = "The secret is shown this once: only its hash is kept.";

impl Wanted {
    fn read(self) -> Result<SetGate, CliError> {
        let hosts = read(&self.hosts)?;
        let wanted = serde_json::from_value(json!({"name": self.name, "hosts": hosts}));
        wanted.map_err(|error| CliError::Failed(format!("{}: {error}.", self.hosts.display())))
    }
}

fn read(file: &Path) -> Result<Value, CliError> {
    let unreadable = |why: String| CliError::Failed(format!("{}: {why}.", file.display()));
    let text = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(Create { of, wanted }) => {
                let admin = console.enter(&of.tenant).await?;
                let created = console.app.create_gate(&admin, wanted.read()?).await?;
                let mut lines = shown(&created.gate);
                lines.push(("secret", created.secret.clone()));
                Answer::new(&created, format!("{}\n{ONCE}", record(&lines)))
            }
            Self::List(of) => list(console, &of.tenant).await,
            Self::Show(OneGate { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.show_gate(&admin, id).await?;
                Answer::new(&view, record(&shown(&view)))
            }
            Self::Set(Set { one: OneGate { of, id }, wanted }) => {
                let admin = console.enter(&of.tenant).await?;
                let view = console.app.set_gate(&admin, id, wanted.read()?).await?;
                Answer::new(&view, record(&shown(&view)))
            }
            Self::RotateSecret(Rotate { one: OneGate { of, id }, overlap_hours }) => {
                let admin = console.enter(&of.tenant).await?;
                let how = RotateSecret { overlap_hours };
                let rotated = console.app.rotate_gate_secret(&admin, id, how).await?;
                let shown =
                    [("secret", rotated.secret.clone()), ("old one until", moment(rotated.old_until))];
                Answer::new(&rotated, format!("{}\n{ONCE}", record(&shown)))
            }
            Self::Delete(OneGate { of, id }) => {
                let admin = console.enter(&of.tenant).await?;
                console.app.delete_gate(&admin, id).await?;
                Answer::new(&json!({"id": id}), format!("Took gate {id} down and ended its passes."))
            }
        }
    }
}

fn shown(view: &GateView) -> Vec<(&'static str, String)> {
    let mut lines = vec![("id", view.id.to_string()), ("name", view.name.clone())];
    for (origin, rules) in &view.hosts {
        let rules = rules.iter().map(|rule| json!(rule).to_string()).collect::<Vec<_>>();
        lines.push(("host", format!("{origin} {}", rules.join(" "))));
    }
    lines
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_gates(&admin).await?;
    let mut table = Table::new(&["ID", "NAME", "HOSTS"]);
    for view in &views {
        let hosts = view.hosts.keys().cloned().collect::<Vec<_>>();
        table.row([view.id.to_string(), view.name.clone(), hosts.join(" ")]);
    }
    Answer::new(&views, table.or("No gates yet; `usher gate create` sets one up."))
}
