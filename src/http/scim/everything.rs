//! The base address: queries over all types at once (RFC 7644 §3.4.2.1). Knows what one type means to another; each is
//! rendered where it belongs.

use std::sync::Arc;

use actix_web::web::Data;
use app::provision::{OfType, ResourceView, RootQuery};
use scim::dialect::Dialect;
use scim::path::AttributeRef;
use scim::schema::{META, ResourceType, Schema, Types};
use serde_json::json;

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::query::Query;
use super::super::state::AppState;
use super::content::{Content, Rest};
use super::search::Search;
use super::{Answer, answer, groups, users};

/// `GET /scim/v2`
pub(super) async fn list(client: ScimClient, query: Query, state: Data<AppState>) -> Answer {
    found(&client, &Search::from_query(&query, client.dialect())?, &state).await
}

/// `POST /scim/v2/.search`
pub(super) async fn search(client: ScimClient, body: Body, state: Data<AppState>) -> Answer {
    let body = body.scim(&state).await?;
    found(&client, &Search::from_body(body)?, &state).await
}

async fn found(client: &ScimClient, search: &Search, state: &Data<AppState>) -> Answer {
    let [user, group] = Among::both(client.types());
    let query = RootQuery {
        users: user.of(search, client.dialect())?,
        groups: group.of(search, client.dialect())?,
        paging: search.paging.clone(),
    };
    let (of_users, of_groups) =
        (users::projection(client, &search.shown)?, groups::projection(client, &search.shown)?);
    let (with_groups, with_members) = (users::groups_if(&of_users), groups::members_if(&of_groups));
    let page = state.app.list_everything(&client.0, &query, with_groups, with_members).await?;
    let mut rests = Vec::new();
    let list = search.page(page, |view| match view {
        ResourceView::User(view) => {
            rests.push(None);
            of_users.apply(users::rendered(*view, state))
        }
        ResourceView::Group(view) => {
            rests.push(Rest::of(&view));
            of_groups.apply(groups::rendered(*view, state))
        }
    });
    Ok(answer::message(Content::list(list, rests, || groups::reader(client, of_groups, state))))
}

/// One type among all: its own attributes, and the other's, which it has no values of.
///
/// RFC 7644 §3.4.2.1: "For filtered attributes that are not part of a particular resource type, the service provider
/// SHALL treat the attribute as if there is no attribute value."
struct Among {
    own: Arc<ResourceType>,
    all: ResourceType,
}

impl Among {
    /// The people and the groups of a tenant.
    fn both(types: &Types) -> [Self; 2] {
        let (user, group) = (types.user(), types.group());
        [Self::new(user, group), Self::new(group, user)]
    }

    fn new(own: &Arc<ResourceType>, other: &ResourceType) -> Self {
        let foreign =
            other.schema.attributes.iter().filter(|attribute| own.attribute(&attribute.name).is_none());
        let attributes = own.schema.attributes.iter().chain(foreign).cloned().collect();
        let schema = Schema { attributes, ..Schema::clone(&own.schema) };
        let extensions = own.extensions.iter().chain(&other.extensions).cloned().collect();
        let all = ResourceType { schema: Arc::new(schema), extensions, ..ResourceType::clone(own) };
        Self { own: Arc::clone(own), all }
    }

    /// The query as this type understands it. What only the other type has is settled here, so that a filter about
    /// people does not go through all groups.
    fn of(&self, search: &Search, dialect: &Dialect) -> Result<OfType, scim::Error> {
        let filter = search.filter(&self.all, dialect)?;
        let sample = json!({META: {"resourceType": self.own.name}});
        let can_match = match (&filter, sample.as_object()) {
            (Some(filter), Some(sample)) => {
                filter.verdict(sample, &|attr| self.is_settled(attr)) != Some(false)
            }
            _ => true,
        };
        Ok(OfType { can_match, filter, sort: search.sort(&self.all)? })
    }

    fn is_settled(&self, attr: &AttributeRef) -> bool {
        let of_type = attr.is_core(META) && attr.sub.as_ref().is_some_and(|sub| sub.name == "resourceType");
        of_type
            || match &attr.schema_urn {
                Some(urn) => self.own.extension(urn).is_none(),
                None => self.own.attribute(&attr.attribute.name).is_none(),
            }
    }
}

#[cfg(test)]
mod tests {
    use scim::message::{PageStart, Paging};

    use super::super::search::Shown;
    use super::*;

    fn asked(filter: &str) -> [Result<OfType, scim::Error>; 2] {
        let search = Search {
            filter: Some(filter.to_owned()),
            sort_by: Some("userName".to_owned()),
            sort_order: None,
            shown: Shown::default(),
            paging: Paging { from: PageStart::Index(1), count: 10 },
        };
        Among::both(&Types::general()).each_ref().map(|of| of.of(&search, &Dialect::strict()))
    }

    #[test]
    fn each_type_knows_the_others_attributes_and_has_no_values_of_them() {
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        for (filter, matching) in [
            ("userName eq \"x\" or displayName eq \"y\"", [true, true]),
            ("userName eq \"x\" and displayName eq \"y\"", [true, false]),
            ("members pr", [false, true]),
            ("not (members pr)", [true, true]),
            ("members ne \"x\" and userName ne \"y\"", [true, true]),
            (&format!("{department} eq \"d\""), [true, false]),
            ("meta.resourceType eq \"User\"", [true, false]),
            ("meta.resourceType ne \"User\"", [false, true]),
            ("emails[value eq \"x\"]", [true, false]),
            ("userName eq \"x\" and members pr", [false, false]),
            ("id pr", [true, true]),
        ] {
            let found = asked(filter).map(|query| query.unwrap().can_match);
            assert_eq!(found, matching, "{filter}");
        }
        assert!(asked("nonsense pr").iter().all(Result::is_err));
    }
}
