//! What the examples play on: Usher's own binary and cluster, a tenant made at the command line, a provider. Knows how the page
//! about integration sets an app up; does not know what is expected of one.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::crash::machine::Machine;
use crate::support::http::{Client, Reply, text};
use crate::support::program::{Program, Up, free_port};
use crate::support::provider::{Browser, Form, Provider, node, state};

const TENANT: &str = "acme";
const GROUP: &str = "approvers";
const MOST_HOPS: usize = 30;

pub struct Stage {
    machine: Machine,
    /// `/scim/v2` with the credential of the directory.
    pub scim: Client,
    group: String,
    _provider: Provider,
}

/// An app in `examples/`, and how it is started.
pub struct Example {
    name: &'static str,
    program: Vec<PathBuf>,
}

impl Example {
    pub fn python() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python/app.py");
        Self { name: "python", program: vec![state().join("example-python/bin/python"), program] }
    }

    /// Built beside Usher by `./x test`, or by `cargo build --manifest-path examples/rust/Cargo.toml --target-dir target`.
    pub fn rust() -> Self {
        let built = Path::new(env!("CARGO_BIN_EXE_usher")).with_file_name("usher-example-rust");
        Self { name: "rust", program: vec![built] }
    }

    pub fn node() -> Self {
        Self { name: "node", program: vec![node(), state().join("example-node/app.mjs")] }
    }
}

/// An app that runs.
pub struct Running {
    base: String,
    _program: Program,
}

impl Running {
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl Stage {
    /// The stage of the run.
    pub async fn set() -> &'static Self {
        static STAGE: OnceCell<Stage> = OnceCell::const_new();
        STAGE.get_or_init(Self::build).await
    }

    async fn build() -> Self {
        let mut machine = Machine::with("examples", &[("USHER_DEVELOPMENT_INSECURE_COOKIES", "true")]);
        machine.wait_until_ready().await;
        let provider = Provider::of((&machine.base, &machine.base), vec![TENANT.to_owned()]);
        let of_tenant = |line: &str, more: &[&str]| {
            let words: Vec<&str> =
                line.split(' ').chain(["--tenant", TENANT]).chain(more.iter().copied()).collect();
            machine.run(&words)
        };
        machine.run(&["tenant", "create", "--slug", TENANT, "--name", "Acme", "--blueprint", "bellface"]);
        of_tenant("org-unit create --key acme --name Acme", &[]);
        of_tenant("seat-pool set --purchased 10", &[]);
        of_tenant(
            "mapping-rule create --priority 10 --flag materials.upload --flag materials.approve",
            &["--group", GROUP],
        );
        of_tenant("directory create --slug directory --name Directory", &[]);
        let token = text(&of_tenant("credential issue --directory directory", &[])["token"]);
        let secret = std::env::temp_dir().join(format!("usher-examples-{}", std::process::id()));
        let client = provider.register(TENANT, json!({})).await;
        let (id, known) = (text(&client["client_id"]), text(&client["client_secret"]));
        std::fs::write(&secret, known).unwrap();
        let connection = "connection create --slug op --link-claim preferred_username --link-to userName \
                          --return-to https://app.example/home";
        of_tenant(
            connection,
            &[
                "--issuer",
                &provider.issuer,
                "--client-id",
                &id,
                "--client-secret-file",
                secret.to_str().unwrap(),
            ],
        );
        std::fs::remove_file(secret).unwrap();
        let scim = Client { base: format!("{}/scim/v2", machine.base), token: Some(token) };
        let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]);
        let group =
            scim.post("/Groups", json!({"schemas": schemas, "displayName": GROUP})).await.is(201).id();
        Self { machine, scim, group, _provider: provider }
    }

    /// The directory creates somebody with the rights of the group; their id.
    pub async fn hires(&self, user_name: &str, display_name: &str) -> String {
        let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
        let person = json!({"schemas": schemas, "userName": user_name, "displayName": display_name});
        let id = self.scim.post("/Users", person).await.is(201).id();
        self.give_rights(user_name).await;
        id
    }

    pub async fn give_rights(&self, user_name: &str) {
        let member = json!([{"value": self.id_of(user_name).await}]);
        self.change_group(json!([{"op": "add", "path": "members", "value": member}])).await;
    }

    pub async fn take_rights(&self, user_name: &str) {
        let path = format!("members[value eq \"{}\"]", self.id_of(user_name).await);
        self.change_group(json!([{"op": "remove", "path": path}])).await;
    }

    async fn change_group(&self, operations: Value) {
        let status = self.scim.patch(&format!("/Groups/{}", self.group), operations).await.status;
        assert!(status == 200 || status == 204, "{status}");
    }

    async fn id_of(&self, user_name: &str) -> String {
        let found =
            self.scim.get(&format!("/Users?filter=userName%20eq%20%22{user_name}%22")).await.is(200).json();
        text(&found["Resources"][0]["id"])
    }

    /// Registers the app as the page says, and starts it with what the two commands print.
    pub fn start(&self, example: &Example) -> Running {
        let port = free_port();
        let base = format!("http://127.0.0.1:{port}");
        let (home, callback, logout) =
            (format!("{base}/"), format!("{base}/callback"), format!("{base}/backchannel-logout"));
        let app = self.machine.says(&[
            "app",
            "create",
            "--tenant",
            TENANT,
            "--name",
            example.name,
            "--redirect-uri",
            &callback,
            "--post-logout-redirect-uri",
            &home,
            "--backchannel-logout-uri",
            &logout,
            "--env",
        ]);
        let credential = self.machine.says(&[
            "credential",
            "issue",
            "--tenant",
            TENANT,
            "--admin",
            "--read-only",
            "--env",
        ]);
        let program = example.program.last().unwrap();
        assert!(program.exists(), "{} is not there: `./x setup` and `./x test` make it", program.display());
        let mut command = Command::new(&example.program[0]);
        command
            .args(&example.program[1..])
            .env("APP_URL", &base)
            .envs(app.lines().chain(credential.lines()).filter_map(|line| line.split_once('=')));
        Running { base, _program: Program::start(&command, Up::Listens(port)) }
    }

    /// Goes where a person would come who begins at this address of an app and fills in the forms of the provider.
    pub async fn follow(&self, browser: &Browser, address: &str, person: &str) -> Reply {
        let mut reply = browser.get(address).await;
        for _ in 0..MOST_HOPS {
            let here = Url::parse(reply.asked.split_once(' ').unwrap().1).unwrap();
            let form = || Form::on(&reply.text, here.as_str(), person).filter(|_| reply.status == 200);
            reply = if (300..400).contains(&reply.status) {
                browser.get(here.join(reply.header("location")).unwrap().as_str()).await
            } else if let Some(form) = form().filter(|form| !form.action.starts_with(&origin_of(address))) {
                browser.submit(form).await
            } else {
                return reply;
            };
        }
        panic!("no end of hops, the last of them {}", reply.asked);
    }
}

fn origin_of(address: &str) -> String {
    Url::parse(address).unwrap().origin().ascii_serialization()
}
