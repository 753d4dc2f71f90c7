//! Encryption: anybody can encrypt to us, so that something is encrypted says nothing; and what a decryption says of its
//! failures, somebody asks.

use openssl::rsa::Padding;
use openssl::symm::Cipher;

use crate::base::*;
use crate::sealing::*;
use crate::world::{assertion, changed, response};

/// What is inside is unsigned, a stranger's, wrapped or not plain.
pub(crate) fn contents(base: &Base) -> Vec<Attack> {
    let profile = base.profile;
    let victim = profile_signed(profile, profile.stranger(), &forged("_a1"));
    let genuine = profile_signed(profile, profile.provider(), &assertion());
    let mut contents = vec![
        ("nothing signed", forged("_a1")),
        ("a stranger's signature", victim),
        ("a changed name under a genuine signature", genuine.replace(PERSON, VICTIM)),
        (
            "a document type",
            format!("<!DOCTYPE a [<!ENTITY v \"{VICTIM}\">]>{}", genuine.replace(PERSON, "&v;")),
        ),
        ("a comment", changed(&genuine, PERSON, "p-<!-- -->1001")),
        ("a response", response(&genuine)),
        ("an encrypted assertion", encrypted(&genuine, cipher())),
        ("nothing", String::new()),
        ("text", "x".to_owned()),
        ("a NUL", format!("{genuine}\0")),
        ("two roots", format!("{genuine}{}", forged("_f1"))),
    ];
    for place in Place::ALL {
        let wrapped: &'static str = match place {
            Place::Before => "the original before a forged one",
            Place::Inside => "the original inside a forged one",
            Place::After => "the original after a forged one",
        };
        contents.push((wrapped, place.put(&genuine, &forged("_f1"))));
    }
    let mut attacks = Vec::new();
    for (what, content) in contents {
        for (mode, cipher) in content_ciphers().into_iter().step_by(3) {
            let sealed = encrypted(&content, (mode, cipher));
            let name = format!("{what} in {}", mode.rsplit('#').next().unwrap());
            attacks.push(attack(name.clone(), response(&sealed)));
            if what == "nothing signed" {
                for place in Place::ALL {
                    let beside =
                        changed(&base.document, base.assertion(), &place.put(&sealed, base.assertion()));
                    attacks.push(attack(format!("{name}, {} the genuine assertion", place.word()), beside));
                }
            } else if base.is_response_signed() && what != "a stranger's signature" {
                let instead = changed(&base.document, base.assertion(), &sealed);
                attacks.push(attack(format!("{name}, instead of the signed one"), instead));
            }
        }
    }
    attacks
}

fn profile_signed(profile: Profile, signer: &crate::world::Signer, assertion: &str) -> String {
    profile.sign(signer, assertion, "_a1")
}

fn cipher() -> (&'static str, Cipher) {
    (GCM, Cipher::aes_256_gcm())
}

/// Ciphertexts of every wrong length and with every wrong end, keys that are none, transports and ciphers that leak.
pub(crate) fn ciphertexts(base: &Base) -> Vec<Attack> {
    if base.profile.shape != Shape::Assertion {
        return Vec::new();
    }
    let genuine = profile_signed(base.profile, base.profile.provider(), &assertion());
    let mut attacks = Vec::new();
    for (uri, cipher) in content_ciphers() {
        let short = uri.rsplit('#').next().unwrap();
        let key = vec![9; cipher.key_len()];
        let wrapped = wrapped_key(&key, Padding::PKCS1_OAEP);
        let whole = sealed(&genuine, cipher, &key);
        let mut add = |name: String, transport: &str, wrapped: &[u8], data: &[u8]| {
            attacks
                .push(attack(format!("{short}: {name}"), response(&element(uri, transport, wrapped, data))));
        };
        for length in [0, 1, 11, 12, 15, 16, 17, 27, 28, 31, 32, 33, whole.len() - 1] {
            add(format!("{length} bytes"), OAEP, &wrapped, &whole[..length]);
        }
        for (place, at) in
            [(Place::Before, 0), (Place::Inside, whole.len() / 2), (Place::After, whole.len() - 1)]
        {
            for bit in [1, 16, 128] {
                let mut flipped = whole.clone();
                flipped[at] ^= bit;
                // In CBC the last byte of the padding but one is nobody's, and half a block of text may be as good as it was.
                add(format!("bit {bit} flipped, {} it", place.word()), OAEP, &wrapped, &flipped);
            }
        }
        if cipher.iv_len() == Some(16) {
            for padding in [0, 17, 32, 255] {
                let lying = sealed_with(&genuine, cipher, &key, &[7; 16], padding);
                add(format!("a padding of {padding}"), OAEP, &wrapped, &lying);
            }
        }
        add(
            "the key by RSA 1.5".to_owned(),
            "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
            &wrapped_key(&key, Padding::PKCS1),
            &whole,
        );
        add("the key by RSA 1.5, called OAEP".to_owned(), OAEP, &wrapped_key(&key, Padding::PKCS1), &whole);
        add("a key that is too short".to_owned(), OAEP, &wrapped_key(&key[1..], Padding::PKCS1_OAEP), &whole);
        add("no key".to_owned(), OAEP, &[], &whole);
        add("a key of zeros".to_owned(), OAEP, &[0; 256], &whole);
    }
    for uri in
        ["http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-ecb", ""]
    {
        attacks.push(attack(
            format!("the cipher '{uri}'"),
            response(&encrypted(&genuine, (uri, Cipher::aes_128_cbc()))),
        ));
    }
    attacks.extend(shapes(&genuine));
    attacks
}

/// Encrypted elements with parts twice, elsewhere or missing, and encrypted parts of assertions.
fn shapes(genuine: &str) -> Vec<Attack> {
    let honest = encrypted(genuine, cipher());
    let part = |name: &str| {
        crate::world::between(&honest, &format!("<xenc:{name}"), &format!("</xenc:{name}>")).to_owned()
    };
    let mut attacks = Vec::new();
    for name in ["EncryptedData", "EncryptedKey", "CipherData", "CipherValue"] {
        let one = part(name);
        attacks.push(attack(format!("no {name}"), response(&changed(&honest, &one, ""))));
        attacks.push(attack(format!("two of {name}"), response(&changed(&honest, &one, &one.repeat(2)))));
    }
    let reference = "<xenc:CipherData><xenc:CipherReference URI=\"http://127.0.0.1:1/\"/></xenc:CipherData>";
    attacks
        .push(attack("a ciphertext elsewhere", response(&changed(&honest, &part("CipherData"), reference))));
    attacks
}
