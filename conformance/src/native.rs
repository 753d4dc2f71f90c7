//! Checks that loop, count or ask several things at once. Knows SCIM; does not know in which order checks are asked.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::expect::error_message;
use crate::pointer::{find, member};
use crate::session::{Session, Stop, failed, patch};
use crate::vars::encoded;

/// Every check in Rust, by the name that files give it.
#[cfg(test)]
pub(crate) const NAMES: [&str; 15] = [
    "resource_types_have_their_schemas",
    "schemas_are_well_formed",
    "answers_hold_declared_attributes",
    "large_bodies",
    "deep_bodies",
    "deep_filters",
    "creates_at_once",
    "patches_at_once",
    "members_at_once",
    "many_members",
    "many_operations",
    "pages_by_index",
    "pages_by_cursor",
    "bulk_limit",
    "groups_within_600_ms",
];

type Asked = Result<(), Stop>;

/// Asks the check of this name.
pub(crate) async fn ask(name: &str, session: &mut Session<'_>) -> Asked {
    match name {
        "resource_types_have_their_schemas" => resource_types_have_their_schemas(session).await,
        "schemas_are_well_formed" => schemas_are_well_formed(session),
        "answers_hold_declared_attributes" => answers_hold_declared_attributes(session).await,
        "large_bodies" => large_bodies(session).await,
        "deep_bodies" => deep_bodies(session).await,
        "deep_filters" => deep_filters(session).await,
        "creates_at_once" => creates_at_once(session).await,
        "patches_at_once" => patches_at_once(session).await,
        "members_at_once" => members_at_once(session).await,
        "many_members" => many_members(session).await,
        "many_operations" => many_operations(session).await,
        "pages_by_index" => pages_by_index(session).await,
        "pages_by_cursor" => pages_by_cursor(session).await,
        "bulk_limit" => bulk_limit(session).await,
        "groups_within_600_ms" => groups_within_600_ms(session).await,
        other => Err(Stop::from(format!("there is no check {other}"))),
    }
}

