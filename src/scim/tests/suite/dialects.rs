//! Dialects: each client's own requests are read under its dialect and refused where it is not granted.

use std::fmt::Write as _;
use std::sync::Arc;

use scim::ScimType;
use scim::dialect::{
    Clues, Dialect, Leniencies, Leniency, Profile, Setting, Stricture, USES_TO_BE_SURE, by_uses,
};
use scim::filter::Filter;
use scim::patch::{MemberChange, PatchPlan};
use scim::resource::Resource;
use scim::schema::{
    self, Attribute, AttributeType, ENTERPRISE_USER_URN, GROUP_URN, Offers, ResourceType, Schema, Types,
    USER_URN,
};
use serde_json::{Value, json};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A request in the words of the client that sends it.
enum Request {
    PatchUser(Value),
    PatchGroup(Value),
    CreateUser(Value),
    CreateGroup(Value),
    FindUsers(&'static str),
}

/// Somebody with two work addresses and one at home, and a name.
fn babs() -> Resource {
    let doc = json!({
        "userName": "bjensen",
        "active": true,
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "value": "b@work", "type": "work" }, { "value": "b@lab", "type": "work" }, { "value": "b@home", "type": "home" }],
    });
    Resource::from_stored(doc.as_object().unwrap().clone())
}

/// User of a tenant that offers one role, with an integer, which the core schema has nowhere.
fn user() -> ResourceType {
    let offers = Offers { roles: vec!["25".to_owned()], entitlements: Vec::new() };
    let types = Types::offering(&offers);
    let user = types.user();
    let title = user.schema.attribute("title").unwrap();
    let badge =
        Attribute { name: "badge".to_owned(), kind: AttributeType::Integer, ..Attribute::clone(title) };
    let mut schema = Schema::clone(&user.schema);
    schema.attributes.push(Arc::new(badge));
    ResourceType { schema: Arc::new(schema), ..ResourceType::clone(user) }
}

impl Request {
    /// What becomes of it: documents and changes as JSON.
    fn read(&self, dialect: &Dialect) -> Result<Value, scim::Error> {
        let patch = |of: &ResourceType, operation: &Value, on: &Resource| {
            let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
            let (plan, members) = PatchPlan::parse(of, body, dialect)?.split_members();
            let after = plan.apply(of, on, dialect)?.unwrap_or_else(|| on.clone());
            Ok(json!({ "doc": after.into_map(), "members": format!("{members:?}") }))
        };
        let create = |of: &ResourceType, body: &Value| {
            Resource::for_create(of, body.clone(), dialect).map(|made| Value::Object(made.into_map()))
        };
        match self {
            Self::PatchUser(operation) => patch(&user(), operation, &babs()),
            Self::PatchGroup(operation) => {
                let group = json!({ "displayName": "Guides" });
                patch(&schema::group(), operation, &Resource::from_stored(group.as_object().unwrap().clone()))
            }
            Self::CreateUser(body) => create(&user(), body),
            Self::CreateGroup(body) => create(&schema::group(), body),
            Self::FindUsers(filter) => {
                Filter::parse_as(&user(), filter, dialect).map(|filter| json!(filter.to_string()))
            }
        }
    }
}

