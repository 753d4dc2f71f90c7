//! How the database answers hot questions: by an index, behind row-level security, as the role that serves requests, in
//! a tenant of two directories with 20,000 people each. Behaviours 30, 37 and 44.

use std::sync::OnceLock;
use std::time::Duration;

use app::AppError;
use app::connections::{DialectName, NewDirectory};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use scim::ScimType;
use scim::filter::Filter;
use scim::schema::{group, user};
use scim::sort::Sort;
use store::listing::{Listing, Position, Slice, Window};
use store::users::Groups;
use store::{Db, DbOptions};
use uuid::Uuid;

use crate::support::http::{Client, db, encoded, text};
use crate::support::people::Tenant;
use crate::support::{run, runtime, urls};

const FILL: &str = "
BEGIN;
SELECT set_config('app.tenant_id', '{tenant}', true);
INSERT INTO users (tenant_id, id, directory_id, user_name_key, external_id, display_name_key, active, doc, version, created_at, updated_at)
SELECT '{tenant}', md5('u' || n)::uuid, '{directory}', 'user-' || n, 'ext-' || n, CASE n % 10 WHEN 0 THEN NULL ELSE 'name ' || n % 5000 END,
    n % 7 <> 0, jsonb_build_object('userName', 'user-' || n, 'title', 'title ' || n % 100), 1, now(), now()
FROM generate_series(1, 20000) AS n;
INSERT INTO user_email (tenant_id, user_id, ordinal, value_key)
SELECT '{tenant}', md5('u' || n)::uuid, 1, 'user-' || n || '@acme.example' FROM generate_series(1, 20000) AS n;
INSERT INTO groups (tenant_id, id, directory_id, display_name_key, external_id, doc, version, created_at, updated_at)
SELECT '{tenant}', md5('g' || n)::uuid, '{directory}', 'group-' || n, 'gext-' || n, jsonb_build_object('displayName', 'group-' || n), 1, now(), now()
FROM generate_series(1, 5000) AS n;
INSERT INTO group_member (tenant_id, group_id, user_id)
SELECT '{tenant}', md5('g1')::uuid, md5('u' || n)::uuid FROM generate_series(1, 20000) AS n;
INSERT INTO group_member (tenant_id, group_id, user_id)
SELECT '{tenant}', md5('g' || 2 + n % 4999)::uuid, md5('u' || n)::uuid FROM generate_series(1, 20000) AS n;
INSERT INTO group_child (tenant_id, group_id, child_id)
SELECT '{tenant}', md5('g' || n / 10)::uuid, md5('g' || n)::uuid FROM generate_series(10, 5000) AS n;
INSERT INTO users (tenant_id, id, directory_id, user_name_key, active, doc, version, created_at, updated_at)
SELECT '{tenant}', md5('o' || n)::uuid, '{other}', 'user-' || n, true, jsonb_build_object('userName', 'user-' || n), 1, now(), now()
FROM generate_series(1, 20000) AS n;
INSERT INTO groups (tenant_id, id, directory_id, display_name_key, doc, version, created_at, updated_at)
SELECT '{tenant}', md5('og' || n)::uuid, '{other}', 'group-' || n, jsonb_build_object('displayName', 'group-' || n), 1, now(), now()
FROM generate_series(1, 5000) AS n;
COMMIT;
ANALYZE users, user_email, groups, group_member, group_child;
";

fn tenant() -> &'static Tenant {
    static TENANT: OnceLock<Tenant> = OnceLock::new();
    TENANT.get_or_init(|| {
        run(async {
            let tenant = Tenant::fresh().await;
            let directory = &tenant.directory;
            let other = NewDirectory {
                slug: "other".to_owned(),
                name: "Other".to_owned(),
                dialect: DialectName::Auto,
            };
            let other = tenant.app.create_directory(&tenant.admin, other).await.unwrap().id;
            let fill = FILL
                .replace("{tenant}", &directory.scope().tenant().to_string())
                .replace("{other}", &other.to_string())
                .replace("{directory}", &directory.directory().to_string());
            let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
            owner.batch_execute(&fill).await.unwrap();
            tenant
        })
    })
}

