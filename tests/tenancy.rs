//! The tenant barrier: what one tenant can see of another, even by mistake.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::id::UserId;
use store::{Db, DbOptions};

use crate::support::people::Tenant;
use crate::support::{run, runtime, urls};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn count(connection: &mut AsyncPgConnection, query: &str) -> i64 {
    diesel::sql_query(query).get_result::<Count>(connection).await.unwrap().n
}

async fn as_the_running_role() -> AsyncPgConnection {
    AsyncPgConnection::establish(&urls().app).await.unwrap()
}

fn tenant_of(tenant: &Tenant) -> String {
    tenant.admin.scope().tenant().to_string()
}

#[test]
fn a_query_that_forgets_its_filter_sees_one_tenant() {
    run(async {
        let (mine, other) = (Tenant::fresh().await, Tenant::fresh().await);
        mine.create("mine").await.unwrap();
        for n in 0..3 {
            other.create(&format!("other-{n}")).await.unwrap();
        }

        let mut connection = as_the_running_role().await;
        let begin = format!("BEGIN; SET LOCAL app.tenant_id = '{}'", tenant_of(&mine));
        connection.batch_execute(&begin).await.unwrap();
        assert_eq!(count(&mut connection, "SELECT count(*) AS n FROM users").await, 1);
        assert_eq!(
            count(
                &mut connection,
                "WITH changed AS (UPDATE users SET version = 9 RETURNING 1) SELECT count(*) AS n FROM changed"
            )
            .await,
            1
        );
        connection.batch_execute("ROLLBACK").await.unwrap();
    });
}

#[test]
fn without_a_tenant_there_is_nothing_to_see() {
    run(async {
        Tenant::fresh().await.create("somebody").await.unwrap();

        let mut connection = as_the_running_role().await;
        assert_eq!(count(&mut connection, "SELECT count(*) AS n FROM users").await, 0);
        connection.batch_execute("BEGIN; SET LOCAL app.tenant_id = ''; COMMIT").await.unwrap();
        assert_eq!(count(&mut connection, "SELECT count(*) AS n FROM users").await, 0);
    });
}

#[test]
fn a_row_cannot_be_written_into_another_tenant() {
    run(async {
        let (mine, other) = (Tenant::fresh().await, Tenant::fresh().await);
        let user = other.create("other").await.unwrap().id;

        let mut connection = as_the_running_role().await;
        let begin = format!("BEGIN; SET LOCAL app.tenant_id = '{}'", tenant_of(&mine));
        connection.batch_execute(&begin).await.unwrap();
        let insert = format!(
            "INSERT INTO user_email (tenant_id, user_id, ordinal, value_key) VALUES ('{}', '{user}', 9, 'x')",
            tenant_of(&other)
        );
        let refused = connection.batch_execute(&insert).await.unwrap_err();
        assert!(refused.to_string().contains("row-level security"), "{refused}");
    });
}

/// The foreign keys hold the tenant too: row-level security does not apply to their checks.
#[test]
fn a_row_cannot_refer_to_another_tenants_row() {
    run(async {
        let (mine, other) = (Tenant::fresh().await, Tenant::fresh().await);
        let user = other.create("other").await.unwrap().id;

        let mut connection = as_the_running_role().await;
        let begin = format!("BEGIN; SET LOCAL app.tenant_id = '{}'", tenant_of(&mine));
        connection.batch_execute(&begin).await.unwrap();
        let insert = format!(
            "INSERT INTO user_email (tenant_id, user_id, ordinal, value_key) VALUES ('{}', '{user}', 9, 'x')",
            tenant_of(&mine)
        );
        let refused = connection.batch_execute(&insert).await.unwrap_err();
        assert!(refused.to_string().contains("user_email_user_fkey"), "{refused}");
    });
}

