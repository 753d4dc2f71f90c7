//! Real identity providers that speak SAML, SimpleSAMLphp and samlp of `testbed/`, and a browser's way through their pages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::clock::Clock as _;
use reqwest::Url;
use serde_json::{Value, json};
use sso::saml::generate_key;
use usher::system::SystemClock;

use super::http::{Doors, PUBLIC, Reply, base};
use super::program::{Program, Up, free_port};
use super::provider::{Browser, Form, node, state};

const MOST_HOPS: usize = 20;
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/// A running SimpleSAMLphp with a folder of its own.
pub struct SimpleSaml {
    /// `http://127.0.0.1:port/simplesaml/`
    pub address: String,
    home: PathBuf,
    _program: Program,
}

/// The one of the run, whose certificate nobody changes.
pub fn simplesaml() -> &'static SimpleSaml {
    static SHARED: LazyLock<SimpleSaml> = LazyLock::new(SimpleSaml::start);
    &SHARED
}

impl SimpleSaml {
    /// Another one, with a key of its own.
    pub fn start() -> Self {
        let root = state().join("simplesamlphp/root");
        assert!(root.exists(), "{} is not there: run `./x setup` first", root.display());
        let home = tempfile::tempdir().unwrap().keep();
        for folder in ["cert", "log", "data", "tmp", "sp"] {
            std::fs::create_dir(home.join(folder)).unwrap();
        }
        let port = free_port();
        let address = format!("http://127.0.0.1:{port}/simplesaml/");
        let testbed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/simplesamlphp");
        make_key(&home.join("cert"), "old");
        let mut command = Command::new("php");
        command
            .args(["-d", "error_reporting=0", "-S", &format!("127.0.0.1:{port}")])
            .arg(testbed.join("router.php"))
            .env("SSP_ROOT", root)
            .env("SSP_HOME", &home)
            .env("SSP_BASE", &address)
            .env("SIMPLESAMLPHP_CONFIG_DIR", testbed.join("config"));
        let program = Program::start(&command, Up::Listens(port));
        Self { address, home, _program: program }
    }

    pub fn metadata_url(&self) -> String {
        format!("{}saml2/idp/metadata.php", self.address)
    }

    /// Makes a key and its certificate, of this name.
    pub fn make_key(&self, name: &str) {
        make_key(&self.home.join("cert"), name);
    }

    /// Changes what the provider is set to.
    pub fn set(&self, settings: &Value) {
        std::fs::write(self.home.join("idp.json"), settings.to_string()).unwrap();
    }

    /// Lets the provider know a connection by our metadata, and sets what an administrator would set besides.
    pub async fn register(&self, tenant: &str, settings: &Value) {
        let address = format!("{}/saml/{tenant}/idp/metadata", base());
        let metadata = Browser::new().get(&address).await.is(200);
        assert_eq!(metadata.header("content-type"), "application/samlmetadata+xml");
        std::fs::write(self.home.join(format!("sp/{tenant}.xml")), &metadata.text).unwrap();
        std::fs::write(self.home.join(format!("sp/{tenant}.json")), settings.to_string()).unwrap();
    }

    /// Where the provider begins to sign somebody in whom nobody has sent.
    pub fn unasked(&self, tenant: &str) -> String {
        let entity_id = encoded(&format!("{PUBLIC}/saml/{tenant}/idp/metadata"));
        format!("{}saml2/idp/SSOService.php?spentityid={entity_id}&RelayState=somewhere", self.address)
    }

    /// Where the provider begins to sign somebody out.
    pub fn sign_out(&self) -> String {
        format!(
            "{}saml2/idp/initSLO.php?RelayState={}",
            self.address,
            encoded(&format!("{}bye", self.address))
        )
    }
}

/// samlp at this address for requests, encrypting to a certificate.
pub struct Samlp {
    /// `http://127.0.0.1:port`
    pub address: String,
    encrypt_to: PathBuf,
    _program: Program,
}

impl Samlp {
    /// One that answers at `path` and takes logouts by `redirect` or `post`.
    pub fn start(path: &str, logout: &str) -> Self {
        let folder = state().join("samlp");
        assert!(folder.join("idp.js").exists(), "{} is not there: run `./x setup` first", folder.display());
        let home = tempfile::tempdir().unwrap().keep();
        make_key(&home, "idp");
        let (port, encrypt_to) = (free_port(), home.join("sp.crt"));
        let mut command = Command::new(node());
        command
            .arg(folder.join("idp.js"))
            .env("PORT", port.to_string())
            .env("CERT", home.join("idp.crt"))
            .env("KEY", home.join("idp.key"))
            .env("SP_CERT", &encrypt_to)
            .env("SSO", path)
            .env("LOGOUT", logout);
        let program = Program::start(&command, Up::Says);
        Self { address: format!("http://127.0.0.1:{port}"), encrypt_to, _program: program }
    }

    pub fn metadata_url(&self) -> String {
        format!("{}/metadata", self.address)
    }

    /// Lets it know the key of our metadata, to encrypt to and to verify by.
    pub async fn know(&self, tenant: &str) {
        let metadata =
            Browser::new().get(&format!("{}/saml/{tenant}/idp/metadata", base())).await.is(200).text;
        let of_encryption = metadata.split("use=\"encryption\"").nth(1).unwrap();
        let certificate = of_encryption.split("X509Certificate>").nth(1).unwrap().split('<').next().unwrap();
        std::fs::write(&self.encrypt_to, pem("CERTIFICATE", certificate)).unwrap();
    }
}

