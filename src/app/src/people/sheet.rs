//! The list of people as a file: the columns that the product says, in its order and its words. Knows what a cell says; does
//! not know separators or encodings.
//!
//! It is read in parts by id, each in a transaction of its own, so that nobody's memory holds a tenant. Whoever is there
//! throughout is in it once.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use domain::access::{EffectiveAccess, Policy, Scope};
use domain::blueprint::{CsvColumn, Deed, Encoding, Field, Label, Shows};
use domain::lifecycle::PersonState;
use store::AdminScope;
use store::people::{self, Holding, PersonRow, Whom};
use store::users::Slice;

use super::list_people::{DEPARTMENT, PeopleQuery, called};
use super::presence::is_present;
use crate::App;
use crate::error::AppError;
use crate::provision::state;

/// So many people are read at once.
const PART: i64 = 500;

/// How a file is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct SheetForm<'a> {
    /// The language of headings and words; the product's own if none is named.
    pub language: Option<&'a str>,
    /// The encoding; the product's first if none is named.
    pub encoding: Option<Encoding>,
    /// Dates and times are so far east of UTC.
    pub minutes_east: i32,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Sheet {
    /// Its encoding.
    pub encoding: Encoding,
    columns: Vec<Column>,
    words: Words,
    policy: Arc<Policy>,
    /// Where roles are shown; everywhere if nowhere is named.
    workspace: Option<String>,
    /// Those who are still to come; none at the end.
    rest: Option<Whom>,
}

#[derive(Debug)]
struct Column {
    heading: String,
    what: What,
    shows: Shows,
}

#[derive(Debug)]
enum What {
    Field(Field),
    Flag(String),
}

/// How things are said.
#[derive(Debug)]
struct Words {
    language: String,
    zone: FixedOffset,
    now: DateTime<Utc>,
}

impl App {
    /// Begins a file of the people whom a query is about and whom the caller may export.
    pub async fn begin_sheet(
        &self,
        admin: &AdminScope,
        query: PeopleQuery<'_>,
        form: SheetForm<'_>,
    ) -> Result<Sheet, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let (policy, whom) = self.seen(&mut tx, admin, query, Some(Deed::ExportList)).await?;
        tx.finish().await?;
        if whom.holding.iter().any(Holding::is_nobodys) {
            return Err(AppError::GrantRule { deed: Deed::ExportList, rule: None });
        }
        let product = policy.blueprint.product();
        let csv = product.csv.as_ref().ok_or(AppError::NotFound("list as a file"))?;
        let encoding = match (form.encoding, csv.encodings.first()) {
            (Some(wanted), _) if csv.encodings.contains(&wanted) => wanted,
            (None, Some(first)) => *first,
            _ => return Err(AppError::Invalid("the product has no such file in this encoding".to_owned())),
        };
        let zone = FixedOffset::east_opt(form.minutes_east.saturating_mul(60));
        let zone = zone.ok_or_else(|| AppError::Invalid("there is no such time zone".to_owned()))?;
        let language = form.language.unwrap_or(policy.blueprint.default_locale()).to_owned();
        let words = Words { language, zone, now: self.now() };
        let columns = match csv.column.as_slice() {
            [] => listed(&policy, &words),
            said => said.iter().filter_map(|column| words.column(column)).collect(),
        };
        let workspace = query.workspace.map(str::to_owned);
        Ok(Sheet { encoding, columns, words, policy, workspace, rest: Some(whom) })
    }

    /// The next lines of a file; none at its end.
    pub async fn next_of_sheet(
        &self,
        admin: &AdminScope,
        sheet: &mut Sheet,
    ) -> Result<Option<Vec<Vec<String>>>, AppError> {
        let Some(whom) = sheet.rest.take() else { return Ok(None) };
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = people::list(&mut tx, whom.clone(), Slice { offset: 0, limit: PART }).await?;
        tx.finish().await?;
        let full = i64::try_from(rows.len()).is_ok_and(|found| found >= PART);
        sheet.rest = rows.last().filter(|_| full).map(|last| Whom { after: Some(last.id), ..whom });
        Ok(Some(rows.iter().map(|row| sheet.line(row)).collect()))
    }
}

/// The columns of the list, for a product whose file is its list.
fn listed(policy: &Policy, words: &Words) -> Vec<Column> {
    let list = policy.blueprint.product().directory.as_ref();
    let fields = list.map(|list| list.columns.as_slice()).unwrap_or_default();
    fields
        .iter()
        .map(|field| Column {
            heading: words.say(&field.heading()),
            what: What::Field(*field),
            shows: field.shown(),
        })
        .collect()
}

impl Words {
    fn say(&self, label: &Label) -> String {
        label.get(&self.language).unwrap_or(&label.en).to_owned()
    }

    fn column(&self, column: &CsvColumn) -> Option<Column> {
        let what = match (&column.field, &column.flag) {
            (Some(field), _) => What::Field(*field),
            (None, Some(flag)) => What::Flag(flag.get_ref().clone()),
            (None, None) => return None,
        };
        Some(Column { heading: self.say(&column.header), what, shows: column.shows })
    }