#[test]
fn the_running_role_cannot_lift_the_barrier_or_rewrite_the_past() {
    run(async {
        let tenant = Tenant::fresh().await;
        let mut connection = as_the_running_role().await;
        for forbidden in [
            "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
            "DROP POLICY tenant_only ON users",
            "SET ROLE usher_owner",
            "UPDATE audit_event SET action = 'x'",
            "DELETE FROM audit_event",
            "UPDATE seat_ledger SET delta = 0",
            "DELETE FROM seat_ledger",
            "TRUNCATE users",
        ] {
            let begin = format!("BEGIN; SET LOCAL app.tenant_id = '{}'", tenant_of(&tenant));
            connection.batch_execute(&begin).await.unwrap();
            assert!(connection.batch_execute(forbidden).await.is_err(), "{forbidden}");
            connection.batch_execute("ROLLBACK").await.unwrap();
        }
    });
}

/// A client that goes away in the middle of a request must not leave its tenant to the next one.
#[test]
fn a_transaction_dropped_half_way_leaks_neither_its_tenant_nor_its_writes() {
    run(async {
        let tenant = Tenant::fresh().await;
        let options = DbOptions {
            url: urls().app.clone(),
            pool_size: 1,
            wait: std::time::Duration::from_secs(5),
            patience: std::time::Duration::from_secs(5),
        };
        let db = Db::open(&options, runtime().handle()).unwrap();
        let directory = tenant.directory.directory();
        let resource = scim::resource::Resource::for_create(
            &scim::schema::user(),
            crate::support::people::person("ghost"),
            &scim::dialect::Dialect::strict(),
        )
        .unwrap();
        for round in 0..20_u32 {
            let id: UserId = uuid::Uuid::from_u128(u128::from(round) + 1).to_string().parse().unwrap();
            let mut tx = db.begin(tenant.admin.scope()).await.unwrap();
            store::users::create(&mut tx, directory, [(id, &resource)], chrono::DateTime::UNIX_EPOCH)
                .unwrap();
            let ids = [id];
            let write = store::users::lock_many(&mut tx, directory, &ids); // the creation goes with it
            // Dropped before, during or after the flight, by turns.
            let _ =
                tokio::time::timeout(std::time::Duration::from_micros(u64::from(round) * 60), write).await;
            drop(tx);

            let mut global = db.global().await.unwrap();
            store::tenants::all(&mut global).await.unwrap();
            global.finish().await.unwrap();
        }
        let page = tenant
            .app
            .list_users(
                &tenant.directory,
                &app::provision::ListQuery {
                    filter: None,
                    sort: None,
                    paging: scim::message::Paging { from: scim::message::PageStart::Index(1), count: 10 },
                },
                app::provision::Groups::Omitted,
            )
            .await
            .unwrap();
        assert_eq!(page.total, 0);
    });
}

#[test]
fn another_tenants_person_is_not_found() {
    run(async {
        let (mine, other) = (Tenant::fresh().await, Tenant::fresh().await);
        let user = other.create("other").await.unwrap().id;

        let read = mine.app.get_user(&mine.directory, user, app::provision::Groups::Omitted).await;
        assert!(matches!(read, Err(app::AppError::NotFound(_))), "{read:?}");
        assert!(mine.set_active(user, false).await.is_err());
        assert!(mine.app.delete_user(&mine.directory, user, None).await.is_err());
        assert!(mine.app.show_access(&mine.admin, user).await.is_err());
    });
}

#[test]
fn a_revoked_credential_is_refused_by_the_next_request_of_every_process() {
    run(async {
        let tenant = Tenant::fresh().await;
        let user = tenant.create("somebody").await.unwrap().id;
        let elsewhere = crate::support::new_app(2);
        let there = crate::support::people::open_directory(&elsewhere, &tenant.scim_token).await;
        let read = |app: std::sync::Arc<app::App>, scope: app::DirectoryScope| async move {
            app.get_user(&scope, user, app::provision::Groups::Omitted).await
        };
        let elsewhere = std::sync::Arc::new(elsewhere);
        read(elsewhere.clone(), there.clone()).await.unwrap();

        tenant.app.revoke_credential(&tenant.admin, there.credential().unwrap()).await.unwrap();

        for (app, scope) in [(elsewhere, there), (tenant.app.clone(), tenant.directory.clone())] {
            let refused = read(app, scope).await;
            assert!(matches!(refused, Err(app::AppError::Unauthorized)), "{refused:?}");
        }
    });
}
