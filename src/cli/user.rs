//! `usher user`. Knows its flags and tables, and how a person is named at a terminal; does not know SCIM.

use app::AdminScope;
use app::people::{ChangePerson, Edit, Freeze, ManagedBy, NewPerson, PeopleQuery, PersonView};
use app::provision::Slice;
use clap::{Args, Subcommand};
use domain::id::UserId;

use super::OfTenant;
use super::answer::{Answer, Table, moment, or_dash, record, yes_no};
use super::console::Console;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Add a local person: one whom no directory manages
    #[command(
        after_help = "Example:\n  usher user create --tenant acme --user-name hana@acme.example --title Auditor"
    )]
    Create(Box<Create>),
    /// Change a local person; an empty text takes a value away
    #[command(
        after_help = "Example:\n  usher user set --tenant acme --user hana@acme.example --active false"
    )]
    Set(Box<Set>),
    /// Delete a local person
    Delete(Leaver),
    /// Shut somebody out at once, whoever manages them: sessions, tokens and seat are gone when this is done
    #[command(
        after_help = "Example:\n  usher user freeze --tenant acme --user mina@acme.example --because 'left on the spot'"
    )]
    Freeze(Box<Frost>),
    /// Take that back: whoever manages them says again whether they are let in
    Thaw(One),
    /// A tenant's people
    #[command(after_help = "Example:\n  usher user list --tenant acme --user-name hana")]
    List(Box<List>),
    /// Who was deleted, newest first
    Deleted(Deleted),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    of: OfTenant,
    /// Their name, unique among the tenant's local people
    #[arg(long, value_name = "NAME")]
    user_name: String,
    #[command(flatten)]
    profile: Profile,
    /// Shut out until they are let in
    #[arg(long)]
    inactive: bool,
    /// Give them what this person was given by hand: an id, or a name
    #[arg(long, value_name = "PERSON")]
    like: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    leaver: Leaver,
    /// A new name, unique among the tenant's local people
    #[arg(long, value_name = "NAME")]
    user_name: Option<String>,
    #[command(flatten)]
    profile: Profile,
    /// Whether they are let in
    #[arg(long, value_name = "true|false")]
    active: Option<bool>,
}

#[derive(Debug, Args)]
struct Profile {
    /// Display name
    #[arg(long)]
    display_name: Option<String>,
    /// Given name
    #[arg(long)]
    given_name: Option<String>,
    /// Family name
    #[arg(long)]
    family_name: Option<String>,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// Title
    #[arg(long)]
    title: Option<String>,
    /// Department
    #[arg(long)]
    department: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    #[command(flatten)]
    of: OfTenant,
    /// Id or user name
    #[arg(long, value_name = "ID|NAME")]
    user: String,
}

#[derive(Debug, Args)]
pub(super) struct Leaver {
    #[command(flatten)]
    one: One,
    /// Who is to get what they leave: the id of somebody who has a role there
    #[arg(long, value_name = "ID")]
    hand_over_to: Option<UserId>,
}