fn after(key: Option<&str>) -> Window {
    let position = Position { key: key.map(str::to_owned), id: Uuid::from_u128(1 << 127) };
    Window::After { position: Some(position), limit: 100 }
}

fn first() -> Window {
    Window::Slice(Slice { offset: 0, limit: 100 })
}

/// The plan of a list of people or groups.
fn plan(of: &str, filter: Option<&str>, sort: Option<(&str, &str)>, window: &Window) -> String {
    let directory = &tenant().directory;
    let resource_type = if of == "users" { user() } else { group() };
    let filter = filter.map(|filter| Filter::parse(&resource_type, filter).unwrap());
    let sort = sort.and_then(|(by, order)| Sort::parse(&resource_type, Some(by), Some(order)).unwrap());
    let listing = Listing { filter: filter.as_ref(), sort: sort.as_ref(), window };
    let lines = run(async {
        match of {
            "users" => store::users::plan(db(), directory, listing).await.unwrap(),
            _ => store::groups::plan(db(), directory, listing).await.unwrap(),
        }
    });
    lines.join("\n")
}

/// The plan reads what it reads through these indexes (`a|b`: either), and no table from end to end; where `in_order`, the index gives
/// the order too, so that nothing but equal keys is ever sorted.
#[track_caller]
fn is_by_index(plan: &str, indexes: &[&str], in_order: bool) {
    for index in indexes {
        assert!(
            index.split('|').any(|index| {
                plan.contains(&format!("using {index} ")) || plan.contains(&format!("on {index}\n"))
            }),
            "{index} is not used:\n{plan}"
        );
    }
    assert!(!plan.contains("Seq Scan"), "a table is read from end to end:\n{plan}");
    if in_order {
        let sorts = plan.lines().any(|line| line.trim().trim_start_matches("-> ").trim() == "Sort");
        assert!(!sorts, "what the index has in order is sorted:\n{plan}");
    }
}