/// Each leniency with requests that need it and nothing else, what is made of them, and the refusal. Two are not the
/// engine's: a query is decoded, and members are looked for, elsewhere.
#[expect(clippy::too_many_lines, reason = "a table")]
fn requests() -> Vec<(Leniency, Request, Value)> {
    use Leniency as L;
    let work = r#"emails[type eq "work"]"#;
    let manager = format!("{ENTERPRISE_USER_URN}:manager");
    let role = r#"{"id":"06b07648-ecfe-589f-9d2f-6325724a46ee","value":"25","displayName":"Role1234"}"#;
    vec![
        // Microsoft, use-scim-to-provision-users-and-groups: Update User.
        (
            L::OperationCase,
            Request::PatchUser(json!({ "op": "Replace", "path": "title", "value": "Guide" })),
            json!({ "doc": { "title": "Guide" } }),
        ),
        // The same, Disable User.
        (
            L::BooleanAsString,
            Request::PatchUser(json!({ "op": "replace", "path": "active", "value": "False" })),
            json!({ "doc": { "active": false } }),
        ),
        // Its attribute mapping of SingleAppRoleAssignment.
        (
            L::BooleanAsString,
            Request::FindUsers(r#"roles[primary eq "True"]"#),
            json!("roles[primary eq true]"),
        ),
        (
            L::IntegerAsString,
            Request::PatchUser(json!({ "op": "replace", "path": "badge", "value": "7" })),
            json!({ "doc": { "badge": 7 } }),
        ),
        (L::IntegerAsString, Request::FindUsers(r#"badge eq "7""#), json!("badge eq 7")),
        // The same, Update Group [Remove Members]; authentik, clients/groups.py, `_patch_remove_users`.
        (
            L::RemoveByValue,
            Request::PatchGroup(json!({ "op": "remove", "path": "members", "value": [{ "value": "a" }] })),
            json!({ "members": r#"[Remove(["a"])]"# }),
        ),
        // With aadOptscim062020: application-provisioning-config-problem-scim-compatibility.
        (
            L::DottedKey,
            Request::PatchUser(json!({ "op": "replace", "value": { "name.familyName": "Smith" } })),
            json!({ "doc": { "name": { "givenName": "Barbara", "familyName": "Smith" } } }),
        ),
        // SCIM-SDK, PatchWorkaround for the manager of Microsoft.
        (
            L::ScalarForComplex,
            Request::PatchUser(json!({ "op": "add", "path": manager, "value": "26118915" })),
            json!({ "doc": { ENTERPRISE_USER_URN: { "manager": { "value": "26118915" } } } }),
        ),
        // OneLogin, as django-scim2's adapters meet it.
        (
            L::SingleForMultiple,
            Request::CreateUser(
                json!({ "schemas": [USER_URN], "userName": "b", "emails": { "value": "b@work" } }),
            ),
            json!({ "emails": [{ "value": "b@work" }] }),
        ),
        // SCIM-SDK issue 416.
        (
            L::CreateFromFilter,
            Request::PatchUser(
                json!({ "op": "replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1" }),
            ),
            json!({ "doc": { "phoneNumbers": [{ "type": "mobile", "value": "1" }] } }),
        ),
        // Okta, "Update a specific Group name".
        (
            L::ReadOnlyInPatch,
            Request::PatchGroup(
                json!({ "op": "replace", "value": { "id": "abf4dd94", "displayName": "Tours" } }),
            ),
            json!({ "doc": { "displayName": "Tours" } }),
        ),
        // Microsoft, Create Group.
        (
            L::UnknownSchema,
            Request::CreateGroup(json!({
                "schemas": [GROUP_URN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                "displayName": "Tours",
            })),
            json!({ "displayName": "Tours" }),
        ),
        // authentik issue 11249: a PUT of OneLogin.
        (
            L::DraftSchema,
            Request::CreateUser(json!({
                "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
                "userName": "b",
                "urn:scim:schemas:extension:enterprise:2.0": { "department": "Tours" },
            })),
            json!({ ENTERPRISE_USER_URN: { "department": "Tours" } }),
        ),
        (
            L::UnknownAttribute,
            Request::CreateUser(json!({ "schemas": [USER_URN], "userName": "b", "employeeClass": 3 })),
            json!({ "userName": "b" }),
        ),
        // Microsoft, Get User by query.
        (
            L::UnquotedValue,
            Request::FindUsers("externalId eq 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"),
            json!(r#"externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef""#),
        ),
        (L::UnquotedValue, Request::FindUsers("externalId eq 701984"), json!(r#"externalId eq "701984""#)),
        (
            L::UnquotedValue,
            Request::FindUsers("userName eq b@work and title pr"),
            json!(r#"userName eq "b@work" and title pr"#),
        ),
        // Microsoft, where e-mail is the matching attribute.
        (
            L::ConditionAfterValuePath,
            Request::FindUsers(r#"emails[type eq "work"].value eq "b@work""#),
            json!(r#"emails[type eq "work" and value eq "b@work"]"#),
        ),
        // Microsoft, customize-application-attributes: AppRoleAssignmentsComplex, "Example output (PATCH)".
        (
            L::JsonInString,
            Request::PatchUser(json!({ "op": "add", "path": "roles", "value": [{ "value": role }] })),
            json!({ "doc": { "roles": [{ "value": "25", "display": "Role1234" }] } }),
        ),
        // Its validator's first request makes up a role.
        (
            L::UnknownRole,
            Request::PatchUser(
                json!({ "op": "add", "path": "roles", "value": [{ "value": "25" }, { "value": "NWPSHAMNSJ" }] }),
            ),
            json!({ "doc": { "roles": [{ "value": "25" }] } }),
        ),
        // Within a value path too.
        (
            L::BooleanAsString,
            Request::PatchUser(
                json!({ "op": "replace", "path": format!("{work}.primary"), "value": "False" }),
            ),
            json!({}),
        ),
    ]
}

/// Is what is expected there? An object's members that are not named do not matter.
fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|there| has(there, value)))
        }
        _ => found == expected,
    }
}

/// Behaviours 25, 31, 50, 52, 55–59, 65, 66.
#[test]
fn each_leniency_is_read_where_it_is_granted_and_refused_where_it_is_not() {
    for (leniency, request, expected) in requests() {
        for profile in Profile::ALL {
            let dialect = Dialect::of(profile);
            let (name, outcome) =
                (format!("{} as {}", leniency.as_str(), profile.as_str()), request.read(&dialect));

            if profile.leniencies().contains(leniency) {
                let read = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(has(&read, &expected), "{name}: {read}");
                assert_eq!(dialect.used(), Leniencies::from_iter([leniency]), "{name}");
            } else {
                let error = outcome.map_or_else(|error| error, |read| panic!("{name}: {read}"));
                let wanted = match (&request, profile, leniency) {
                    // asked first: there is no path
                    (_, Profile::Interop, Leniency::DottedKey | Leniency::ReadOnlyInPatch) => "invalidSyntax",
                    (Request::FindUsers(_), _, _) => "invalidFilter",
                    _ => leniency.otherwise(),
                };
                assert_eq!(error.scim_type.map(ScimType::as_str), Some(wanted), "{name}: {error}");
                assert!(!dialect.used().contains(leniency), "{name}");
            }
        }
    }
}

#[test]
fn each_leniency_of_the_engine_has_a_request() {
    let shown: Leniencies = requests().iter().map(|(leniency, _, _)| *leniency).collect();
    let missing: Vec<Leniency> =
        Leniency::ALL.into_iter().filter(|leniency| !shown.contains(*leniency)).collect();

    assert_eq!(missing, [Leniency::PlusAsSpace, Leniency::PendingMember]);
}

#[test]
fn each_leniency_is_granted_to_somebody_and_none_by_the_standards() {
    for leniency in Leniency::ALL {
        assert!(Profile::ALL.iter().any(|profile| profile.leniencies().contains(leniency)), "{leniency:?}");
        assert!(!leniency.behaviours().is_empty() && !leniency.evidence().is_empty(), "{leniency:?}");
        assert_eq!(Leniency::parse(leniency.as_str()), Some(leniency));
    }
    assert!(Profile::Rfc.leniencies().is_empty() && Profile::Interop.leniencies().is_empty());
    assert!(Profile::Rfc.strictures().is_empty());
    assert_eq!(Profile::Interop.strictures(), Stricture::ALL);
}

/// Behaviours 12, 15, 31, 59.
#[test]
fn what_the_rfcs_allow_needs_no_leniency() {
    let dialect = Dialect::strict();
    let requests = [
        Request::PatchGroup(
            json!({ "OP": "add", "PATH": "Members", "value": [{ "value": "a", "$ref": null, "display": null }] }),
        ),
        Request::PatchUser(json!({ "op": "replace", "value": { "TITLE": "Guide", "emails": null } })),
        Request::PatchUser(json!({ "op": "add", "path": null, "value": { "title": "Guide" } })),
        Request::CreateUser(
            json!({ "SCHEMAS": [USER_URN.to_uppercase()], "username": "b", "id": "mine", "groups": [], "emails": null }),
        ),
        // scim2-models writes an extension as a resource of its own
        Request::PatchUser(json!({
            "op": "add",
            "path": ENTERPRISE_USER_URN,
            "value": { "schemas": [ENTERPRISE_USER_URN], "department": "Tours" },
        })),
        Request::CreateUser(json!({
            "schemas": [USER_URN],
            "userName": "b",
            ENTERPRISE_USER_URN: { "schemas": [ENTERPRISE_USER_URN], "department": "Tours" },
        })),
        Request::FindUsers(r#"EMAILS EQ "b@work" and not (title pr)"#),
    ];
    for request in requests {
        request.read(&dialect).unwrap();
    }
    let members = Filter::parse(&schema::group(), r#"members eq "a""#).unwrap();
    assert_eq!(members, Filter::parse(&schema::group(), r#"members.value eq "a""#).unwrap());
    assert!(dialect.used().is_empty());
}

/// Behaviour 59: what cannot be read is refused; it never becomes "everybody".
#[test]
fn removing_members_by_value_never_removes_all() {
    let all = [Dialect::strict(), Dialect::undetected(), Dialect::with(Leniency::ALL)];
    for dialect in all.into_iter().chain(Profile::ALL.map(Dialect::of)) {
        for value in [
            json!([{ "value": "a" }]),
            json!({ "value": "a" }),
            json!([]),
            json!("a"),
            json!([{}]),
            json!({}),
            json!([null]),
        ] {
            let operation = json!({ "op": "remove", "path": "members", "value": value });
            let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
            let Ok(plan) = PatchPlan::parse(&schema::group(), body, &dialect) else { continue };
            for change in plan.split_members().1 {
                assert!(
                    matches!(change, MemberChange::Remove(_)),
                    "{value} as {}: {change:?}",
                    dialect.as_str()
                );
            }
        }
    }
}

/// draft-zollner-scim-interop-profile-01, "Updating Resources". Behaviours 25, 29, 52, 55.
#[test]
fn the_interoperability_profile_asks_for_more_than_the_rfcs() {
    let [by_path, in_whole] = [r#"emails[type eq "work"].display"#, r#"emails[type eq "home"]"#];
    let refused = [
        (json!({ "op": "replace", "value": { "title": "Guide" } }), "invalidSyntax"),
        (json!({ "op": "replace", "path": in_whole, "value": { "value": "h" } }), "invalidPath"),
        (json!({ "op": "remove", "path": in_whole }), "invalidPath"),
        (json!({ "op": "replace", "path": by_path, "value": "B" }), "invalidFilter"),
        (json!({ "op": "add", "path": "emails", "value": { "value": "n" } }), "invalidValue"),
    ];
    for (operation, scim_type) in refused {
        let request = Request::PatchUser(operation.clone());
        request.read(&Dialect::strict()).unwrap();
        let error = request.read(&Dialect::of(Profile::Interop)).unwrap_err();
        assert_eq!(error.scim_type.map(ScimType::as_str), Some(scim_type), "{operation}: {error}");
    }
    let without_path = Request::PatchUser(json!({ "op": "remove" }));
    assert_eq!(without_path.read(&Dialect::strict()).unwrap_err().scim_type, Some(ScimType::NoTarget));
    let error = without_path.read(&Dialect::of(Profile::Interop)).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
    let one_member = Request::PatchGroup(json!({ "op": "remove", "path": "members[value eq \"a\"]" }));
    one_member.read(&Dialect::of(Profile::Interop)).unwrap();
}

#[test]
fn the_interoperability_profile_replaces_a_complex_attribute_in_whole_and_adds_by_merging() {
    let name = |op: &str, profile: Profile| {
        let request =
            Request::PatchUser(json!({ "op": op, "path": "name", "value": { "familyName": "Smith" } }));
        request.read(&Dialect::of(profile)).unwrap()["doc"]["name"].clone()
    };
    let both = json!({ "givenName": "Barbara", "familyName": "Smith" });

    assert_eq!(name("replace", Profile::Interop), json!({ "familyName": "Smith" }));
    assert_eq!(name("add", Profile::Interop), both);
    assert_eq!(name("replace", Profile::Rfc), both);
}

/// Behaviour 110.
#[test]
fn clients_are_known_by_what_they_call_themselves() {
    let known = [
        ("Okta SCIM Client 1.0.0", Profile::Okta),
        ("Microsoft.AAD.Provisioning/1.0", Profile::Entra),
        ("Microsoft Azure AD SCIM provisioning 1.0.0", Profile::Entra),
        ("OneLogin/1.0", Profile::OneLogin),
        ("JumpCloud", Profile::JumpCloud),
        ("PingFederate/12", Profile::Ping),
        ("authentik@2022.8.2", Profile::Authentik),
        ("goauthentik.io/2025.2", Profile::Authentik),
        ("scim-for-keycloak", Profile::Keycloak),
    ];
    for (agent, profile) in known {
        assert_eq!(Clues { agent: Some(agent), query: "" }.profile(), Some(profile), "{agent}");
    }
    for agent in
        ["", "curl/8", "Apache-HttpClient/4.5", "python-requests/2", "Okta or OneLogin", &"okta".repeat(200)]
    {
        assert_eq!(Clues { agent: Some(agent), query: "" }.profile(), None, "{agent}");
    }
    assert_eq!(Clues::default().profile(), None);
}

/// Behaviours 8, 110.
#[test]
fn entra_is_known_by_the_flags_of_its_tenant_url() {
    let by_query = |query| Clues { agent: None, query }.profile();

    assert_eq!(by_query("aadOptscim062020&filter=userName+eq+%22x%22"), Some(Profile::Entra));
    assert_eq!(by_query("filter=x&AzureAdScimPatch2017="), Some(Profile::Entra));
    assert_eq!(by_query("filter=aadOptscim062020"), None);
    let torn = Clues { agent: Some("Okta SCIM Client 1.0.0"), query: "aadOptscim062020" };
    assert_eq!(torn.profile(), None);
}

/// Behaviour 110.
#[test]
fn clients_are_known_by_what_they_need_once_a_single_dialect_grants_it() {
    use Leniency as L;
    let often = USES_TO_BE_SURE;
    let seen = |leniencies: &[Leniency]| by_uses(leniencies.iter().map(|leniency| (*leniency, often)));

    assert_eq!(seen(&[L::OperationCase]), Some(Profile::Entra));
    assert_eq!(seen(&[L::DraftSchema]), Some(Profile::OneLogin));
    assert_eq!(seen(&[L::RemoveByValue]), None, "Entra ID, JumpCloud and authentik do");
    assert_eq!(seen(&[L::RemoveByValue, L::ReadOnlyInPatch]), Some(Profile::Authentik));
    assert_eq!(seen(&[L::RemoveByValue, L::UnknownAttribute]), Some(Profile::JumpCloud));
    assert_eq!(seen(&[L::ReadOnlyInPatch, L::UnknownAttribute]), Some(Profile::Okta));
    assert_eq!(seen(&[L::OperationCase, L::DraftSchema]), None, "nobody does both");
    assert_eq!(seen(&[]), None);
    assert_eq!(by_uses([(L::OperationCase, often - 1)]), None);
    assert_eq!(by_uses([(L::OperationCase, often), (L::DraftSchema, 0)]), Some(Profile::Entra));
}

#[test]
fn a_stranger_is_granted_what_can_lose_nothing() {
    let dialect = Dialect::undetected();
    let withheld: Vec<Leniency> =
        Leniency::ALL.into_iter().filter(|leniency| !dialect.grants(*leniency)).collect();

    assert_eq!(withheld, [Leniency::JsonInString, Leniency::PendingMember, Leniency::UnknownRole]);
    assert!(dialect.used().is_empty(), "being granted is not being used");
    assert_eq!(dialect.as_str(), "auto");
}

#[test]
fn settings_have_names() {
    for profile in Profile::ALL {
        assert_eq!(Setting::parse(profile.as_str()), Some(Setting::Named(profile)));
    }
    assert_eq!(Setting::parse("auto"), Some(Setting::default()));
    assert_eq!(Setting::parse("Entra"), None);
}

/// The table in `DIALECTS.md`, from the code.
fn table() -> String {
    let mut text = String::from("| leniency | behaviours |");
    for profile in Profile::ALL {
        write!(text, " {} |", profile.as_str()).unwrap();
    }
    text.push_str(" unknown | otherwise |\n|---|---|");
    text.push_str(&":-:|".repeat(Profile::ALL.len() + 1));
    text.push_str("---|\n");
    let mark = |granted: bool| if granted { " x |" } else { " |" };
    for leniency in Leniency::ALL {
        let behaviours: Vec<String> = leniency.behaviours().iter().map(u8::to_string).collect();
        write!(text, "| `{}` | {} |", leniency.as_str(), behaviours.join(", ")).unwrap();
        for profile in Profile::ALL {
            text.push_str(mark(profile.leniencies().contains(leniency)));
        }
        text.push_str(mark(Dialect::undetected().grants(leniency)));
        writeln!(text, " {} |", leniency.otherwise()).unwrap();
    }
    text.push('\n');
    for leniency in Leniency::ALL {
        writeln!(text, "- **`{}`** {}", leniency.as_str(), leniency.evidence()).unwrap();
    }
    text
}

/// Made again by `WRITE_TABLES=1 cargo test -p scim`.
#[test]
fn the_table_of_dialects_is_the_code_s() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("DIALECTS.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- table -->\n").unwrap();
    let (written, after) = rest.split_once("<!-- end of table -->").unwrap();

    if option_env!("WRITE_TABLES").is_some() {
        let again = format!("{before}<!-- table -->\n{}<!-- end of table -->{after}", table());
        std::fs::write(&path, again).unwrap();
    } else {
        assert_eq!(written, table());
    }
}
