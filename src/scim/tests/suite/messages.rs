//! What clients see: errors, pages, entity tags, rendered and projected resources.

use chrono::{DateTime, TimeZone as _, Utc};
use scim::message::{ListResponse, Meta, PageStart, Paging, etag, render};
use scim::projection::Projection;
use scim::schema::{self, ENTERPRISE_USER_URN, USER_URN};
use scim::{Error, ScimType, text};
use serde_json::{Map, Value, json};

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 12, 0, 0).unwrap()
}

fn babs() -> Value {
    let doc = json!({
        "userName": "bjensen", "title": null, "name": { "givenName": "Babs", "familyName": "Jensen" },
        "emails": [{ "value": "a", "type": "work" }, { "value": "b" }],
        ENTERPRISE_USER_URN: { "department": "Tour", "division": "Parks" },
    });
    let meta =
        Meta { created: noon(), last_modified: noon(), version: 3, location: "https://x/Users/1".into() };
    let extra = Map::from_iter([("groups".into(), json!([]))]);
    render(&schema::user(), "1", doc.as_object().unwrap().clone(), meta, extra)
}

fn project(attributes: Option<&str>, excluded: Option<&str>) -> Value {
    Projection::parse(&schema::user(), attributes, excluded).unwrap().apply(babs())
}

#[test]
fn an_error_has_its_status_as_a_string() {
    assert_eq!(
        Error::uniqueness("userName is taken").to_json(),
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409",
            "scimType": "uniqueness", "detail": "userName is taken" })
    );
}

#[test]
fn a_rendered_resource_has_its_schemas_and_no_nulls() {
    assert_eq!(
        babs(),
        json!({
            "schemas": [USER_URN, ENTERPRISE_USER_URN], "id": "1", "userName": "bjensen",
            "name": { "givenName": "Babs", "familyName": "Jensen" },
            "emails": [{ "value": "a", "type": "work" }, { "value": "b" }],
            ENTERPRISE_USER_URN: { "department": "Tour", "division": "Parks" },
            "meta": { "resourceType": "User", "created": "2026-01-02T12:00:00.000Z", "version": "W/\"3\"",
                "lastModified": "2026-01-02T12:00:00.000Z", "location": "https://x/Users/1" },
        })
    );
}

#[test]
fn asking_for_attributes_shows_those_and_the_minimum() {
    let schemas = json!([USER_URN, ENTERPRISE_USER_URN]);
    assert_eq!(
        project(Some("USERNAME,unknown"), None),
        json!({ "schemas": schemas, "id": "1", "userName": "bjensen" })
    );
    assert_eq!(
        project(Some("name.givenName, emails.type"), None),
        json!({ "schemas": schemas, "id": "1", "name": { "givenName": "Babs" }, "emails": [{ "type": "work" }] })
    );
    let department = format!("{ENTERPRISE_USER_URN}:department");
    assert_eq!(
        project(Some(&department), None),
        json!({ "schemas": schemas, "id": "1", ENTERPRISE_USER_URN: { "department": "Tour" } })
    );
    assert_eq!(
        project(Some(ENTERPRISE_USER_URN), None),
        json!({ "schemas": schemas, "id": "1", ENTERPRISE_USER_URN: { "department": "Tour", "division": "Parks" } })
    );
}

#[test]
fn excluding_attributes_never_hides_the_minimum() {
    let shown = project(None, Some(&format!("id,schemas,meta,emails,name.givenName,{ENTERPRISE_USER_URN}")));

    assert_eq!(
        shown,
        json!({ "schemas": [USER_URN, ENTERPRISE_USER_URN], "id": "1", "userName": "bjensen",
            "name": { "familyName": "Jensen" } })
    );
}

#[test]
fn the_display_of_members_is_shown_to_who_asks_for_it() {
    let group =
        || json!({ "id": "1", "displayName": "Guides", "members": [{ "value": "2", "display": "Babs" }] });
    let members = |attributes| {
        Projection::parse(&schema::group(), attributes, None).unwrap().apply(group())["members"][0].clone()
    };

    assert_eq!(members(None), json!({ "value": "2" }));
    assert_eq!(members(Some("members")), json!({ "value": "2" }));
    assert_eq!(members(Some("members.display")), json!({ "display": "Babs" }));
}

