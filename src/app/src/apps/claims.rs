//! What an app is told of a person. Knows which scope says what; does not know how a token is made.

use domain::access::{EffectiveAccess, Scope as Held};
use domain::blueprint::AdminLevel;
use serde_json::{Map, Value, json};
use store::LiveSession;

/// The scopes that apps may ask for. Each says more of the person; `openid` alone says only who they are.
pub const SCOPES: [&str; 6] = ["openid", "profile", "email", "roles", "organisation", "permissions"];

/// Claims in the order in which they are worth their place in a token.
pub(super) type Claims = Vec<(&'static str, Value)>;

/// What these scopes say of what the person may do.
pub(super) fn of_access(scopes: &[String], access: &EffectiveAccess) -> Claims {
    let has = |name: &str| scopes.iter().any(|scope| scope == name);
    let mut claims = Claims::new();
    if has("roles") {
        // RFC 9068 §2.2.3.1: names. Where a role is held in a part of the tenant only, that is no role everywhere.
        let everywhere = access.roles.iter().filter(|held| held.scope == Held::Environment);
        claims.push(("roles", everywhere.map(|held| json!(held.role)).collect()));
        let partly = access.roles.iter().filter(|held| held.scope != Held::Environment);
        let partly: Vec<Value> =
            partly.map(|held| json!({"role": held.role, "in": place(&held.scope)})).collect();
        if !partly.is_empty() {
            claims.push(("scoped_roles", json!(partly)));
        }
    }
    if has("organisation") {
        if let Some(level) = access.roles.iter().filter_map(|held| held.level).min() {
            claims.push(("admin_level", json!(level_name(level))));
        }
        if let Some(home) = &access.home {
            claims.push(("org_unit", json!({"id": home.org_unit, "key": home.key, "level": home.depth})));
        }
        claims.push(("workspaces", json!(workspaces(access))));
    }
    if has("permissions") {
        let flags = access.flags.iter().map(|it| granted(&it.flag, &it.scope, &it.obligations));
        claims.push(("flags", flags.map(Value::Object).collect()));
        let held = access.permissions.iter().map(|it| {
            let mut held = granted(&it.permission, &it.scope, &it.obligations);
            for (name, value) in [("of", &it.of), ("level", &it.level)] {
                held.extend(value.iter().map(|value| (name.to_owned(), json!(value))));
            }
            Value::Object(held)
        });
        claims.push(("permissions", held.collect()));
    }
    claims
}

fn level_name(level: AdminLevel) -> Value {
    serde_json::to_value(level).unwrap_or_default()
}

fn granted(name: &str, scope: &Held, obligations: &[String]) -> Map<String, Value> {
    let mut held = Map::new();
    held.insert("name".to_owned(), json!(name));
    if *scope != Held::Environment {
        held.insert("in".to_owned(), place(scope));
    }
    if !obligations.is_empty() {
        held.insert("obligations".to_owned(), json!(obligations));
    }
    held
}

fn place(scope: &Held) -> Value {
    match scope {
        Held::Environment => Value::Null,
        Held::OrgUnit { key, .. } => json!({"org_unit": key}),
        Held::Workspace { key, .. } => json!({"workspace": key}),
    }
}

/// The workspaces in which they hold anything.
fn workspaces(access: &EffectiveAccess) -> Vec<&String> {
    let roles = access.roles.iter().map(|held| &held.scope);
    let flags = access.flags.iter().map(|held| &held.scope);
    let permissions = access.permissions.iter().map(|held| &held.scope);
    let mut keys: Vec<&String> = roles
        .chain(flags)
        .chain(permissions)
        .filter_map(|scope| match scope {
            Held::Workspace { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// What these scopes say of the person themselves (OpenID Connect Core §5.4). `email_verified` is whether the address is in a
/// domain that the tenant has proved to be its own.
pub(super) fn of_person(scopes: &[String], live: &LiveSession, email_verified: bool) -> Claims {
    let has = |name: &str| scopes.iter().any(|scope| scope == name);
    let resource = &live.resource;
    let document = resource.as_map();
    let text = |name: &str| document.get(name).filter(|value| value.is_string()).cloned();
    let part = |name: &str| document.get("name")?.get(name).filter(|value| value.is_string()).cloned();
    let mut claims = Claims::new();
    let mut say = |name: &'static str, value: Option<Value>| claims.extend(value.map(|value| (name, value)));
    if has("profile") {
        say("preferred_username", Some(json!(resource.user_name())));
        say("name", resource.display_name().map(|name| json!(name)).or_else(|| part("formatted")));
        say("given_name", part("givenName"));
        say("family_name", part("familyName"));
        say("nickname", text("nickName"));
        say("locale", text("locale"));
        say("zoneinfo", text("timezone"));
    }
    if has("email")
        && let Some(address) = email(document)
    {
        say("email", Some(json!(address)));
        say("email_verified", Some(json!(email_verified)));
    }
    claims
}

/// Their address: the primary one, else the first.
pub(crate) fn email(document: &Map<String, Value>) -> Option<&str> {
    let emails = document.get("emails")?.as_array()?;
    let primary = emails.iter().find(|email| email.get("primary") == Some(&Value::Bool(true)));
    primary.or_else(|| emails.first())?.get("value")?.as_str()
}

/// What every token of a session and every answer about it says, whatever the scopes.
pub(super) fn of_session(live: &LiveSession) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(live.user));
    claims.insert("sid".to_owned(), json!(live.id));
    claims.insert("auth_time".to_owned(), json!(live.proven.at.unwrap_or(live.began_at).timestamp()));
    if !live.proven.amr.is_empty() {
        claims.insert("amr".to_owned(), json!(live.proven.amr));
    }
    if let Some(acr) = &live.proven.acr {
        claims.insert("acr".to_owned(), json!(acr));
    }
    // Larger with each decision about the person.
    claims.insert("access_version".to_owned(), json!(live.computed_at.timestamp_micros()));
    claims
}
