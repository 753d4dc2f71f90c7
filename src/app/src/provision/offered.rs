//! A directory reads what its tenant offers: the blueprint's roles, and its flags as entitlements, with the seats for
//! those who have them. Knows what there is; does not know how it is written.

use domain::blueprint::{Blueprint, Label, Permission, Role, ScopeKind};
use domain::seat::{AtLimit, Door, PoolClass};
use serde_json::{Map, Value};
use store::DirectoryScope;
use store::listing::{Found, Position, Window};
use store::seat_pools;
use uuid::Uuid;

use super::{ListQuery, Page};
use crate::App;
use crate::error::AppError;

/// Which kind of thing is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// Roles.
    Roles,
    /// Entitlements.
    Entitlements,
}

impl Offered {
    /// The name of its list.
    pub fn list(self) -> &'static str {
        match self {
            Self::Roles => "Roles",
            Self::Entitlements => "Entitlements",
        }
    }
}

/// Something that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What stands for it in a person's document; also its id.
    pub value: String,
    /// What people call it.
    pub display: String,
    /// Where it is held.
    pub held_at: &'static str,
    /// What is granted with it.
    pub contains: Vec<String>,
    /// What it is granted with.
    pub contained_by: Vec<String>,
    /// The seats of those who have it, if the tenant counts them.
    pub seats: Option<Seats>,
}

/// How many people can have what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// Whether nobody gets one beyond those that were bought.
    pub limited: bool,
    /// How many were bought.
    pub permitted: i32,
    /// How many are taken.
    pub used: i32,
}

impl App {
    /// What the tenant offers, in a language or else the product's own; in the order of the values. A role has the numbers of the seats of
    /// its class, and an entitlement, which whoever has any role can have, those of the common pool.
    pub async fn offering(
        &self,
        directory: &DirectoryScope,
        what: Offered,
        locale: &str,
    ) -> Result<Vec<Offer>, AppError> {
        let types = self.types(directory).await?;
        let mut tx = self.db.read(directory.scope()).await?;
        let pools = seat_pools::all(&mut tx).await?;
        tx.finish().await?;
        let blueprint = types.blueprint();
        let product = blueprint.at_limit(Door::Directory);
        let mut offers = offers(blueprint, what, locale);
        for offer in &mut offers {
            let role = Some(offer.value.as_str()).filter(|_| what == Offered::Roles);
            let class = role.and_then(|role| blueprint.seat_class_of(role));
            if class.is_some_and(|class| blueprint.is_free(class)) {
                continue;
            }
            let class = PoolClass::of(class.map(|class| class.id().to_owned()));
            offer.seats = pools.counting(&class).map(|pool| Seats {
                limited: pool.chosen.at(Door::Directory, product) != AtLimit::Overage,
                permitted: pool.state.purchased,
                used: pool.state.used,
            });
        }
        Ok(offers)
    }

    /// The page of a list of few that was made for the question. They are in the order of their ids.
    pub fn page_of(
        &self,
        directory: &DirectoryScope,
        list: &'static str,
        query: &ListQuery,
        mut all: Vec<Map<String, Value>>,
    ) -> Result<Page<Value>, AppError> {
        let question = query.question(list);
        let asked = self.asked(directory, question)?;
        if let Some(filter) = &query.filter {
            all.retain(|one| filter.matches(one));
        }
        if let Some(sort) = &query.sort {
            all.sort_by(|one, other| sort.compare(one, other));
        }
        let total = i64::try_from(all.len()).ok();
        let (begin, limit) = window(&asked.window, &all)?;
        let rest = all.len().saturating_sub(begin);
        let rows: Vec<_> = all.into_iter().skip(begin).take(limit).collect();
        let end = rows.last().filter(|_| rest > limit && matches!(asked.window, Window::After { .. }));
        let next = end.map(|end| Position { key: Some(id(end).to_owned()), id: Uuid::nil() });
        self.paged(directory, question, &asked, Found { rows, total, next }, Value::Object)
    }
}

/// Where a page begins, and how many it has.
fn window(window: &Window, all: &[Map<String, Value>]) -> Result<(usize, usize), scim::Error> {
    let whole = |number: i64| usize::try_from(number).unwrap_or_default();
    match window {
        Window::Slice(slice) => Ok((whole(slice.offset), whole(slice.limit))),
        Window::After { position: None, limit } => Ok((0, whole(*limit))),
        Window::After { position: Some(position), limit } => {
            let last = position.key.as_deref().unwrap_or_default();
            let place = all.iter().position(|one| id(one) == last);
            let place =
                place.ok_or_else(|| scim::Error::expired_cursor("What was listed is gone; begin again"))?;
            Ok((place.saturating_add(1), whole(*limit)))
        }
    }
}

fn id(resource: &Map<String, Value>) -> &str {
    resource.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn offers(blueprint: &Blueprint, what: Offered, locale: &str) -> Vec<Offer> {
    let say = |label: &Label| blueprint.say(label, locale).to_owned();
    let ids = |roles: Vec<&Role>| roles.into_iter().map(|role| role.id().to_owned()).collect();
    match what {
        Offered::Roles => blueprint
            .roles()
            .map(|role| Offer {
                value: role.id().to_owned(),
                display: say(role.label()),
                held_at: place(role.scope()),
                contains: ids(blueprint.contained_in(role).collect()),
                contained_by: ids(blueprint.containing(role).collect()),
                seats: None,
            })
            .collect(),
        Offered::Entitlements => blueprint
            .flags()
            .map(|flag| Offer {
                value: flag.id().to_owned(),
                display: say(flag.label()),
                held_at: widest(flag),
                contains: Vec::new(),
                contained_by: Vec::new(),
                seats: None,
            })
            .collect(),
    }
}

/// The widest place where a flag can be held.
fn widest(flag: &Permission) -> &'static str {
    let places = [ScopeKind::Environment, ScopeKind::OrgUnit, ScopeKind::Workspace];
    places.into_iter().find(|kind| flag.can_be_held_at(*kind)).map_or("environment", place)
}

fn place(kind: ScopeKind) -> &'static str {
    match kind {
        ScopeKind::Environment => "environment",
        ScopeKind::OrgUnit => "orgUnit",
        ScopeKind::Workspace => "workspace",
        ScopeKind::Product => "product",
    }
}