#[test]
fn a_projection_says_what_need_not_be_loaded() {
    let wants = |attributes, excluded, name| {
        Projection::parse(&schema::group(), attributes, excluded).unwrap().wants(name)
    };

    assert!(wants(None, None, "members"));
    assert!(!wants(None, Some("members"), "members"));
    assert!(wants(None, Some("members.display"), "members"));
    assert!(!wants(Some("displayName"), None, "members"));
    assert!(wants(Some("members.value"), None, "Members"));
    assert!(!wants(None, None, "unknown"));
}

#[test]
fn both_lists_at_once_are_refused() {
    assert!(Projection::parse(&schema::user(), Some("title"), Some("name")).is_err());
    assert!(Projection::parse(&schema::user(), Some("title"), Some("")).is_ok());
    assert!(Projection::parse(&schema::user(), Some("na me"), None).is_err());
}

#[test]
fn pages_are_bent_into_range() {
    let page = |start, count| {
        Paging::from_query(start, count, None).map(|page| (page.start_index().unwrap(), page.count))
    };

    assert_eq!(page(None, None), Ok((1, 100)));
    assert_eq!(page(Some("0"), Some("-5")), Ok((1, 0)));
    assert_eq!(page(Some("7"), Some("1000000")), Ok((7, 200)));
    assert_eq!(page(Some("4294967297"), Some("1")), Ok((4_294_967_297, 1)));
    assert_eq!(page(Some("99999999999999999999"), Some("-99999999999999999999")), Ok((i64::MAX, 0)));
    for number in ["x", "1.5", "1e3", "--1"] {
        assert_eq!(page(Some(number), None).unwrap_err().scim_type, Some(ScimType::InvalidValue), "{number}");
        assert_eq!(page(None, Some(number)).unwrap_err().scim_type, Some(ScimType::InvalidValue), "{number}");
    }
}

#[test]
fn with_a_cursor_a_count_that_does_not_fit_is_invalid() {
    let page = |count, cursor| Paging::from_query(None, count, Some(cursor));

    assert_eq!(page(None, ""), Ok(Paging { from: PageStart::First, count: 100 }));
    assert_eq!(page(Some("-1"), "x"), Ok(Paging { from: PageStart::Cursor("x".to_owned()), count: 0 }));
    for count in ["201", "x"] {
        let refused = page(Some(count), "").unwrap_err();
        assert_eq!(refused.scim_type, Some(ScimType::InvalidCount), "{count}");
    }
    let both = Paging::from_query(Some("1"), None, Some("")).unwrap_err();
    assert_eq!(both.scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn a_list_counts_in_numbers() {
    let list = ListResponse {
        total_results: 0,
        start_index: Some(1),
        next_cursor: None,
        items_per_page: 0,
        resources: vec![],
    };
    let linked = ListResponse { start_index: None, next_cursor: Some("abc".to_owned()), ..list.clone() };

    assert_eq!(
        Value::Object(list.into_json()),
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0,
            "startIndex": 1, "itemsPerPage": 0, "Resources": [] })
    );
    assert_eq!(
        Value::Object(linked.into_json()),
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0,
            "nextCursor": "abc", "itemsPerPage": 0, "Resources": [] })
    );
}

#[test]
fn entity_tags_compare_weakly() {
    assert_eq!(etag::weak(3), "W/\"3\"");
    for header in ["W/\"3\"", "\"3\"", "*", "\"1\", W/\"3\"", " W/\"2\",W/\"3\" "] {
        assert!(etag::matches_any(header, 3), "{header}");
    }
    for header in ["", "3", "W/\"33\"", "W/3", "\"W/3\"", "w/\"3\""] {
        assert!(!etag::matches_any(header, 3), "{header}");
    }
}

#[test]
fn folding_forgets_case_and_width() {
    for (one, other) in
        [("BJENSEN", "bjensen"), ("ＡＢＣ", "abc"), ("STRAßE", "straße"), ("Å", "å"), ("ΣΑΣ", "σασ")]
    {
        assert_eq!(text::fold(one), text::fold(other));
    }
    assert_ne!(text::fold("straße"), text::fold("strasse"));
}