#[derive(Debug, Args)]
pub(super) struct Frost {
    #[command(flatten)]
    leaver: Leaver,
    /// Why, for whoever looks later
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Only who has this name
    #[arg(long, value_name = "NAME")]
    user_name: Option<String>,
    /// Only whom this directory manages
    #[arg(long, value_name = "SLUG")]
    directory: Option<String>,
    /// Only whom no directory manages (true), or whom one does (false)
    #[arg(long, value_name = "true|false")]
    local: Option<bool>,
    /// Only those in whose names or addresses each of these words is found
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only who is active (true) or not (false)
    #[arg(long, value_name = "true|false")]
    active: Option<bool>,
    /// Only who stands here, by the product's status
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only who has this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Only who belongs to this unit or one below it
    #[arg(long, value_name = "KEY")]
    org_unit: Option<String>,
    /// Only who has a role in this workspace
    #[arg(long, value_name = "KEY")]
    workspace: Option<String>,
    /// Only who was not here for so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
    idle_days: Option<i64>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(super) struct Deleted {
    #[command(flatten)]
    of: OfTenant,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(super) struct Page {
    /// How many to pass over
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    offset: i64,
    /// How many to show
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

impl Page {
    pub(super) fn slice(&self) -> Slice {
        Slice { offset: self.offset, limit: self.limit }
    }
}

impl Verb {
    pub(super) async fn run(self, console: &Console) -> Result<Answer, CliError> {
        match self {
            Self::Create(it) => create(console, *it).await,
            Self::Set(it) => set(console, *it).await,
            Self::Delete(Leaver { one: One { of, user }, hand_over_to }) => {
                let admin = console.enter(&of.tenant).await?;
                let id = find(console, &admin, &user).await?;
                console.app.delete_person(&admin, id, hand_over_to).await?;
                Answer::new(&serde_json::json!({"deleted": id}), "Deleted.")
            }
            Self::Freeze(it) => {
                let Frost { leaver: Leaver { one: One { of, user }, hand_over_to }, because } = *it;
                let admin = console.enter(&of.tenant).await?;
                let id = find(console, &admin, &user).await?;
                let view = console.app.freeze_person(&admin, id, Freeze { because, hand_over_to }).await?;
                Answer::new(&view, shown(&view))
            }
            Self::Thaw(One { of, user }) => {
                let admin = console.enter(&of.tenant).await?;
                let id = find(console, &admin, &user).await?;
                let view = console.app.thaw_person(&admin, id).await?;
                Answer::new(&view, shown(&view))
            }
            Self::List(it) => list(console, *it).await,
            Self::Deleted(it) => deleted(console, it).await,
        }
    }
}

async fn create(console: &Console, it: Create) -> Result<Answer, CliError> {
    let admin = console.enter(&it.of.tenant).await?;
    let like = match it.like {
        Some(person) => Some(find(console, &admin, &person).await?),
        None => None,
    };
    let Profile { display_name, given_name, family_name, email, title, department } = it.profile;
    let new = NewPerson {
        user_name: it.user_name,
        display_name,
        given_name,
        family_name,
        email,
        title,
        department,
        active: Some(!it.inactive),
        gives: Vec::new(),
        like,
    };
    let view = console.app.create_person(&admin, new).await?;
    Answer::new(&view, shown(&view))
}

async fn set(console: &Console, it: Set) -> Result<Answer, CliError> {
    let Leaver { one: One { of, user }, hand_over_to } = it.leaver;
    let admin = console.enter(&of.tenant).await?;
    let id = find(console, &admin, &user).await?;
    let given = |text: Option<String>| match text {
        None => Edit::Keep,
        Some(text) if text.is_empty() => Edit::Clear,
        Some(text) => Edit::Set(text),
    };
    let Profile { display_name, given_name, family_name, email, title, department } = it.profile;
    let change = ChangePerson {
        user_name: it.user_name,
        display_name: given(display_name),
        given_name: given(given_name),
        family_name: given(family_name),
        email: given(email),
        title: given(title),
        department: given(department),
        active: it.active,
        hand_over_to,
    };
    let view = console.app.change_person(&admin, id, change).await?;
    Answer::new(&view, shown(&view))
}

async fn list(console: &Console, it: List) -> Result<Answer, CliError> {
    let admin = console.enter(&it.of.tenant).await?;
    let query = PeopleQuery {
        user_name: it.user_name.as_deref(),
        directory: it.directory.as_deref(),
        local: it.local,
        search: it.search.as_deref(),
        active: it.active,
        status: it.status.as_deref(),
        role: it.role.as_deref(),
        org_unit: it.org_unit.as_deref(),
        workspace: it.workspace.as_deref(),
        idle_days: it.idle_days,
    };
    let views = console.app.list_people(&admin, query, it.page.slice()).await?;
    let mut table = Table::new(&["USER NAME", "NAME", "ACTIVE", "MANAGED BY", "ID"]);
    for view in &views {
        table.row([
            view.user_name.clone(),
            or_dash(view.display_name.as_ref()),
            yes_no(view.active),
            manager(view.managed_by.as_ref()),
            view.id.to_string(),
        ]);
    }
    Answer::new(&views, table.or("Nobody."))
}

async fn deleted(console: &Console, it: Deleted) -> Result<Answer, CliError> {
    let admin = console.enter(&it.of.tenant).await?;
    let views = console.app.list_tombstones(&admin, it.page.slice()).await?;
    let mut table = Table::new(&["USER NAME", "EXTERNAL ID", "DELETED", "BECAME", "ID"]);
    for view in &views {
        table.row([
            view.user_name.clone(),
            or_dash(view.external_id.as_ref()),
            moment(view.deleted_at),
            or_dash(view.merged_into),
            view.id.to_string(),
        ]);
    }
    Answer::new(&views, table.or("Nobody was deleted."))
}

fn manager(managed_by: Option<&ManagedBy>) -> String {
    or_dash(managed_by.map(|managed| &managed.directory))
}

fn shown(view: &PersonView) -> String {
    record(&[
        ("id", view.id.to_string()),
        ("user name", view.user_name.clone()),
        ("name", or_dash(view.display_name.as_ref())),
        ("e-mail", or_dash(view.email.as_ref())),
        ("active", yes_no(view.active)),
        ("managed by", manager(view.managed_by.as_ref())),
        ("frozen since", or_dash(view.frozen.as_ref().map(|frozen| moment(frozen.since)))),
        ("because", or_dash(view.frozen.as_ref().and_then(|frozen| frozen.because.as_ref()))),
    ])
}

/// The person whom an id names, or the one who has the name.
pub(super) async fn find(console: &Console, admin: &AdminScope, named: &str) -> Result<UserId, CliError> {
    if let Ok(id) = named.parse::<UserId>() {
        return Ok(id);
    }
    let query = PeopleQuery { user_name: Some(named), ..PeopleQuery::default() };
    let found = console.app.list_people(admin, query, Slice { offset: 0, limit: 10 }).await?;
    match found.as_slice() {
        [only] => Ok(only.id),
        [] => Err(CliError::Failed(format!(
            "Nobody in this tenant has the user name {named:?}. `usher user list` shows who is there."
        ))),
        several => Err(CliError::Failed(format!(
            "Several people are called {named:?}; name one by id: {}.",
            several.iter().map(|person| person.id.to_string()).collect::<Vec<_>>().join(", ")
        ))),
    }
}
