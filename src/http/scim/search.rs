//! Queries (RFC 7644 §3.4.2 and §3.4.3), from the address or from a `.search` body, of one type or of all.

use std::sync::{Arc, LazyLock};

use actix_web::web::Data;
use app::provision::Slice;
use scim::dialect::Dialect;
use scim::filter::Filter;
use scim::message::{ListResponse, Paging, SEARCH_REQUEST_URN};
use scim::schema::{ResourceType, Schema};
use serde_json::{Map, Value};

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::{Answer, answer, groups, users};

/// What a query asks for. Sorting is not supported, which `/ServiceProviderConfig` says: the order is by id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) filter: Option<String>,
    pub(super) shown: Shown,
    pub(super) paging: Paging,
}

/// Which attributes are to be shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) attributes: Option<String>,
    pub(super) excluded: Option<String>,
}

impl Shown {
    pub(super) fn from_query(query: &Query) -> Result<Self, Refused> {
        Ok(Self {
            attributes: query.get("attributes")?.map(str::to_owned),
            excluded: query.get("excludedAttributes")?.map(str::to_owned),
        })
    }

    /// Whether the client says anything about it: then a PATCH must answer with the resource.
    pub(super) fn is_asked(&self) -> bool {
        self.attributes.is_some() || self.excluded.is_some()
    }
}

impl Search {
    pub(super) fn from_query(query: &Query, dialect: &Dialect) -> Result<Self, Refused> {
        Ok(Self {
            filter: query.filter(dialect)?,
            shown: Shown::from_query(query)?,
            paging: Paging::from_query(query.get("startIndex")?, query.get("count")?)?,
        })
    }

    /// Reads a `SearchRequest`. Attribute names of a message are in any case, like all attribute names.
    pub(super) fn from_body(body: Value) -> Result<Self, Refused> {
        let Value::Object(body) = body else {
            return Err(syntax("A search request is a JSON object"));
        };
        let schemas = texts(&body, "schemas")?.unwrap_or_default();
        if !schemas.iter().any(|urn| urn.eq_ignore_ascii_case(SEARCH_REQUEST_URN)) {
            return Err(syntax(format!("A search request has the schema {SEARCH_REQUEST_URN}")));
        }
        let start_index = whole_number(&body, "startIndex")?;
        let count = whole_number(&body, "count")?;
        Ok(Self {
            filter: text(&body, "filter")?,
            shown: Shown {
                attributes: texts(&body, "attributes")?.map(|names| names.join(",")),
                excluded: texts(&body, "excludedAttributes")?.map(|names| names.join(",")),
            },
            paging: Paging::from_query(start_index.as_deref(), count.as_deref())?,
        })
    }

    /// The filter in the terms of a resource type.
    pub(super) fn filter(&self, of: &ResourceType, dialect: &Dialect) -> Result<Option<Filter>, scim::Error> {
        self.filter.as_deref().map(|text| Filter::parse_as(of, text, dialect)).transpose()
    }

    pub(super) fn slice(&self) -> Slice {
        Slice { offset: self.paging.offset(), limit: self.paging.count }
    }

    /// The page as it is sent.
    pub(super) fn page(&self, total: i64, resources: Vec<Value>) -> ListResponse {
        ListResponse {
            total_results: total,
            start_index: self.paging.start_index,
            items_per_page: i64::try_from(resources.len()).unwrap_or(i64::MAX),
            resources,
        }
    }
}

fn syntax(detail: impl Into<String>) -> Refused {
    scim::Error::invalid_syntax(detail).into()
}

/// A member of the message; null is absence (RFC 7643 §2.5).
fn member<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut found = body.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    found.next().filter(|value| !value.is_null())
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match member(body, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(syntax(format!("'{name}' is a string"))),
    }
}

fn texts(body: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Refused> {
    let wrong = || syntax(format!("'{name}' is a list of strings"));
    match member(body, name) {
        None => Ok(None),
        Some(Value::Array(items)) => {
            let items = items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong));
            items.collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(wrong()),
    }
}

fn whole_number(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match member(body, name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(syntax(format!("'{name}' is an integer"))),
    }
}

/// `GET /scim/v2`
pub(super) async fn everything(client: ScimClient, query: Query, state: Data<AppState>) -> Answer {
    across(&client, &Search::from_query(&query, client.dialect())?, &state).await
}

