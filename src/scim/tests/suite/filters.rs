//! Filters: what they mean, and what is refused.

use scim::ScimType;
use scim::dialect::{Dialect, Profile};
use scim::filter::Filter;
use scim::schema;
use serde_json::{Map, Value, json};

fn babs() -> Map<String, Value> {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "701984",
        "userName": "BJensen@example.com",
        "name": { "familyName": "O'Malley", "givenName": "Barbara" },
        "title": "Tour Guide",
        "userType": "Employee",
        "active": true,
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" },
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Straße" },
        "meta": { "resourceType": "User", "lastModified": "2011-05-13T04:42:34Z" },
    });
    user.as_object().unwrap().clone()
}

fn holds(filter: &str) -> bool {
    Filter::parse(&schema::user(), filter)
        .unwrap_or_else(|error| panic!("{filter}: {error}"))
        .matches(&babs())
}

#[track_caller]
fn refused(filter: &str) {
    let error = Filter::parse(&schema::user(), filter).unwrap_err();
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)), "{filter}");
}

#[test]
fn the_examples_of_rfc_7644_figure_2_are_read() {
    for filter in [
        r#"userName eq "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        r#"userName sw "J""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        "title pr",
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified ge "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified lt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified le "2011-05-13T04:42:34Z""#,
        r#"title pr and userType eq "Employee""#,
        r#"title pr or userType eq "Intern""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType eq "Employee" and (emails.type eq "work")"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
    ] {
        holds(filter);
    }
}

#[test]
fn names_and_operators_have_no_case() {
    assert!(holds(r#"USERNAME Eq "bjensen@example.com""#));
    assert!(holds(r#"Name.FAMILYNAME SW "o'm" AND TITLE PR"#));
}

#[test]
fn strings_compare_as_their_attribute_says() {
    assert!(holds(r#"userName eq "BJENSEN@EXAMPLE.COM""#));
    assert!(holds(r#"externalId eq "701984""#));
    assert!(!holds(r#"id eq "2819C223-7F76-453A-919D-413861904646""#));
}

#[test]
fn and_binds_tighter_than_or_and_not_tightest() {
    assert!(holds(r#"title pr or userName eq "x" and userName eq "y""#));
    assert!(!holds(r#"(title pr or userName eq "x") and userName eq "y""#));
    assert!(holds(r#"not (userName eq "x") and title pr"#));
    assert!(!holds(r#"not (userName eq "x" or title pr)"#));
}

#[test]
fn a_value_path_looks_at_one_value_at_a_time() {
    assert!(holds(r#"emails.type eq "home" and emails.primary eq true"#));
    assert!(!holds(r#"emails[type eq "home" and primary eq true]"#));
    assert!(holds(r#"emails[not (type eq "work") and value ew ".ORG"]"#));
}

#[test]
fn a_condition_after_a_value_path_narrows_it() {
    let read = |filter: &str| {
        Filter::parse_as(&schema::user(), filter, &Dialect::of(Profile::Entra))
            .map(|filter| filter.matches(&babs()))
    };
    assert!(read(r#"emails[type eq "work"].value eq "bjensen@example.com" and title pr"#).unwrap());
    assert!(!read(r#"emails[type eq "home"].value eq "bjensen@example.com""#).unwrap());
    assert!(read(r#"not (emails[type eq "home"].primary pr)"#).unwrap());
    for filter in [
        r#"emails[type eq "work"].unknown eq "x""#,
        r#"emails[type eq "work"]. eq "x""#,
        r#"emails[type eq "work"].value"#,
    ] {
        assert!(read(filter).is_err(), "{filter}");
        refused(filter);
    }
    refused(r#"emails[type eq "work"].value eq "bjensen@example.com""#);
}

#[test]
fn absence_is_null_and_different_from_everything() {
    assert!(holds("nickName eq null"));
    assert!(!holds("nickName ne null"));
    assert!(holds(r#"nickName ne "Babs""#));
    assert!(holds("title ne null"));
    assert!(!holds("nickName pr"));
    assert!(!holds(r#"nickName co """#));
}

#[test]
fn times_compare_as_times() {
    assert!(holds(r#"meta.lastModified eq "2011-05-13T06:42:34+02:00""#));
    assert!(holds(r#"meta.lastModified lt "2011-05-13T04:42:34.001Z""#));
}

#[test]
fn extensions_are_reached_by_their_urn() {
    assert!(!holds(r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw "STRASS""#));
    assert!(holds(r#"URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:department eq "STRAßE""#));
    refused(r#"department eq "x""#);
}

#[test]
fn literals_are_json_strings() {
    assert!(holds(r#"name.givenName eq "B\u0061rbara""#));
    refused("name.givenName eq 'Barbara'");
    refused(r#"name.givenName eq "Bar"#);
    refused(r#"name.givenName eq "\u0000""#);
    refused(r#"name.givenName eq "\ud800""#);
}

#[test]
fn booleans_and_binaries_have_no_order() {
    for op in ["gt", "ge", "lt", "le"] {
        refused(&format!("active {op} true"));
        refused(&format!(r#"x509Certificates.value {op} "AA==""#));
    }
    refused("active co true");
}

#[test]
fn a_literal_of_another_type_is_refused() {
    refused(r#"active eq "true""#);
    refused("userName eq 5");
    refused("userName eq true");
    refused(r#"meta.created gt "yesterday""#);
    refused(r#"meta.created co "2011-05-13T04:42:34Z""#);
    refused("title gt null");
    refused("password sw \"a\"");
    refused("password pr");
}

#[test]
fn what_does_not_follow_the_grammar_is_refused() {
    for filter in [
        "",
        " ",
        "title",
        "title eq",
        "eq",
        "title pr and",
        "and title pr",
        "title pr title pr",
        "(title pr",
        "title pr)",
        "not title pr",
        "not",
        "emails[",
        "emails[]",
        "emails[type pr",
        "emails[type pr]]",
        r#"title regex "x""#,
        "title[value pr]",
        "name eq \"x\"",
        "emails[emails[type pr]]",
        "emails[type.value pr]",
        "unknown pr",
        "name.unknown pr",
        "emails[unknown pr]",
        "urn:unknown:userName pr",
        "userName.x pr",
        "\u{0} pr",
        "täglich pr",
        "title pr;",
        "active eq -",
        "1 pr",
    ] {
        refused(filter);
    }
}
