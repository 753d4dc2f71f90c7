//! Another real OpenID provider, Canaille of `testbed/`: one process for one connection, with alice in it.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::http::{PUBLIC, Reply, agent};
use super::program::{Program, Up, free_port};
use super::provider::{PASSWORD, state};

/// Ends with the value.
pub struct Canaille {
    pub issuer: String,
    _program: Program,
}

impl Canaille {
    /// Knows the connection `op` of this tenant as its client `gateway`.
    pub async fn start(tenant: &str) -> Self {
        let python = state().join("venv/bin/python");
        assert!(python.exists(), "{} is not there: run `./x setup` first", python.display());
        let port = free_port();
        let mut command = Command::new(python);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/canaille/canaille_op.py"))
            .env("PORT", port.to_string())
            .env("GATEWAY", PUBLIC)
            .env("REDIRECT_URI", format!("{PUBLIC}/oidc/{tenant}/op/callback"));
        let program = Program::start(&command, Up::Says);
        let canaille = Self { issuer: format!("http://localhost:{port}"), _program: program };
        let alice = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "alice",
            "active": true,
            "name": {"formatted": "Alice Abe", "familyName": "Abe", "givenName": "Alice"},
            "emails": [{"value": "alice@acme.example"}],
            "password": PASSWORD,
        });
        let hired =
            agent().post(format!("{}/scim/v2/Users", canaille.issuer)).bearer_auth("hr-token").json(&alice);
        Reply::of("POST alice".to_owned(), hired).await.is(201);
        canaille
    }
}
