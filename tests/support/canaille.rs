//! Another real OpenID provider, Canaille of `testbed/`: one process for one connection, with alice in it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::http::{PUBLIC, Reply, agent};
use super::provider::{PASSWORD, state};

/// Ends with the value.
pub struct Canaille {
    pub issuer: String,
    process: Child,
}

impl Drop for Canaille {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Canaille {
    /// Knows the connection `op` of this tenant as its client `gateway`.
    pub async fn start(tenant: &str) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/canaille/canaille_op.py");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(state().join("venv/bin/python"))
            .arg(program)
            .env("PORT", port.to_string())
            .env("GATEWAY", PUBLIC)
            .env("REDIRECT_URI", format!("{PUBLIC}/oidc/{tenant}/op/callback"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a Python with Canaille: run `./x setup` first");
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line == "up"), "Canaille did not start");
        let canaille = Self { issuer: format!("http://localhost:{port}"), process };
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