fn text(value: &Value, name: &str) -> String {
    member(value, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn expect_status(session: &mut Session<'_>, ask: Ask, statuses: &[u16]) -> Result<Answer, Stop> {
    let answer = session.send(&ask).await?;
    if statuses.contains(&answer.status) {
        return Ok(answer);
    }
    let wanted = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    Err(failed(&ask, &answer, vec![format!("status {} instead of {wanted}", answer.status)]))
}

async fn resource_types_have_their_schemas(session: &mut Session<'_>) -> Asked {
    let types = session.features.types().to_vec();
    if types.is_empty() {
        return Err(Stop::from("/ResourceTypes lists nothing".to_owned()));
    }
    for found in types {
        let name = text(&found, "name");
        let answer =
            expect_status(session, Ask::new("GET", format!("/ResourceTypes/{name}")), &[200]).await?;
        if text(&answer.body(), "name") != name {
            return Err(Stop::from(format!("/ResourceTypes/{name} is another resource type")));
        }
        let extensions = find(&found, "/schemaExtensions/*/schema").unwrap_or_default();
        let own = member(&found, "schema").into_iter();
        for urn in own.chain(extensions.as_array().into_iter().flatten()).filter_map(Value::as_str) {
            if !session.features.schemas().iter().any(|schema| text(schema, "id") == urn) {
                return Err(Stop::from(format!("{name} names {urn}, which /Schemas does not list")));
            }
            let answer = expect_status(session, Ask::new("GET", format!("/Schemas/{urn}")), &[200]).await?;
            if text(&answer.body(), "id") != urn {
                return Err(Stop::from(format!("/Schemas/{urn} is another schema")));
            }
        }
    }
    Ok(())
}

/// RFC 7643 §7, with erratum 8415: a sub-attribute is never complex.
fn schemas_are_well_formed(session: &Session<'_>) -> Asked {
    let schemas = session.features.schemas();
    if schemas.is_empty() {
        return Err(Stop::from("/Schemas lists nothing".to_owned()));
    }
    let mut wrong = Vec::new();
    for schema in schemas {
        let urn = text(schema, "id");
        for attribute in find(schema, "/attributes/*").unwrap_or_default().as_array().into_iter().flatten() {
            well_formed(&urn, attribute, false, &mut wrong);
            let below = find(attribute, "/subAttributes/*").unwrap_or_default();
            for sub in below.as_array().into_iter().flatten() {
                well_formed(&format!("{urn}:{}", text(attribute, "name")), sub, true, &mut wrong);
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Stop::from(wrong.join("; "))) }
}

fn well_formed(of: &str, attribute: &Value, is_sub: bool, wrong: &mut Vec<String>) {
    let name = format!("{of}:{}", text(attribute, "name"));
    let types: &[&str] = &["string", "boolean", "decimal", "integer", "dateTime", "reference", "binary"];
    let kind = text(attribute, "type");
    // The schema of schemas describes itself: there, a sub-attribute has sub-attributes (RFC 7643 §8.7.2).
    let may_be_complex = !is_sub || of.ends_with(":Schema:attributes");
    let is_legal = types.contains(&kind.as_str()) || may_be_complex && kind == "complex";
    if !is_legal {
        wrong.push(format!("{name} has the type {kind:?}"));
    }
    for (characteristic, values) in [
        ("mutability", &["readOnly", "readWrite", "immutable", "writeOnly"][..]),
        ("returned", &["always", "never", "default", "request"][..]),
        ("uniqueness", &["none", "server", "global"][..]),
    ] {
        let value = text(attribute, characteristic);
        let is_left_out = value.is_empty() && characteristic == "uniqueness" && kind != "string";
        if !is_left_out && !values.contains(&value.as_str()) {
            wrong.push(format!("{name} has {characteristic} {value:?}"));
        }
    }
    for flag in ["multiValued", "required"] {
        if !member(attribute, flag).is_some_and(Value::is_boolean) {
            wrong.push(format!("{name} has no {flag}"));
        }
    }
    if kind == "string" && !member(attribute, "caseExact").is_some_and(Value::is_boolean) {
        wrong.push(format!("{name} has no caseExact"));
    }
}

async fn answers_hold_declared_attributes(session: &mut Session<'_>) -> Asked {
    let id = session.vars.text("user")?;
    let answer = expect_status(session, Ask::new("GET", format!("/Users/{id}")), &[200]).await?;
    let schemas = session.features.schemas_of("User").into_iter().cloned().collect::<Vec<_>>();
    let (core, extensions) =
        schemas.split_first().ok_or_else(|| Stop::from("no schema of User is published".to_owned()))?;
    let mut wrong = Vec::new();
    for (name, value) in answer.body().as_object().into_iter().flatten() {
        if ["schemas", "id", "externalId", "meta"].contains(&name.as_str()) {
            continue; // common to all resources (RFC 7643 §3.1), so no schema needs to list them
        }
        match extensions.iter().find(|schema| text(schema, "id") == *name) {
            Some(extension) => {
                for inner in value.as_object().into_iter().flat_map(|map| map.iter()) {
                    undeclared(extension, inner.0, inner.1, &mut wrong);
                }
            }
            None => undeclared(core, name, value, &mut wrong),
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(failed(&Ask::new("GET", format!("/Users/{id}")), &answer, wrong))
    }
}

fn undeclared(schema: &Value, name: &str, value: &Value, wrong: &mut Vec<String>) {
    let attributes = find(schema, "/attributes/*").unwrap_or_default();
    let same = |it: &&Value| text(it, "name").eq_ignore_ascii_case(name);
    let Some(attribute) = attributes.as_array().into_iter().flatten().find(same) else {
        wrong.push(format!("{name} is not an attribute of {}", text(schema, "id")));
        return;
    };
    if value.is_array() != (member(attribute, "multiValued") == Some(&Value::Bool(true))) {
        wrong.push(format!("{name} is {value}, unlike its multiValued"));
    }
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let subs = find(attribute, "/subAttributes/*/name").unwrap_or_default();
    for key in items.iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys) {
        let listed = subs.as_array().into_iter().flatten().filter_map(Value::as_str);
        if !listed.into_iter().any(|sub| sub.eq_ignore_ascii_case(key)) {
            wrong.push(format!("{name}.{key} is not declared"));
        }
    }
}

/// Forty megabytes are more than any person is.
async fn large_bodies(session: &mut Session<'_>) -> Asked {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": session.vars.text("unique")?,
        "displayName": "x".repeat(40_000_000),
    });
    let mut ask = Ask::new("POST", "/Users");
    ask.body = Some(body.to_string());
    let sent = session.client.send(&ask).await;
    ask.body = Some("{…, \"displayName\": \"xxx… 40 MB\"}".to_owned());
    match sent {
        // A server may answer before it has read everything, and close; the client then sees no answer.
        Err(trouble)
            if trouble.contains("reset") || trouble.contains("closed") || trouble.contains("Broken pipe") =>
        {
            expect_status(session, Ask::new("GET", "/ServiceProviderConfig"), &[200]).await.map(|_| ())
        }
        Err(trouble) => Err(Stop::from(trouble)),
        Ok(answer) if answer.status == 413 => match error_message(&answer, "") {
            wrong if wrong.is_empty() => Ok(()),
            wrong => Err(failed(&ask, &answer, wrong)),
        },
        Ok(answer) => {
            session.remember(&ask, &answer);
            Err(failed(&ask, &answer, vec![format!("status {} instead of 413", answer.status)]))
        }
    }
}

async fn deep_bodies(session: &mut Session<'_>) -> Asked {
    let depth = 50_000;
    let unique = session.vars.text("unique")?;
    let mut ask = Ask::new("POST", "/Users");
    ask.body = Some(format!(
        "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"{unique}\",\"name\":{}{}}}",
        "[".repeat(depth),
        "]".repeat(depth)
    ));
    let answer = session.send(&ask).await?;
    let mut wrong = error_message(&answer, "");
    if ![400, 413].contains(&answer.status) {
        wrong.push(format!("status {} instead of 400 or 413", answer.status));
    }
    if wrong.is_empty() { Ok(()) } else { Err(failed(&ask, &answer, wrong)) }
}

async fn deep_filters(session: &mut Session<'_>) -> Asked {
    let depth = 3_000;
    let filter = format!("{}userName pr{}", "(".repeat(depth), ")".repeat(depth)).replace(' ', "%20");
    let mut ask = Ask::new("GET", format!("/Users?filter={filter}"));
    let sent = session.send(&ask).await?;
    ask.target = format!("/Users?filter=((({depth} times(userName pr)…)))");
    match sent.status {
        400 | 413 | 414 | 431 => Ok(()),
        status => Err(failed(&ask, &sent, vec![format!("status {status} instead of 400, 413, 414 or 431")])),
    }
}

/// Sends all at once; the answers in the order of the requests.
async fn at_once(session: &mut Session<'_>, asks: &[Ask]) -> Result<Vec<Answer>, Stop> {
    let client = session.client;
    let sent = join_all(asks.iter().map(|ask| client.send(ask))).await;
    let mut answers = Vec::new();
    for (ask, answer) in asks.iter().zip(sent) {
        let answer = answer.map_err(Stop::from)?;
        session.remember(ask, &answer);
        answers.push(answer);
    }
    Ok(answers)
}

fn counted(asks: &[Ask], answers: &[Answer], good: usize, wrong: String) -> Asked {
    if good == answers.len() {
        return Ok(());
    }
    match (asks.first(), answers.last()) {
        (Some(ask), Some(answer)) => Err(failed(ask, answer, vec![wrong])),
        _ => Err(Stop::from(wrong)),
    }
}

async fn creates_at_once(session: &mut Session<'_>) -> Asked {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": session.vars.text("unique")?,
    });
    let asks = vec![Ask::new("POST", "/Users").with(&body); 12];
    let answers = at_once(session, &asks).await?;
    let statuses = answers.iter().map(|answer| answer.status).collect::<Vec<_>>();
    let created = statuses.iter().filter(|status| **status == 201).count();
    let refused = statuses.iter().filter(|status| **status == 409).count();
    let good = if created == 1 { created + refused } else { 0 };
    counted(
        &asks,
        &answers,
        good,
        format!("twelve at once were answered {statuses:?} instead of one 201 and eleven 409"),
    )
}