/// That the role is held to row-level security is the catalogue's matter (`schema.rs`); that it was here, the plan shows.
#[test]
fn behaviour_30_every_hot_filter_is_answered_by_an_index_behind_the_barrier() {
    for (of, filter, index) in [
        ("users", "userName eq \"user-7\"", "users_user_name_key"),
        ("users", "externalId eq \"ext-7\"", "users_external_id_key"),
        ("users", "displayName eq \"name 7\"", "users_by_display_name"),
        ("users", "id eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"", "users_in_directory|users_pkey"),
        ("users", "emails.value eq \"user-7@acme.example\"", "user_email_by_value"),
        ("users", "emails eq \"user-7@acme.example\"", "user_email_by_value"),
        ("users", "emails[type eq \"work\" and value eq \"user-7@acme.example\"]", "user_email_by_value"),
        ("groups", "displayName eq \"group-7\"", "groups_display_name_key"),
        ("groups", "externalId eq \"gext-7\"", "groups_external_id_key"),
        ("groups", "members.value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"", "group_member_by_user"),
        ("groups", "members[value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"]", "group_member_by_user"),
        ("groups", "members.value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"", "group_child_by_child"),
        (
            "users",
            "groups.value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"",
            "group_member_pkey|group_member_by_user",
        ),
        ("users", "groups.value eq \"0198c2f0-7a3b-7c4d-8e5f-012345678901\"", "group_child_pkey"),
    ] {
        for window in [first(), after(None)] {
            let plan = plan(of, Some(filter), None, &window);
            is_by_index(&plan, &[index], false);
            assert!(plan.contains("app.tenant_id"), "{filter} is not asked behind the barrier:\n{plan}");
        }
    }
}

#[test]
fn behaviour_37_and_39_a_page_is_one_range_of_an_index_wherever_it_begins() {
    for window in [first(), after(None)] {
        is_by_index(&plan("users", None, None, &window), &["users_in_directory"], true);
        is_by_index(&plan("groups", None, None, &window), &["groups_in_directory"], true);
    }
    // A scan bounded by the directory and the id together alone would begin at the directory's first row.
    for of in ["users", "groups"] {
        let plan = plan(of, None, None, &after(None));
        assert!(plan.lines().any(|line| line.contains("Index Cond") && line.contains("(id > ")), "{plan}");
    }
    let far = Window::Slice(Slice { offset: 15_000, limit: 100 });
    is_by_index(&plan("users", None, None, &far), &["users_in_directory"], true);
}

#[test]
fn behaviour_36_a_page_in_the_order_of_an_indexed_name_is_one_range_too() {
    for order in ["ascending", "descending"] {
        for window in [first(), after(Some("user-5"))] {
            let plan = plan("users", None, Some(("userName", order)), &window);
            is_by_index(&plan, &["users_user_name_key"], true);
        }
        let far = plan("users", None, Some(("displayName", order)), &after(Some("name 5")));
        is_by_index(&far, &["users_by_display_name"], true);
        assert!(far.contains("Index Cond") && far.contains("ROW(display_name_key, id)"), "{far}");
        let groups = plan("groups", None, Some(("displayName", order)), &after(Some("group-5")));
        is_by_index(&groups, &["groups_display_name_key"], true);
    }
}

/// No index has the order of titles: the database sorts, and keeps no more of it than a page.
#[test]
fn behaviour_36_an_order_without_an_index_is_the_databases_work() {
    let plan = plan("users", None, Some(("title", "ascending")), &after(Some("title 5")));

    assert!(plan.contains("Limit") && plan.contains("Sort"), "{plan}");
}

/// A group of 20,000 people costs no more than one of four, to who does not ask for its members.
#[test]
fn behaviour_44_without_its_members_a_group_is_one_row() {
    let tenant = tenant();
    for window in [first(), after(None)] {
        let plan = plan("groups", Some("displayName eq \"group-1\""), None, &window);
        assert!(!plan.contains("group_member"), "{plan}");
    }
    run(async {
        let scim = Client::at("/scim/v2").with(&tenant.scim_token);
        let name = encoded("displayName eq \"group-1\"");

        let list = scim.get(&format!("/Groups?excludedAttributes=members&filter={name}")).await.is(200);
        let id = text(&list.json()["Resources"][0]["id"]);
        let one = scim.get(&format!("/Groups/{id}?excludedAttributes=members")).await.is(200);
        let searched = scim.get(&format!("?excludedAttributes=members&filter={name}")).await.is(200);

        for reply in [&list, &one, &searched] {
            assert!(reply.text.len() < 1_000 && !reply.text.contains("members"), "{}", reply.text);
        }
        let whole = scim.get(&format!("/Groups/{id}?attributes=members.value")).await.is(200).json();
        assert_eq!(whole["members"].as_array().unwrap().len(), 20_010, "everybody, and ten groups");
    });
}

#[test]
fn what_cannot_be_found_in_time_is_too_many_and_what_an_index_finds_is_found() {
    let directory = &tenant().directory;
    let hurried = DbOptions {
        url: urls().app.clone(),
        pool_size: 2,
        wait: Duration::from_secs(30),
        patience: Duration::from_millis(3),
    };
    let hurried = Db::open(&hurried, runtime().handle()).unwrap();
    let ask = |filter: &str| {
        let filter = Filter::parse(&user(), filter).unwrap();
        let listing = Listing { filter: Some(&filter), sort: None, window: &first() };
        runtime().block_on(store::users::list(&hurried, directory, listing, Groups::Omitted))
    };

    let (read_from_end_to_end, found) = (ask("title co \"nobody\""), ask("userName eq \"user-7\""));

    let refusal = match AppError::from(read_from_end_to_end.unwrap_err()) {
        AppError::Scim(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!((refusal.status, refusal.scim_type), (400, Some(ScimType::TooMany)));
    assert_eq!(found.unwrap().rows.len(), 1);
}
