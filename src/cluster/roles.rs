//! The two roles and the database. Knows the SQL that makes them; does not know tables: their rights come with the
//! migrations.

use std::io::Write;
use std::process::Stdio;

use super::binaries::Binaries;
use super::error::ClusterError;
use super::layout::Layout;
use super::run_as::{RunAs, finished};

/// Can be run again at any time. The running role may log in last of all, so that whoever can connect as it finds
/// everything in place.
const SET_UP: &str = "
SELECT 'CREATE ROLE ' || name || ' NOLOGIN'
  FROM (VALUES ('usher_owner'), ('usher_app')) AS wanted (name)
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) \\gexec
ALTER ROLE usher_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE usher_app NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
SELECT 'CREATE DATABASE usher OWNER usher_owner TEMPLATE template0'
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = 'usher') \\gexec
REVOKE ALL ON DATABASE usher FROM PUBLIC;
GRANT CONNECT ON DATABASE usher TO usher_app;
\\connect usher
ALTER SCHEMA public OWNER TO usher_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO usher_app;
ALTER ROLE usher_owner LOGIN;
ALTER ROLE usher_app LOGIN;
";

/// Makes `usher_owner`, which owns and migrates, `usher_app`, which runs and owns nothing, and the database `usher`.
pub(super) fn set_up(layout: &Layout, binaries: &Binaries, run_as: &RunAs) -> Result<(), ClusterError> {
    let mut psql = run_as.command(&binaries.program("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1"])
        .args(["--username=postgres", "--dbname=postgres", "--port=5432", "--file=-", "--host"])
        .arg(&layout.socket_dir)
        .stdin(Stdio::piped());
    let failed = || ClusterError::io("run psql");
    let mut running = psql.spawn().map_err(failed())?;
    if let Some(mut input) = running.stdin.take() {
        // A psql that ended early says why; the broken pipe is only the consequence.
        input.write_all(SET_UP.as_bytes()).ok();
    }
    let output = running.wait_with_output().map_err(failed())?;
    finished(&output, "psql").map(drop)
}
