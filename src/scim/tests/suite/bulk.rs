//! Bulk requests: what is refused when, in which order the rest is done, and what bulkIds stand for.

use scim::bulk::{Ask, BulkRequest, Ids, Outcome, Place, Step, response};
use scim::{Error, Limits, ScimType};
use serde_json::{Value, json};

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

fn request(operations: impl Into<Value>) -> Result<BulkRequest, Error> {
    let operations: Value = operations.into();
    BulkRequest::parse(json!({"schemas": [BULK], "Operations": operations}))
}

fn create(bulk_id: &str, data: impl Into<Value>) -> Value {
    let data: Value = data.into();
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

/// A resource that refers to these bulkIds.
fn of(bulk_id: &str, names: &[&str]) -> Value {
    let members = names.iter().map(|name| json!({"value": format!("bulkId:{name}")}));
    create(bulk_id, json!({"members": members.collect::<Value>()}))
}

fn steps(operations: Value) -> Vec<Step> {
    request(operations).unwrap().steps()
}

#[test]
fn a_message_that_is_no_bulk_request_is_refused_as_a_whole() {
    for (body, scim_type) in [
        (json!([]), ScimType::InvalidSyntax),
        (json!({"Operations": []}), ScimType::InvalidSyntax),
        (json!({"schemas": [BULK]}), ScimType::InvalidSyntax),
        (json!({"schemas": [BULK], "Operations": {}}), ScimType::InvalidSyntax),
        (json!({"schemas": [BULK], "Operations": ["POST"]}), ScimType::InvalidSyntax),
        (
            json!({"schemas": [BULK], "Operations": [{"path": "/Users", "Path": "/Users"}]}),
            ScimType::InvalidSyntax,
        ),
        (json!({"schemas": [BULK], "Operations": [], "failOnErrors": -1}), ScimType::InvalidValue),
        (json!({"schemas": [BULK], "Operations": [], "failOnErrors": "1"}), ScimType::InvalidValue),
        (
            json!({"schemas": [BULK], "Operations": [create("a", json!({})), create("a", json!({}))]}),
            ScimType::InvalidValue,
        ),
    ] {
        let error = BulkRequest::parse(body.clone()).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{body}");
    }
}

#[test]
fn more_operations_than_announced_are_413_and_the_limit_is_named() {
    let most = Limits::DEFAULT.max_operations;
    let delete = json!({"method": "DELETE", "path": "/Users/1"});
    assert!(request(Value::Array(vec![delete.clone(); most])).is_ok());

    let error = request(Value::Array(vec![delete; most + 1])).unwrap_err();

    assert_eq!(error.status, 413);
    assert!(error.detail.contains(&format!("maxOperations ({most})")), "{}", error.detail);
}

#[test]
fn the_number_of_errors_is_read_and_none_means_the_first() {
    let limit = |value: Value| {
        BulkRequest::parse(json!({"schemas": [BULK], "Operations": [], "failOnErrors": value}))
            .unwrap()
            .fail_on_errors
    };

    assert_eq!(limit(json!(3)), Some(3));
    assert_eq!(limit(json!(0)), Some(1));
    assert_eq!(limit(Value::Null), None);
}

#[test]
fn an_operation_that_makes_no_sense_is_refused_by_itself_and_its_answer_says_which() {
    let user = || Some(Place { endpoint: "Users".into(), id: "1".into() });
    for (operation, status, resource) in [
        (json!({}), 400, None),
        (json!({"method": "GET", "path": "/Users/1"}), 400, user()),
        (json!({"method": "post", "path": "/Users", "bulkId": "a", "data": {}}), 400, None),
        (json!({"method": "POST", "bulkId": "a", "data": {}}), 400, None),
        (json!({"method": "POST", "path": "/Users", "data": {}}), 400, None),
        (json!({"method": "POST", "path": "/Users", "bulkId": 1, "data": {}}), 400, None),
        (json!({"method": "POST", "path": "/Users", "bulkId": "a"}), 400, None),
        (json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": []}), 400, None),
        (json!({"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}}), 405, None),
        (json!({"method": "DELETE", "path": "/Users"}), 405, None),
        (json!({"method": "PUT", "path": "/Users/1"}), 400, user()),
        (json!({"method": "PATCH", "path": "/Users/1", "data": null}), 400, user()),
        (json!({"method": "DELETE", "path": "/Users/1", "version": 3}), 400, user()),
        (json!({"method": "DELETE", "path": "/v2/Users/1"}), 404, None),
    ] {
        let read = request(json!([operation])).unwrap();
        let read = read.operations.first().unwrap();
        assert_eq!(read.ask.as_ref().unwrap_err().status, status, "{operation}");
        assert_eq!(read.heading.resource, resource, "{operation}");
    }
}

#[test]
fn an_operation_is_what_it_says() {
    let read =
        request(json!([{"method": "DELETE", "path": "Users/1", "version": "W/\"3\"", "data": {"x": 1}}]));

    let place = Place { endpoint: "Users".into(), id: "1".into() };
    let delete = Ask::Delete { place, version: Some("W/\"3\"".into()) };
    assert_eq!(read.unwrap().operations.first().unwrap().ask, Ok(delete));
}

#[test]
fn operations_keep_their_order() {
    let delete = json!({"method": "DELETE", "path": "/Users/1"});
    let found = steps(json!([delete, of("a", &[]), delete, of("b", &["a"])]));

    assert_eq!(found, [Step::One(0), Step::One(1), Step::One(2), Step::One(3)]);
}

#[test]
fn what_is_referred_to_is_created_first() {
    let patch = json!({"method": "PATCH", "path": "/Users/bulkId:c", "data": {}});
    let found = steps(json!([of("a", &["b"]), patch, of("b", &["c"]), of("c", &[])]));

    assert_eq!(found, [Step::One(3), Step::One(2), Step::One(0), Step::One(1)]);
}

#[test]
fn circles_are_created_together_and_whoever_refers_to_them_later() {
    let found = steps(json!([
        of("outside", &["a", "unknown"]),
        of("a", &["b", "before"]),
        of("b", &["c"]),
        of("c", &["a"]),
        of("before", &[]),
        of("self", &["self"]),
    ]));

    assert_eq!(found, [Step::One(4), Step::Circle(vec![1, 2, 3]), Step::One(0), Step::Circle(vec![5])]);
}

#[test]
fn a_chain_as_long_as_a_request_may_be_is_put_in_order() {
    let most = Limits::DEFAULT.max_operations;
    let chain = (0..most).map(|n| of(&n.to_string(), &[&(n + 1).to_string()]));

    let found = steps(chain.collect());

    assert_eq!(found.len(), most);
    assert_eq!(found.first(), Some(&Step::One(most - 1)));
}

fn ids(names: &[&str]) -> Ids {
    Ids::of(&request(names.iter().map(|name| of(name, &[])).collect::<Value>()).unwrap())
}

#[test]
fn a_reference_becomes_the_id_wherever_it_can_stand() {
    let mut ids = ids(&["a", "a b"]);
    ids.created("a", "id-1".into());
    ids.created("a b", "id-2".into());

    let resolved = ids.resolve(json!({
        "manager": "bulkId:a",
        "members": [{"value": "bulkId:a b", "$ref": "https://x/Users/bulkId:a"}, {"value": "other"}],
        "path": "members[value eq \"bulkId:a\" or value eq \"bulkId:a b\"]",
        "title": "says \"bulkId:nobody\" and bulkId:a",
        "count": 1,
    }));

    assert_eq!(
        resolved.unwrap(),
        json!({
            "manager": "id-1",
            "members": [{"value": "id-2", "$ref": "https://x/Users/id-1"}, {"value": "other"}],
            "path": "members[value eq \"id-1\" or value eq \"id-2\"]",
            "title": "says \"bulkId:nobody\" and bulkId:a",
            "count": 1,
        })
    );
    assert_eq!(ids.id("bulkId:a").unwrap(), "id-1");
    assert_eq!(ids.id("1").unwrap(), "1");
}

#[test]
fn a_reference_to_nothing_is_invalid_and_one_to_a_failure_a_conflict() {
    let mut ids = ids(&["a", "b"]);
    ids.failed("a");

    let refused = |value: &str| ids.resolve(json!([value])).unwrap_err();

    assert_eq!(
        (refused("bulkId:x").status, refused("bulkId:x").scim_type),
        (400, Some(ScimType::InvalidValue))
    );
    assert_eq!(refused("bulkId:a").status, 409);
    assert_eq!(refused("bulkId:b").status, 409);
    assert_eq!(ids.id("bulkId:a").unwrap_err().status, 409);
}

#[test]
fn what_refers_to_something_to_come_is_taken_out_and_added_later() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let mut ids = ids(&["there", "late"]);
    ids.created("there", "id-1".into());
    let data = json!({
        "userName": "x",
        "members": [{"value": "bulkId:there"}, {"value": "bulkId:late"}],
        enterprise: {"manager": {"value": "bulkId:late"}},
    });

    let (now, deferred) = ids.split(data);
    let now = ids.resolve(now).unwrap();
    ids.created("late", "id-2".into());
    let patch = ids.resolve(deferred.into_patch().unwrap()).unwrap();

    assert_eq!(now, json!({"userName": "x", "members": [{"value": "id-1"}]}));
    assert_eq!(patch["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"]));
    let mut operations = patch["Operations"].as_array().unwrap().clone();
    operations.sort_by_key(|operation| operation["path"].to_string());
    assert_eq!(
        operations,
        [
            json!({"op": "add", "path": "members", "value": [{"value": "id-2"}]}),
            json!({"op": "add", "path": format!("{enterprise}:manager"), "value": {"value": "id-2"}}),
        ]
    );
    assert_eq!(ids.split(json!({"userName": "x"})).1.into_patch(), None);
}

#[test]
fn an_answer_has_its_status_as_a_string_and_the_reason_of_a_refusal() {
    let read = request(json!([of("a", &[]), {"method": "PUT", "path": "/Users/1", "data": {}}])).unwrap();
    let [created, put] = read.operations.as_slice() else { panic!() };

    let done = Outcome::Done { status: 201, version: Some(1) };
    let refused = Outcome::Refused(Error::new(412, "another version"));
    let answers = [
        created.heading.answer(Some("https://x/Users/1"), &done),
        put.heading.answer(Some("https://x/Users/1"), &refused),
    ];

    assert_eq!(
        response(&answers),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": [
                {
                    "method": "POST", "bulkId": "a", "location": "https://x/Users/1",
                    "version": "W/\"1\"", "status": "201",
                },
                {
                    "method": "PUT", "location": "https://x/Users/1", "status": "412",
                    "response": {
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                        "status": "412", "detail": "another version",
                    },
                },
            ],
        })
    );
}
