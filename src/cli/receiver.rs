//! `usher receiver`. Knows its flags and tables; does not know how anything is sent.

use app::signals::{
    ChangeReceiver, DeliveryQuery, DeliveryState, NewReceiver, ReceiverKind, ReceiverStatus,
    ReplayDeliveries, RotateReceiver,
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use domain::id::ReceiverId;
use serde_json::json;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a receiver; its secret is shown this once
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// A tenant's receivers, without their secrets
    List(OfTenant),
    /// Pause, disable or enable a receiver
    Set(Set),
    /// Give it another secret or token; the old one is good for some hours more
    Rotate(Rotate),
    /// Send it a test
    Test(One),
    /// What became of what it was sent, newest first
    Log(Log),
    /// Send dead letters again, or all facts of a time
    Replay(Replay),
    /// Delete a receiver, with its log and all that waits for it
    Delete(One),
}

const EXAMPLES: &str = "\
Examples:
  usher receiver create --tenant acme --kind webhook --name Product --address https://app.example/hooks/usher
                                   every fact, signed by the Standard Webhooks scheme
  usher receiver create --tenant acme --kind stream --name Product --audience https://app.example
                                   a token, with which the receiver sets up a stream (OpenID Shared Signals)";

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// What kind
    #[arg(long)]
    kind: Kind,
    /// Display name
    #[arg(long)]
    name: String,
    /// Where a webhook is posted to
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// A fact that a webhook is sent, for instance user.deactivated; may be repeated; without, all
    #[arg(long = "event", value_name = "FACT")]
    events: Vec<String>,
    /// The audience of a stream's tokens
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Webhook,
    Stream,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// The receiver's id, as `list` shows it
    id: ReceiverId,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    one: One,
    /// Whether it is sent anything; what waits for one that is disabled is given up
    #[arg(long)]
    status: Status,
    /// Why
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Enabled,
    Paused,
    Disabled,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    one: One,
    /// For how many hours the old one is good
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    overlap_hours: u32,
}

#[derive(Debug, Args)]
pub(super) struct Log {
    #[command(flatten)]
    one: One,
    /// Only dead letters
    #[arg(long)]
    dead: bool,
    /// The most to show
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    count: i64,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    one: One,
    /// Facts from this moment on (RFC 3339) instead of the dead letters
    #[arg(long, value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    /// Facts before this moment
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<DateTime<Utc>>,
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(create) => create.run(console).await,
            Self::List(of) => list(console, &of.tenant).await,
            Self::Set(set) => set.run(console).await,
            Self::Rotate(Rotate { one, overlap_hours }) => {
                let admin = console.enter(&one.of.tenant).await?;
                let rotated =
                    console.app.rotate_receiver(&admin, one.id, RotateReceiver { overlap_hours }).await?;
                let shown = record(&[
                    ("secret", rotated.secret.clone()),
                    ("old one until", moment(rotated.old_until)),
                ]);
                Answer::new(&rotated, format!("{shown}\nThe secret is shown this once."))
            }
            Self::Test(one) => {
                let admin = console.enter(&one.of.tenant).await?;
                console.app.test_receiver(&admin, one.id).await?;
                Answer::new(
                    &json!({"id": one.id}),
                    "A test is on its way; `usher receiver log` tells what becomes of it.",
                )
            }
            Self::Log(log) => log.run(console).await,
            Self::Replay(Replay { one, from, to }) => {
                let admin = console.enter(&one.of.tenant).await?;
                let which = ReplayDeliveries { from, to };
                let again = console.app.replay_deliveries(&admin, one.id, which).await?;
                let text = format!("{} deliveries wait again.", again.deliveries);
                Answer::new(&again, text)
            }
            Self::Delete(one) => {
                let admin = console.enter(&one.of.tenant).await?;
                console.app.delete_receiver(&admin, one.id).await?;
                Answer::new(&json!({"id": one.id}), format!("Deleted receiver {}.", one.id))
            }
        }
    }
}

impl Create {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self { of, kind, name, address, events, audience } = self;
        let kind = match kind {
            Kind::Webhook => ReceiverKind::Webhook,
            Kind::Stream => ReceiverKind::Stream,
        };
        let admin = console.enter(&of.tenant).await?;
        let new = NewReceiver { kind, name, address, events, audience };
        let created = console.app.create_receiver(&admin, new).await?;
        let mut shown = vec![("id", created.receiver.id.to_string()), ("secret", created.secret.clone())];
        if let Some(configuration) = created.configuration.clone() {
            shown.push(("configuration", configuration));
        }
        Answer::new(&created, format!("{}\nThe secret is shown this once.", record(&shown)))
    }
}

impl Set {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let Self { one, status, reason } = self;
        let status = match status {
            Status::Enabled => ReceiverStatus::Enabled,
            Status::Paused => ReceiverStatus::Paused,
            Status::Disabled => ReceiverStatus::Disabled,
        };
        let admin = console.enter(&one.of.tenant).await?;
        let change = ChangeReceiver { status: Some(status), reason, ..ChangeReceiver::default() };
        let view = console.app.change_receiver(&admin, one.id, change).await?;
        let text = format!("Receiver {} is {}.", view.id, view.status.as_str());
        Answer::new(&view, text)
    }
}

impl Log {
    async fn run(self, console: &Console) -> Result<Answer, CliError> {
        let admin = console.enter(&self.one.of.tenant).await?;
        let state = self.dead.then_some(DeliveryState::Dead);
        let query = DeliveryQuery { state, before: None, limit: self.count };
        let views = console.app.list_deliveries(&admin, self.one.id, &query).await?;
        let mut table = Table::new(&["ID", "EVENT", "SUBJECT", "STATE", "TRIED", "LAST", "MS", "OUTCOME"]);
        for view in &views {
            table.row([
                view.id.to_string(),
                view.event.clone(),
                view.subject.clone(),
                view.state.as_str().to_owned(),
                view.attempts.to_string(),
                or_dash(view.last_at.map(moment)),
                or_dash(view.milliseconds.map(|time| time.to_string())),
                or_dash(view.outcome.clone()),
            ]);
        }
        Answer::new(&views, table.or("Nothing was sent to it yet."))
    }
}

async fn list(console: &Console, tenant: &str) -> Result<Answer, CliError> {
    let admin = console.enter(tenant).await?;
    let views = console.app.list_receivers(&admin).await?;
    let mut table = Table::new(&["ID", "KIND", "NAME", "METHOD", "ADDRESS", "STATUS", "FAILING SINCE"]);
    for view in &views {
        table.row([
            view.id.to_string(),
            view.kind.as_str().to_owned(),
            view.name.clone(),
            or_dash(view.method.clone()),
            or_dash(view.address.clone()),
            view.status.as_str().to_owned(),
            or_dash(view.failing_since.map(moment)),
        ]);
    }
    Answer::new(&views, table.or("No receivers yet; `usher receiver create` makes one."))
}