async fn patches_at_once(session: &mut Session<'_>) -> Asked {
    let id = session.vars.text("user")?;
    let replace = |path: &str| {
        let operations = json!([{"op": "replace", "path": path, "value": format!("{path} at once")}]);
        Ask::new("PATCH", format!("/Users/{id}")).with(&patch(&operations))
    };
    let asks = ["displayName", "title", "nickName", "userType", "locale", "timezone"].map(replace);
    let answers = at_once(session, &asks).await?;
    let good = answers.iter().filter(|answer| [200, 204].contains(&answer.status)).count();
    counted(&asks, &answers, good, format!("{good} of {} were accepted", asks.len()))?;
    let ask = Ask::new("GET", format!("/Users/{id}"));
    let answer = expect_status(session, ask.clone(), &[200]).await?;
    let lost = ["displayName", "title", "nickName", "userType", "locale", "timezone"]
        .into_iter()
        .filter(|path| text(&answer.body(), path) != format!("{path} at once"))
        .map(|path| format!("the change of {path} is lost"))
        .collect::<Vec<_>>();
    if lost.is_empty() { Ok(()) } else { Err(failed(&ask, &answer, lost)) }
}

async fn a_group(session: &mut Session<'_>) -> Result<String, Stop> {
    let name = session.vars.text("unique")?;
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name});
    session.create("/Groups", &body).await
}

