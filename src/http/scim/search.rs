//! Queries (RFC 7644 §3.4.2 and §3.4.3), from the address or from a `.search` body. Knows what can be asked; does not know
//! who answers.

use std::sync::Arc;

use app::provision::{ListQuery, Page};
use scim::dialect::Dialect;
use scim::filter::Filter;
use scim::message::{ListResponse, Paging, SEARCH_REQUEST_URN};
use scim::projection::Projection;
use scim::schema::ResourceType;
use scim::sort::Sort;
use serde_json::{Map, Value};

use super::super::error::Refused;
use super::super::query::Query;

/// What a query asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) filter: Option<String>,
    pub(super) sort_by: Option<String>,
    pub(super) sort_order: Option<String>,
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

    /// The same in the terms of a resource type.
    pub(super) fn of(&self, of: &Arc<ResourceType>) -> Result<Projection, scim::Error> {
        Projection::parse(of, self.attributes.as_deref(), self.excluded.as_deref())
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
            sort_by: query.get("sortBy")?.map(str::to_owned),
            sort_order: query.get("sortOrder")?.map(str::to_owned),
            shown: Shown::from_query(query)?,
            paging: Paging::from_query(query.get("startIndex")?, query.get("count")?, query.get("cursor")?)?,
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
        let cursor = text(&body, "cursor")?;
        Ok(Self {
            filter: text(&body, "filter")?,
            sort_by: text(&body, "sortBy")?,
            sort_order: text(&body, "sortOrder")?,
            shown: Shown {
                attributes: texts(&body, "attributes")?.map(|names| names.join(",")),
                excluded: texts(&body, "excludedAttributes")?.map(|names| names.join(",")),
            },
            paging: Paging::from_query(start_index.as_deref(), count.as_deref(), cursor.as_deref())?,
        })
    }

    /// The filter in the terms of a resource type.
    pub(super) fn filter(&self, of: &ResourceType, dialect: &Dialect) -> Result<Option<Filter>, scim::Error> {
        self.filter.as_deref().map(|text| Filter::parse_as(of, text, dialect)).transpose()
    }

    /// The order in the terms of a resource type.
    pub(super) fn sort(&self, of: &ResourceType) -> Result<Option<Sort>, scim::Error> {
        Sort::parse(of, self.sort_by.as_deref(), self.sort_order.as_deref())
    }

    /// The whole query in the terms of a resource type.
    pub(super) fn of(&self, of: &ResourceType, dialect: &Dialect) -> Result<ListQuery, scim::Error> {
        Ok(ListQuery { filter: self.filter(of, dialect)?, sort: self.sort(of)?, paging: self.paging.clone() })
    }

    /// The page as it is sent.
    pub(super) fn page<T>(&self, page: Page<T>, rendered: impl FnMut(T) -> Value) -> ListResponse {
        let resources: Vec<Value> = page.items.into_iter().map(rendered).collect();
        ListResponse {
            total_results: page.total,
            start_index: self.paging.start_index(),
            next_cursor: page.next,
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
        Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
        Some(_) => Err(syntax(format!("'{name}' is an integer"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_search_body_says_what_a_query_says() {
        let query = Query::parse(
            "filter=userName+pr&attributes=id,emails&count=7&cursor=&sortBy=userName&sortOrder=descending",
        );
        let body = json!({
            "schemas": [SEARCH_REQUEST_URN],
            "filter": "userName pr",
            "Attributes": ["id", "emails"],
            "count": 7,
            "cursor": "",
            "sortby": "userName",
            "sortOrder": "descending",
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
            json!({"schemas": [SEARCH_REQUEST_URN], "startIndex": 1.5e300}),
            json!({"schemas": [SEARCH_REQUEST_URN], "cursor": 1}),
            json!({"schemas": [SEARCH_REQUEST_URN], "sortBy": ["userName"]}),
        ] {
            let refused = Search::from_body(body.clone()).unwrap_err();
            assert_eq!(refused.scim_type(), Some(scim::ScimType::InvalidSyntax), "{body}");
        }
    }
}