    fn either(&self, [ja, en, fr]: [&str; 3]) -> String {
        self.say(&Label { ja: ja.to_owned(), en: en.to_owned(), fr: fr.to_owned() })
    }

    fn moment(&self, at: Option<DateTime<Utc>>, shows: Shows) -> String {
        let format = if shows == Shows::DateOrBlank { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
        at.map(|at| at.with_timezone(&self.zone).format(format).to_string()).unwrap_or_default()
    }
}

impl Sheet {
    /// The line above the others.
    pub fn headings(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.heading.clone()).collect()
    }

    fn line(&self, person: &PersonRow) -> Vec<String> {
        let cell = |Column { what, shows, .. }: &Column| match what {
            What::Flag(flag) => switched(person, flag, *shows),
            What::Field(field) => self.cell(*field, *shows, person),
        };
        self.columns.iter().map(cell).collect()
    }

    fn cell(&self, field: Field, shows: Shows, person: &PersonRow) -> String {
        let first = |path: &str| person.resource.values_at(path).into_iter().next().unwrap_or_default();
        match field {
            Field::Avatar => first("photos"),
            Field::Name => called(&person.resource).unwrap_or_else(|| first("userName")),
            Field::Email => person.resource.preferred_email().unwrap_or_default(),
            Field::Department => first(DEPARTMENT),
            Field::JobTitle => first("title"),
            Field::CardProfile => first("profileUrl"),
            Field::Role => self.roles(person),
            Field::Team => places(person).into_iter().collect::<Vec<_>>().join(", "),
            Field::PlaceCount => places(person).len().to_string(),
            Field::Flags => self.flags(person),
            Field::Home => self.home(person, shows),
            Field::Status => self.status(person, shows),
            Field::Presence if is_present(person.last_seen_at, self.words.now) => {
                self.words.either(["オンライン", "online", "en ligne"])
            }
            Field::Presence => self.words.either(["オフライン", "offline", "hors ligne"]),
            Field::LastSeen => self.words.moment(person.last_seen_at, shows),
            Field::LastLogin => self.words.moment(person.last_login_at, shows),
            Field::StoppedAt => self.words.moment(person.stopped_at, shows),
            Field::AppVersion => match (&person.client_version, shows) {
                (Some(version), _) => version.clone(),
                (None, Shows::VersionOrUnknown) => self.words.either(["不明", "unknown", "inconnue"]),
                (None, _) => String::new(),
            },
        }
    }

    /// The names of their roles; in the workspace that the list is of, if it is of one.
    fn roles(&self, person: &PersonRow) -> String {
        let here = |scope: &Scope| match (&self.workspace, scope) {
            (None, _) => true,
            (Some(wanted), Scope::Workspace { key, .. }) => key == wanted,
            (Some(_), _) => false,
        };
        let held = access(person).flat_map(|access| &access.roles).filter(|held| here(&held.scope));
        let mut names: Vec<String> = Vec::new();
        for role in held.filter_map(|held| self.policy.blueprint.role(&held.role)) {
            let name = self.words.say(role.label());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    fn flags(&self, person: &PersonRow) -> String {
        let ids: BTreeSet<&str> =
            access(person).flat_map(|access| &access.flags).map(|held| held.flag.as_str()).collect();
        let flags = ids.into_iter().filter_map(|id| self.policy.blueprint.permission(id));
        flags.map(|flag| self.words.say(flag.label())).collect::<Vec<_>>().join(", ")
    }

    fn home(&self, person: &PersonRow, shows: Shows) -> String {
        let Some(home) = access(person).find_map(|access| access.home.as_ref()) else { return String::new() };
        match self.policy.tree.root() {
            Some(top) if shows == Shows::TopAndHome && top.id != home.org_unit => {
                format!("{}/{}", top.name, home.name)
            }
            _ => home.name.clone(),
        }
    }

    /// The product's word for where they stand.
    fn status(&self, person: &PersonRow, shows: Shows) -> String {
        let state = state(person.active);
        if state == PersonState::Active && !person.invited && shows == Shows::StatusUnlessActive {
            return String::new();
        }
        let status = self.policy.blueprint.status_of(state, person.invited);
        status.map(|status| self.words.say(status.label())).unwrap_or_default()
    }
}

/// The units and workspaces where they have a role.
fn places(person: &PersonRow) -> BTreeSet<&str> {
    let named = |scope| match scope {
        &Scope::Environment => None,
        Scope::OrgUnit { name, .. } | Scope::Workspace { name, .. } => Some(name.as_str()),
    };
    access(person).flat_map(|access| &access.roles).filter_map(|held| named(&held.scope)).collect()
}

fn access(person: &PersonRow) -> impl Iterator<Item = &EffectiveAccess> {
    person.access.iter()
}

fn switched(person: &PersonRow, flag: &str, shows: Shows) -> String {
    let on = access(person).flat_map(|access| &access.flags).any(|held| held.flag == flag);
    match (on, shows) {
        (true, Shows::Circle) => "◯",
        (false, Shows::Circle) => "",
        (true, _) => "ON",
        (false, _) => "OFF",
    }
    .to_owned()
}