async fn has_members(session: &mut Session<'_>, group: &str, wanted: usize) -> Asked {
    let ask = Ask::new("GET", format!("/Groups/{group}?attributes=members"));
    let answer = expect_status(session, ask.clone(), &[200]).await?;
    let found =
        find(&answer.body(), "/members").and_then(|it| it.as_array().map(Vec::len)).unwrap_or_default();
    if found == wanted {
        return Ok(());
    }
    Err(failed(&ask, &answer, vec![format!("{found} members instead of {wanted}")]))
}

async fn members_at_once(session: &mut Session<'_>) -> Asked {
    let people = session.people(16).await?;
    let group = a_group(session).await?;
    let asks = people
        .iter()
        .map(|person| {
            let operations = json!([{"op": "add", "path": "members", "value": [{"value": person}]}]);
            Ask::new("PATCH", format!("/Groups/{group}")).with(&patch(&operations))
        })
        .collect::<Vec<_>>();
    let answers = at_once(session, &asks).await?;
    let good = answers.iter().filter(|answer| [200, 204].contains(&answer.status)).count();
    counted(&asks, &answers, good, format!("{good} of {} were accepted", asks.len()))?;
    has_members(session, &group, people.len()).await
}

/// As many as Okta is said to put into one PATCH.
async fn many_members(session: &mut Session<'_>) -> Asked {
    let people = session.people(256).await?;
    let group = a_group(session).await?;
    let members = people.iter().map(|person| json!({"value": person})).collect::<Vec<_>>();
    let add = json!([{"op": "add", "path": "members", "value": members}]);
    let ask = Ask::new("PATCH", format!("/Groups/{group}")).with(&patch(&add));
    expect_status(session, ask, &[200, 204]).await?;
    has_members(session, &group, people.len()).await
}

