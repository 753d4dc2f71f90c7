//! What an answer says, also where it is longer than what is read at once. Knows the JSON around members that are still to
//! be read; does not know statuses or headers.
//!
//! A group's first members are part of its rendering. If there are more, the answer is sent in parts: text, and at its
//! place the rest of the members, read as fast as the client takes them. When reading fails, or the group is deleted
//! meanwhile, the connection is broken off, so that half of the members never look like all of them.

use std::collections::VecDeque;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, HttpResponseBuilder};
use app::provision::{GroupView, Place, SomeMembers};
use app::{AppError, DirectoryScope};
use domain::id::GroupId;
use futures_util::{Stream, TryStreamExt as _, stream};
use scim::message::ListResponse;
use scim::projection::Projection;
use serde_json::{Map, Value, json};

use super::super::state::AppState;
use super::groups;

const MEMBERS: &str = "members";

/// The body of an answer.
pub(super) enum Content {
    /// All of it.
    Whole(String),
    /// What is there, with places for what is still to be read.
    Parts(VecDeque<Part>, Box<Reader>),
}

/// A part of an answer.
pub(super) enum Part {
    /// JSON as it is sent.
    Text(String),
    /// The members of a group that follow.
    Rest(Rest),
}

/// Members of a group that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    group: GroupId,
    place: Option<Place>,
    /// Whether there is a member before these.
    begun: bool,
}

/// Who reads the rest, for whom, and what of it is shown.
pub(super) struct Reader {
    pub(super) state: Data<AppState>,
    pub(super) directory: DirectoryScope,
    pub(super) shown: Projection,
}

impl From<&Value> for Content {
    fn from(body: &Value) -> Self {
        // Of values that are text already nothing can fail; the other way to write them is slower.
        Self::Whole(serde_json::to_string(body).unwrap_or_else(|_| body.to_string()))
    }
}

impl Rest {
    /// What of a group's members is not in its view.
    pub(super) fn of(view: &GroupView) -> Option<Self> {
        let members = view.members.as_ref().filter(|members| members.more)?;
        Some(Self { group: view.id, place: members.end(), begun: false })
    }
}

impl Content {
    /// One resource.
    pub(super) fn resource(body: Value, rest: Option<Rest>, reader: impl FnOnce() -> Reader) -> Self {
        match rest {
            None => Self::from(&body),
            Some(rest) => Self::Parts(parts(body, Some(rest)).into(), Box::new(reader())),
        }
    }

    /// A page of a list, and what is still to be read of each of its resources.
    pub(super) fn list(
        mut list: ListResponse,
        rests: Vec<Option<Rest>>,
        reader: impl FnOnce() -> Reader,
    ) -> Self {
        if rests.iter().all(Option::is_none) {
            return Self::from(&Value::Object(list.into_json()));
        }
        let resources = std::mem::take(&mut list.resources);
        let mut head = list.into_json();
        head.remove("Resources");
        let mut all = vec![Part::Text(opened(&head, "Resources"))];
        for (n, (resource, rest)) in resources.into_iter().zip(rests).enumerate() {
            if n > 0 {
                all.push(Part::Text(",".to_owned()));
            }
            all.extend(parts(resource, rest));
        }
        all.push(Part::Text("]}".to_owned()));
        Self::Parts(all.into(), Box::new(reader()))
    }

    /// The answer.
    pub(super) fn send(self, mut response: HttpResponseBuilder) -> HttpResponse {
        match self {
            Self::Whole(text) => response.body(text),
            Self::Parts(parts, reader) => response.streaming(sent(parts, reader)),
        }
    }
}

fn parts(body: Value, rest: Option<Rest>) -> Vec<Part> {
    match (body, rest) {
        (Value::Object(mut body), Some(rest)) => {
            let first = elements(body.remove(MEMBERS));
            let text = opened(&body, MEMBERS) + &first;
            let rest = Rest { begun: !first.is_empty(), ..rest };
            vec![Part::Text(text), Part::Rest(rest), Part::Text("]}".to_owned())]
        }
        (body, _) => vec![Part::Text(body.to_string())],
    }
}

/// An object up to and with the beginning of one more member, a list.
fn opened(object: &Map<String, Value>, list: &str) -> String {
    let mut text = Value::Object(object.clone()).to_string();
    text.pop();
    if !object.is_empty() {
        text.push(',');
    }
    format!("{text}\"{list}\":[")
}

/// The elements of a list, as they stand between its brackets.
fn elements(list: Option<Value>) -> String {
    match list {
        Some(Value::Array(items)) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        _ => String::new(),
    }
}

fn sent(parts: VecDeque<Part>, reader: Box<Reader>) -> impl Stream<Item = Result<Bytes, AppError>> {
    stream::try_unfold((parts, reader), |(mut parts, reader)| async move {
        let text = match parts.pop_front() {
            None => return Ok(None),
            Some(Part::Text(text)) => text,
            Some(Part::Rest(rest)) => {
                let (text, rest) = reader.read(rest).await?;
                if let Some(rest) = rest {
                    parts.push_front(Part::Rest(rest));
                }
                text
            }
        };
        Ok(Some((Bytes::from(text), (parts, reader))))
    })
    .inspect_err(|error| tracing::warn!(%error, "Broke off an answer"))
}

impl Reader {
    async fn read(&self, rest: Rest) -> Result<(String, Option<Rest>), AppError> {
        let some = self.state.app.more_members(&self.directory, rest.group, rest.place).await?;
        let next = some.more.then(|| some.end());
        let mut text = self.text(some);
        let begun = rest.begun || !text.is_empty();
        if rest.begun && !text.is_empty() {
            text.insert(0, ',');
        }
        Ok((text, next.map(|place| Rest { place, begun, ..rest })))
    }

    fn text(&self, some: SomeMembers) -> String {
        let members = groups::members(some, &self.state.scim_base());
        let mut shown = self.shown.apply(json!({MEMBERS: members}));
        elements(shown.get_mut(MEMBERS).map(Value::take))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn rest() -> Rest {
        Rest { group: GroupId::from_uuid(Uuid::nil()), place: None, begun: false }
    }

    /// What is sent if the rest is this.
    fn said(parts: Vec<Part>, rest: &str) -> Value {
        let text: String = parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Rest(Rest { begun, .. }) => format!("{}{rest}", if begun { "," } else { "" }),
            })
            .collect();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_rest_of_the_members_stands_where_the_first_are() {
        let group = json!({"id": "1", "members": [{"value": "a"}], "meta": {}});

        assert_eq!(
            said(parts(group, Some(rest())), "{\"value\":\"b\"}"),
            json!({"id": "1", "members": [{"value": "a"}, {"value": "b"}], "meta": {}})
        );
        assert_eq!(
            said(parts(json!({"id": "1"}), Some(rest())), "{\"value\":\"b\"}"),
            json!({"id": "1", "members": [{"value": "b"}]})
        );
    }

    #[test]
    fn a_resource_without_a_rest_is_what_it_is() {
        let group = json!({"id": "1", "members": [{"value": "a"}]});

        assert_eq!(said(parts(group.clone(), None), ""), group);
        assert_eq!(said(vec![Part::Text(opened(&Map::new(), "members") + "]}")], ""), json!({"members": []}));
    }
}