/// `POST /scim/v2/.search`
pub(super) async fn search_everything(client: ScimClient, body: Body, state: Data<AppState>) -> Answer {
    let body = body.scim(&state).await?;
    across(&client, &Search::from_body(body)?, &state).await
}

/// Users, then groups, each by id: one order, so that pages neither overlap nor leave anybody out.
async fn across(client: &ScimClient, search: &Search, state: &AppState) -> Answer {
    let Search { filter: _, shown, paging } = search;
    let slice = search.slice();
    let filter = search.filter(&types().0, client.dialect())?;
    let people = users::page(client, filter.as_ref(), slice, shown, state).await?;
    let filter = search.filter(&types().1, client.dialect())?;
    let here = i64::try_from(people.resources.len()).unwrap_or(paging.count);
    let rest = Slice {
        offset: slice.offset.saturating_sub(people.total).max(0),
        limit: slice.limit.saturating_sub(here),
    };
    let groups = groups::page(client, filter.as_ref(), rest, shown, state).await?;
    let mut resources = people.resources;
    resources.extend(groups.resources);
    Ok(answer::list(&search.page(people.total.saturating_add(groups.total), resources)))
}

/// Some of the resources of one type, rendered.
pub(super) struct Rendered {
    pub(super) resources: Vec<Value>,
    pub(super) total: i64,
}

/// User and Group, each with the other's attributes too.
///
/// RFC 7644 §3.4.2.1: "For filtered attributes that are not part of a particular resource type, the service provider
/// SHALL treat the attribute as if there is no attribute value."
fn types() -> &'static (ResourceType, ResourceType) {
    static TYPES: LazyLock<(ResourceType, ResourceType)> = LazyLock::new(|| {
        let (user, group) = (scim::schema::user(), scim::schema::group());
        (with_attributes_of(&user, &group), with_attributes_of(&group, &user))
    });
    &TYPES
}

fn with_attributes_of(own: &ResourceType, other: &ResourceType) -> ResourceType {
    let foreign = other.schema.attributes.iter().filter(|attribute| own.attribute(&attribute.name).is_none());
    let attributes = own.schema.attributes.iter().chain(foreign).cloned().collect();
    let schema = Schema { attributes, ..Schema::clone(&own.schema) };
    let extensions = own.extensions.iter().chain(&other.extensions).cloned().collect();
    ResourceType { schema: Arc::new(schema), extensions, ..own.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_search_body_says_what_a_query_says() {
        let query = Query::parse("filter=userName+pr&attributes=id,emails&startIndex=3&count=7");
        let body = json!({
            "schemas": [SEARCH_REQUEST_URN],
            "filter": "userName pr",
            "Attributes": ["id", "emails"],
            "startindex": 3,
            "count": 7,
            "sortBy": "userName",
        });

        assert_eq!(
            Search::from_body(body).unwrap(),
            Search::from_query(&query, &Dialect::undetected()).unwrap()
        );
    }

    #[test]
    fn a_search_body_of_another_shape_is_invalid_syntax() {
        for body in [
            json!([]),
            json!({"filter": "userName pr"}),
            json!({"schemas": [SEARCH_REQUEST_URN], "filter": 1}),
            json!({"schemas": [SEARCH_REQUEST_URN], "attributes": "id"}),
            json!({"schemas": [SEARCH_REQUEST_URN], "attributes": [1]}),
            json!({"schemas": [SEARCH_REQUEST_URN], "count": "7"}),
        ] {
            let refused = Search::from_body(body.clone()).unwrap_err();
            assert_eq!(refused.scim_type(), Some(scim::ScimType::InvalidSyntax), "{body}");
        }
    }

    #[test]
    fn across_all_types_each_knows_the_others_attributes() {
        let search = |filter: &str| Search {
            filter: Some(filter.to_owned()),
            shown: Shown::default(),
            paging: Paging { start_index: 1, count: 10 },
        };
        for filter in [
            "userName eq \"x\" or displayName eq \"y\"",
            "members pr",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"d\"",
            "meta.resourceType eq \"User\"",
        ] {
            assert!(search(filter).filter(&types().0, &Dialect::strict()).unwrap().is_some(), "{filter}");
            assert!(search(filter).filter(&types().1, &Dialect::strict()).unwrap().is_some(), "{filter}");
        }
        assert!(search("nonsense pr").filter(&types().0, &Dialect::strict()).is_err());
    }
}