/// Fifty operations that add a member each, then fifty that remove one each.
async fn many_operations(session: &mut Session<'_>) -> Asked {
    let people = session.people(50).await?;
    let group = a_group(session).await?;
    let add = |person: &String| json!({"op": "add", "path": "members", "value": [{"value": person}]});
    let remove = |person: &String| json!({"op": "remove", "path": format!("members[value eq \"{person}\"]")});
    let added = patch(&people.iter().map(add).collect());
    expect_status(session, Ask::new("PATCH", format!("/Groups/{group}")).with(&added), &[200, 204]).await?;
    has_members(session, &group, people.len()).await?;
    let removed = patch(&people.iter().map(remove).collect());
    expect_status(session, Ask::new("PATCH", format!("/Groups/{group}")).with(&removed), &[200, 204]).await?;
    has_members(session, &group, 0).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let found = find(&answer.body(), "/Resources/*/id").unwrap_or_default();
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn our_filter(session: &Session<'_>) -> Result<String, Stop> {
    let filter = format!("userName sw \"{}-many-\"", session.vars.text("unique")?);
    Ok(encoded(&filter, |byte| byte.is_ascii_alphanumeric()))
}

fn compare(ask: &Ask, answer: &Answer, mut seen: Vec<String>, mut people: Vec<String>) -> Asked {
    seen.sort();
    people.sort();
    if seen == people {
        return Ok(());
    }
    let wrong = format!("the pages held {} resources instead of {} different ones", seen.len(), people.len());
    Err(failed(ask, answer, vec![wrong]))
}

async fn pages_by_index(session: &mut Session<'_>) -> Asked {
    let people = session.people(7).await?;
    let filter = our_filter(session)?;
    let mut seen = Vec::new();
    loop {
        let start = seen.len() + 1;
        let ask = Ask::new("GET", format!("/Users?filter={filter}&startIndex={start}&count=3"));
        let answer = expect_status(session, ask.clone(), &[200]).await?;
        let page = ids(&answer);
        let mut wrong = Vec::new();
        for (name, wanted) in [("totalResults", 7), ("startIndex", start), ("itemsPerPage", page.len())] {
            let found = member(&answer.body(), name).cloned().unwrap_or_default();
            if found != json!(wanted) {
                wrong.push(format!("/{name} is {found} instead of {wanted}"));
            }
        }
        if page.len() > 3 {
            wrong.push(format!("the page holds {} resources", page.len()));
        }
        if !wrong.is_empty() {
            return Err(failed(&ask, &answer, wrong));
        }
        let ended = page.is_empty();
        seen.extend(page);
        if ended || seen.len() >= people.len() {
            return compare(&ask, &answer, seen, people);
        }
    }
}

async fn pages_by_cursor(session: &mut Session<'_>) -> Asked {
    let people = session.people(7).await?;
    let filter = our_filter(session)?;
    let (mut seen, mut cursor, mut first) = (Vec::new(), String::new(), true);
    loop {
        let ask = Ask::new("GET", format!("/Users?filter={filter}&cursor={cursor}&count=3"));
        let answer = expect_status(session, ask.clone(), &[200]).await?;
        let body = answer.body();
        let page = ids(&answer);
        let next = member(&body, "nextCursor").and_then(Value::as_str).map(str::to_owned);
        let mut wrong = Vec::new();
        if page.len() > 3 {
            wrong.push(format!("the page holds {} resources", page.len()));
        }
        if first && member(&body, "previousCursor").is_some() {
            wrong.push("the first page has a previousCursor".to_owned());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if next.as_ref().is_some_and(|it| it.is_empty() || !it.bytes().all(plain)) {
            wrong.push("nextCursor has characters that are not unreserved".to_owned());
        }
        seen.extend(page);
        if next.is_some() && seen.len() > people.len() {
            wrong.push("there is a nextCursor although everything was read".to_owned());
        }
        if !wrong.is_empty() {
            return Err(failed(&ask, &answer, wrong));
        }
        first = false;
        match next {
            Some(next) => cursor = next,
            None => return compare(&ask, &answer, seen, people),
        }
    }
}

async fn bulk_limit(session: &mut Session<'_>) -> Asked {
    let most =
        session.features.config("/bulk/maxOperations").and_then(|most| most.as_u64()).unwrap_or_default();
    let Some(count) = usize::try_from(most).ok().filter(|most| (1..=20_000).contains(most)) else {
        return Err(Stop::Skip(format!("bulk.maxOperations is {most}")));
    };
    let operations = vec![json!({"method": "DELETE", "path": "/Users/nobody-has-this-id"}); count + 1];
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    });
    let ask = Ask::new("POST", "/Bulk").with(&body);
    let answer = expect_status(session, ask.clone(), &[413]).await?;
    let mut wrong = error_message(&answer, "");
    if !answer.text.contains(&most.to_string()) {
        wrong.push(format!("the answer does not name the limit {most}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(failed(&ask, &answer, wrong)) }
}

async fn groups_within_600_ms(session: &mut Session<'_>) -> Asked {
    let ask = Ask::new("GET", "/Groups?startIndex=1&count=100");
    let answer = expect_status(session, ask.clone(), &[200]).await?;
    if answer.took.as_millis() < 600 {
        return Ok(());
    }
    Err(failed(&ask, &answer, vec![format!("the answer took {} ms", answer.took.as_millis())]))
}
