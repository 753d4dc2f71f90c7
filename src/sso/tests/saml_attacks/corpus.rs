//! All attacks, class by class. Knows the classes; what is in them, their modules know.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sso::saml::Subject;

use crate::base::*;
use crate::world::{self, ACS, IDP, REQUEST, SP};
use crate::{accept, bombs, encryption, names, providers, rules, signatures, texts, wrapping};

/// A class of attacks.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    build: fn(&Base) -> Vec<Attack>,
    /// Whether a document of it may be taken for what it is: of the right person.
    pub(crate) may_be_harmless: bool,
}

const fn class(name: &'static str, build: fn(&Base) -> Vec<Attack>) -> Class {
    Class { name, build, may_be_harmless: false }
}

const CLASSES: [Class; 17] = [
    class("wrapping of assertions (XSW3 to XSW8)", wrapping::assertions),
    class("wrapping of responses (XSW1, XSW2)", wrapping::responses),
    class("other signed messages as decoys", wrapping::decoys),
    class("signatures that are missing or void", signatures::missing),
    class("two digests, two SignedInfo", signatures::doubled),
    class("keys from the key info", signatures::keys),
    class("confused and weak algorithms", signatures::algorithms),
    class("references and transforms", signatures::references),
    class("texts split by comments and the like", texts::split),
    class("document types, entities, stray parts", texts::declarations),
    class("encodings", texts::encodings),
    class("borrowed names", names::borrowed),
    class("IDs", names::ids),
    class("namespaces", names::namespaces),
    class("encrypted content that nobody signed", encryption::contents),
    class("ciphertexts and transports", encryption::ciphertexts),
    class("genuine messages for others", rules::messages),
];

const BOMBS: Class =
    Class { name: "documents that cost too much", build: bombs::bombs, may_be_harmless: true };

/// Of the variants of RSA with SHA-256 every attack is made; of the others each class has one in so many, another one for each
/// variant.
const THINNED: usize = 17;

/// Goes through all of them where this is signed, and says how many there were.
pub(crate) fn each(shape: Shape, mut look: impl FnMut(&Class, Profile, &Attack)) -> usize {
    let mut count = 0;
    let profiles = Profile::all().into_iter().filter(|profile| profile.shape == shape);
    for (number, profile) in profiles.enumerate() {
        let base = Base::new(profile);
        let is_whole = !profile.curve && profile.bits == 256;
        // What a document costs is much the same whatever signed it.
        let bombs = (is_whole && !profile.inclusive).then_some(&BOMBS);
        for class in CLASSES.iter().chain(bombs) {
            let attacks = (class.build)(&base);
            let made =
                attacks.iter().enumerate().filter(|(n, _)| is_whole || n % THINNED == number % THINNED);
            for (_, attack) in made {
                look(class, profile, attack);
                count += 1;
            }
        }
    }
    count
}

/// Those that are made to cost much, one at a time.
pub(crate) fn costly() -> impl Iterator<Item = Attack> {
    (BOMBS.build)(&Base::new(Profile::PLAIN)).into_iter()
}

/// One line of JSON each, with what an implementation has to know.
pub(crate) fn write() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("saml-attacks");
    std::fs::create_dir_all(&folder).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join("documents.jsonl")).unwrap());
    let certificates: Vec<_> = [false, true]
        .map(|curve| Profile { curve, ..Profile::PLAIN }.provider().certificate.to_pem().unwrap())
        .map(|pem| String::from_utf8(pem).unwrap())
        .into();
    let key = String::from_utf8(world::ours().key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let certificate = String::from_utf8(world::ours().certificate.to_pem().unwrap()).unwrap();
    let setting = json!({
        "idp": IDP, "sp": SP, "acs": ACS, "request": REQUEST, "now": world::now().to_rfc3339(), "certificates": certificates,
        "key": key, "certificate": certificate, "person": PERSON, "victim": VICTIM,
    });
    writeln!(file, "{setting}").unwrap();
    let mut line = |class: &str, name: &str, profile: Option<Profile>, format: &str, message: &[u8]| {
        let mut connection = connection();
        connection.subject = Subject::NameId { format: format.to_owned() };
        let (began, verdict) = (Instant::now(), accept(&connection, message));
        let ms = began.elapsed().as_secs_f64() * 1000.0;
        let usher = match verdict {
            Ok(accepted) => json!({"name": accepted.subject, "ms": ms}),
            Err(refusal) => json!({"name": null, "refused": refusal.to_string(), "ms": ms}),
        };
        let document = json!({
            "class": class, "name": name, "variant": profile.map(Profile::words), "curve": profile.is_some_and(|it| it.curve),
            "message": STANDARD.encode(message), "usher": usher,
        });
        writeln!(file, "{document}").unwrap();
    };
    for sent in providers::all() {
        line("legitimate: providers", sent.provider, None, sent.format, sent.document.as_bytes());
    }
    for profile in Profile::all() {
        let class = if profile.inclusive {
            "legitimate: inclusive canonicalisation"
        } else {
            "legitimate: variants of signatures"
        };
        line(
            class,
            &profile.words(),
            Some(profile),
            world::PERSISTENT,
            Base::new(profile).document.as_bytes(),
        );
    }
    for shape in Shape::ALL {
        each(shape, |class, profile, attack| {
            // Refused for its canonicalisation alone, so that it says nothing more.
            if profile.inclusive {
                return;
            }
            line(class.name, &attack.name, Some(profile), world::PERSISTENT, &attack.message);
        });
    }
    println!("documents: {}", folder.join("documents.jsonl").display());
}