/// Writes a new key and its certificate, of this name, into a folder.
fn make_key(folder: &Path, name: &str) {
    let made = generate_key(name, SystemClock.now()).unwrap();
    let certificate = STANDARD.encode(made.certificate.der());
    std::fs::write(folder.join(format!("{name}.crt")), pem("CERTIFICATE", &certificate)).unwrap();
    let key = STANDARD.encode(&made.pkcs8);
    std::fs::write(folder.join(format!("{name}.key")), pem("PRIVATE KEY", &key)).unwrap();
}

fn pem(what: &str, base64: &str) -> String {
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A connection by SAML to be, with this metadata.
pub fn new_connection(slug: &str, metadata: &str) -> Value {
    json!({
        "slug": slug, "name": slug, "metadata": metadata, "linkClaim": "sub", "linkTo": "userName",
        "returnTo": "https://app.example/home",
    })
}

/// A connection to a provider that is only metadata.
pub async fn connect_to_nobody(doors: &Doors, slug: &str) {
    connect_to(doors, slug, "HTTP-Redirect", "https://idp.example/sso").await;
}

/// The same, whose people are sent to this place.
pub async fn connect_to(doors: &Doors, slug: &str, binding: &str, place: &str) {
    let made = generate_key("nobody", SystemClock.now()).unwrap();
    let metadata = format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/metadata"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" Location="{place}"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
        STANDARD.encode(made.certificate.der())
    );
    doors.api.post("/saml-connections", new_connection(slug, &metadata)).await.is(201);
}

/// A connection `idp` of the tenant, at the provider whose metadata is there.
pub async fn connect(doors: &Doors, metadata_url: &str, rules: Value) -> Value {
    let mut body = json!({
        "slug": "idp", "name": "SAML", "metadataUrl": metadata_url, "linkClaim": "sub", "linkTo": "userName",
        "returnTo": "https://app.example/home", "rules": {"nameIdFormat": PERSISTENT},
    });
    body["rules"].as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    doors.api.post("/saml-connections", body).await.is(201).json()
}

impl Browser {
    /// Goes on from an address, through redirects and forms, as this person, up to the form that posts `field`, which it
    /// does not send.
    pub async fn until_form(&self, from: &str, person: &str, field: &str) -> Form {
        let mut reply = self.get(from).await;
        for _ in 0..MOST_HOPS {
            if (300..400).contains(&reply.status) {
                reply = self.get(&next(&reply)).await;
                continue;
            }
            let here = reply.asked.split_once(' ').unwrap().1;
            let form = Form::on(&reply.text, here, person)
                .unwrap_or_else(|| panic!("{} has no form: {}", reply.asked, reply.text));
            if form.fields.iter().any(|(name, _)| name == field) && form.action.starts_with(PUBLIC) {
                return form;
            }
            reply = self.submit(form).await;
        }
        panic!("no end of hops, the last of them {}", reply.asked);
    }

    /// From our door through the provider, up to the form with the answer.
    pub async fn until_answer(&self, tenant: &str, person: &str) -> Form {
        self.until_form(&format!("{PUBLIC}/login/{tenant}/idp"), person, "SAMLResponse").await
    }

    /// The same, and sends the answer.
    pub async fn sign_in_by_saml(&self, tenant: &str, person: &str) -> Reply {
        let form = self.until_answer(tenant, person).await;
        self.submit(form).await
    }

    /// Does what a page or a redirect tells it to, which must lead to an address that begins so.
    pub async fn onward(&self, reply: Reply, beginning: &str) -> Reply {
        if (300..400).contains(&reply.status) {
            let next = next(&reply);
            assert!(next.starts_with(beginning), "{next}");
            return self.get(&next).await;
        }
        let here = reply.asked.split_once(' ').unwrap().1;
        let form = Form::on(&reply.text, here, "").unwrap_or_else(|| panic!("no form: {}", reply.text));
        assert!(form.action.starts_with(beginning), "{}", form.action);
        self.submit(form).await
    }

    /// Follows redirects up to an address that begins so, which it does not visit.
    pub async fn until_address(&self, from: &str, beginning: &str) -> String {
        let mut reply = self.get(from).await;
        for _ in 0..MOST_HOPS {
            assert!((300..400).contains(&reply.status), "{}: {} {}", reply.asked, reply.status, reply.text);
            let next = next(&reply);
            if next.starts_with(beginning) {
                return next;
            }
            reply = self.get(&next).await;
        }
        panic!("no end of hops, the last of them {}", reply.asked);
    }
}

fn next(reply: &Reply) -> String {
    let here = reply.asked.split_once(' ').unwrap().1;
    Url::parse(here).unwrap().join(reply.header("location")).unwrap().to_string()
}

/// The certificates of a connection in this state.
pub fn certificates(view: &Value, state: &str) -> Vec<String> {
    let all = view["certificates"].as_array().unwrap().iter();
    all.filter(|it| it["state"] == state).map(|it| it["fingerprint"].as_str().unwrap().to_owned()).collect()
}
