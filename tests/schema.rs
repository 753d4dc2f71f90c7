//! The catalogue: what must hold of every table, whoever adds one.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::support::{run, urls};

/// Tables that belong to no tenant. The list may only lose lines.
const GLOBAL: [&str; 4] = ["__diesel_schema_migrations", "blueprint", "operator_credential", "tenant"];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

async fn lines(query: &str) -> Vec<String> {
    let mut connection = AsyncPgConnection::establish(&urls().owner).await.unwrap();
    let rows: Vec<Line> = diesel::sql_query(query).load(&mut connection).await.unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

fn of_tenants(column: &str) -> String {
    let global = GLOBAL.map(|table| format!("'{table}'")).join(", ");
    format!("{column} NOT IN ({global})")
}

const TABLES: &str = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' WHERE c.relkind IN ('r', 'p')";

#[test]
fn every_table_is_global_or_has_a_tenant() {
    run(async {
        let without = format!(
            "SELECT c.relname::text AS line {TABLES} AND {} AND NOT EXISTS (SELECT FROM pg_attribute a \
             WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull AND NOT a.attisdropped)",
            of_tenants("c.relname")
        );
        assert_eq!(lines(&without).await, Vec::<String>::new());
        let global =
            format!("SELECT c.relname::text AS line {TABLES} AND NOT {} ORDER BY 1", of_tenants("c.relname"));
        assert_eq!(lines(&global).await, GLOBAL);
    });
}

#[test]
fn every_table_of_tenants_is_behind_the_barrier() {
    run(async {
        let open = format!(
            "SELECT c.relname::text AS line {TABLES} AND {} AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity \
             OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive \
                AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = current_tenant())' \
                AND pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id = current_tenant())') \
             OR (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) <> 1)",
            of_tenants("c.relname")
        );
        assert_eq!(lines(&open).await, Vec::<String>::new());
    });
}

/// Indexes that must see every tenant to keep something unique among them. The list may only lose lines.
const ACROSS: [&str; 1] = ["email_domain_held_once"];

#[test]
fn every_key_and_index_of_tenants_begins_with_the_tenant() {
    run(async {
        let stray = format!(
            "SELECT i.indexrelid::regclass::text AS line FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
             WHERE {} AND a.attname <> 'tenant_id'",
            of_tenants("c.relname")
        );
        assert_eq!(lines(&stray).await, ACROSS);
        let unkeyed = format!(
            "SELECT c.relname::text AS line {TABLES} AND {} AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)",
            of_tenants("c.relname")
        );
        assert_eq!(lines(&unkeyed).await, Vec::<String>::new());
    });
}

#[test]
fn every_foreign_key_between_tables_of_tenants_carries_the_tenant() {
    run(async {
        let stray = format!(
            "SELECT k.conname::text AS line FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
             JOIN pg_class r ON r.oid = k.confrelid \
             WHERE k.contype = 'f' AND {} AND {} \
             AND NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS pair (here, there) \
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.here \
                JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = pair.there \
                WHERE a.attname = 'tenant_id' AND b.attname = 'tenant_id')",
            of_tenants("c.relname"),
            of_tenants("r.relname")
        );
        assert_eq!(lines(&stray).await, Vec::<String>::new());
    });
}

#[test]
fn the_running_role_owns_nothing_and_cannot_pass_the_barrier() {
    run(async {
        let owned = "SELECT c.relname::text AS line FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'usher_app'";
        assert_eq!(lines(owned).await, Vec::<String>::new());
        let strong = "SELECT rolname::text AS line FROM pg_roles WHERE rolname IN ('usher_app', 'usher_owner') \
                      AND (rolsuper OR rolbypassrls)";
        assert_eq!(lines(strong).await, Vec::<String>::new());
    });
}

#[test]
fn every_migration_can_be_taken_back_and_run_again() {
    run(async {
        let mut connection = AsyncPgConnection::establish(&urls().owner).await.unwrap();
        connection.batch_execute("CREATE SCHEMA there_and_back").await.unwrap();
        let elsewhere = format!("{}&options=-csearch_path%3Dthere_and_back", urls().owner);
        let dump = "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line \
                    FROM information_schema.columns WHERE table_schema = 'there_and_back' ORDER BY 1";

        let up = store::migrate::run(&elsewhere).await.unwrap();
        let first = lines(dump).await;
        assert_eq!(store::migrate::revert_all(&elsewhere).await.unwrap(), up);
        let left: Vec<String> = lines(dump).await;
        assert!(left.iter().all(|line| line.starts_with("__diesel")), "{left:?}");
        assert_eq!(store::migrate::run(&elsewhere).await.unwrap(), up);
        assert_eq!(lines(dump).await, first);
    });
}

/// `schema.rs` is what the compiler checks our queries against: it must be what the database is.
#[test]
fn the_generated_schema_is_the_migrated_one() {
    run(async {
        let columns = "SELECT c.table_name || '.' || c.column_name || ' ' || \
             CASE c.is_nullable WHEN 'YES' THEN 'Nullable<' || t.d || '>' ELSE t.d END AS line \
             FROM information_schema.columns c JOIN (VALUES ('uuid', 'Uuid'), ('text', 'Text'), \
                ('timestamp with time zone', 'Timestamptz'), ('bytea', 'Bytea'), ('jsonb', 'Jsonb'), \
                ('boolean', 'Bool'), ('bigint', 'Int8'), ('integer', 'Int4'), ('smallint', 'Int2')) AS t (p, d) \
             ON t.p = c.data_type WHERE c.table_schema = 'public' AND c.table_name <> '__diesel_schema_migrations' \
             AND NOT (SELECT r.relispartition FROM pg_class r WHERE r.oid = c.table_name::regclass) \
             ORDER BY c.table_name, c.ordinal_position";
        let mut declared = Vec::new();
        let mut table = String::new();
        let schema = [
            include_str!("../src/store/src/schema.rs"),
            include_str!("../src/store/src/schema/apps.rs"),
            include_str!("../src/store/src/schema/change_sets.rs"),
            include_str!("../src/store/src/schema/externals.rs"),
            include_str!("../src/store/src/schema/gates.rs"),
            include_str!("../src/store/src/schema/grants.rs"),
            include_str!("../src/store/src/schema/handovers.rs"),
            include_str!("../src/store/src/schema/invitations.rs"),
            include_str!("../src/store/src/schema/reevaluations.rs"),
            include_str!("../src/store/src/schema/roles.rs"),
            include_str!("../src/store/src/schema/seats.rs"),
            include_str!("../src/store/src/schema/sign_in.rs"),
            include_str!("../src/store/src/schema/signals.rs"),
        ];
        for line in schema.into_iter().flat_map(str::lines).map(str::trim) {
            if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{')) {
                name.clone_into(&mut table);
            } else if let Some((column, kind)) = line.split_once(" -> ") {
                declared.push(format!("{table}.{column} {}", kind.trim_end_matches(',')));
            }
        }
        let mut found = lines(columns).await;
        found.sort();
        declared.sort();
        assert_eq!(declared, found);
    });
}
