//! Passkeys: each check of a ceremony, tried with an authenticator of our own that errs in one thing at a time.

#![cfg(test)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::CountingEntropy;
use domain::id::UserId;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sso::passkey::{Asked, Challenge, Claim, Passkey, PasskeyError, Registered, RelyingParty};
use uuid::Uuid;

/// Present, verified, with a new credential.
const MADE: u8 = 0b0100_0101;
/// Present and verified.
const USED: u8 = 0b0000_0101;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn party() -> RelyingParty {
    RelyingParty::at(&"https://usher.example".parse().unwrap()).unwrap()
}

fn p256() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn mina() -> UserId {
    UserId::from_uuid(Uuid::from_u128(7))
}

/// What an authenticator and a browser say, to be changed before it is said.
struct Device {
    key: PKey<Private>,
    kind: &'static str,
    challenge: String,
    origin: &'static str,
    cross_origin: bool,
    relying_party: &'static str,
    flags: u8,
    counter: u32,
    discoverable: Option<bool>,
}

impl Device {
    fn making(asked: &Asked) -> Self {
        Self { kind: "webauthn.create", flags: MADE, ..Self::using(p256(), asked) }
    }

    fn using(key: PKey<Private>, asked: &Asked) -> Self {
        Self {
            key,
            kind: "webauthn.get",
            challenge: asked.options["publicKey"]["challenge"].as_str().unwrap().to_owned(),
            origin: "https://usher.example",
            cross_origin: false,
            relying_party: "usher.example",
            flags: USED,
            counter: 1,
            discoverable: Some(true),
        }
    }

    fn client_data(&self) -> String {
        json!({
            "type": self.kind, "challenge": self.challenge, "origin": self.origin,
            "crossOrigin": self.cross_origin, "other_keys_can_be_added_here": "do not compare",
        })
        .to_string()
    }

    fn authenticator_data(&self) -> Vec<u8> {
        let mut data = Sha256::digest(self.relying_party).to_vec();
        data.push(self.flags);
        data.extend(self.counter.to_be_bytes());
        if self.kind == "webauthn.create" {
            data.extend([0; 16]);
            data.extend([0, 3]);
            data.extend(b"key");
            data.extend([0xa0]);
        }
        data
    }

    fn registers(&self) -> String {
        json!({
            "clientDataJSON": b64(self.client_data()),
            "authenticatorData": b64(self.authenticator_data()),
            "publicKey": b64(self.key.public_key_to_der().unwrap()),
            "discoverable": self.discoverable,
        })
        .to_string()
    }

    fn proves(&self) -> Value {
        let data = self.authenticator_data();
        let signed = [data.as_slice(), Sha256::digest(self.client_data()).as_slice()].concat();
        let mut by_key = match self.key.id() {
            openssl::pkey::Id::ED25519 => Signer::new_without_digest(&self.key).unwrap(),
            _ => Signer::new(MessageDigest::sha256(), &self.key).unwrap(),
        };
        json!({
            "id": b64("key"), "userHandle": b64(mina().as_uuid()), "clientDataJSON": b64(self.client_data()),
            "authenticatorData": b64(data), "signature": b64(by_key.sign_oneshot_to_vec(&signed).unwrap()),
        })
    }
}

fn register(change: impl FnOnce(&mut Device)) -> Result<Registered, PasskeyError> {
    let asked = party().ask_for_new(mina(), "mina", &[b"old"], &CountingEntropy::new());
    let mut device = Device::making(&asked);
    change(&mut device);
    party().registered(&device.registers(), &asked.challenge)
}

/// A passkey whose authenticator has counted to one, and its key.
fn registered() -> (Passkey, PKey<Private>) {
    let asked = party().ask_for_new(mina(), "mina", &[], &CountingEntropy::new());
    let device = Device::making(&asked);
    (party().registered(&device.registers(), &asked.challenge).unwrap().passkey, device.key)
}

fn sign_in(change: impl FnOnce(&mut Device)) -> Result<Passkey, PasskeyError> {
    let (passkey, key) = registered();
    let asked = party().ask(&CountingEntropy::new());
    let mut device = Device { counter: 2, ..Device::using(key, &asked) };
    change(&mut device);
    party().prove(&Claim::of(&device.proves().to_string()).unwrap(), &asked.challenge, &passkey)
}

#[test]
fn a_passkey_is_asked_for_that_is_discoverable_and_verifies_the_person() {
    let asked = party().ask_for_new(mina(), "mina@acme.example", &[b"old"], &CountingEntropy::new());

    let options = &asked.options["publicKey"];
    assert_eq!(options["rp"]["id"], "usher.example");
    assert_eq!(options["user"]["id"], b64(mina().as_uuid()));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["excludeCredentials"], json!([{"type": "public-key", "id": b64("old")}]));
    assert_eq!(party().ask(&CountingEntropy::new()).options["publicKey"]["allowCredentials"], json!([]));
}

#[test]
fn no_two_challenges_are_the_same_and_one_reads_back_as_it_was_kept() {
    let entropy = CountingEntropy::new();
    let (one, other) = (party().ask(&entropy).challenge, party().ask(&entropy).challenge);

    assert_ne!(one, other);
    assert_eq!(Challenge::from_kept(*one.as_bytes()), one);
}

#[test]
fn a_passkey_that_was_registered_signs_in_and_its_counter_moves() {
    let made = register(|_| {}).unwrap();
    assert_eq!(made.credential_id, b"key");

    let used = sign_in(|_| {}).unwrap();

    let kept = serde_json::to_value(&used).unwrap();
    assert_eq!((&kept["counter"], &kept["backupEligible"]), (&json!(2), &json!(false)));
    assert_eq!(serde_json::from_value::<Passkey>(kept).unwrap(), used);
}

#[test]
fn keys_of_every_kind_that_we_ask_for_sign_in() {
    for key in
        [p256(), PKey::generate_ed25519().unwrap(), PKey::from_rsa(Rsa::generate(2_048).unwrap()).unwrap()]
    {
        let asked = party().ask(&CountingEntropy::new());
        let device = Device { key, ..Device::making(&asked) };
        let passkey = party().registered(&device.registers(), &asked.challenge).unwrap().passkey;

        let device = Device { counter: 2, ..Device::using(device.key, &asked) };
        let claim = Claim::of(&device.proves().to_string()).unwrap();
        assert_eq!((claim.user, claim.credential_id.as_slice()), (mina(), b"key".as_slice()));
        party().prove(&claim, &asked.challenge, &passkey).unwrap();
    }
}

#[test]
fn whatever_a_browser_says_wrong_of_the_ceremony_is_refused() {
    type Change = fn(&mut Device);
    let wrong: [(PasskeyError, Change); 4] = [
        (PasskeyError::Challenge, |it| it.challenge = b64([1; 32])),
        (PasskeyError::Origin, |it| it.origin = "https://usher.example.evil.example"),
        (PasskeyError::Embedded, |it| it.cross_origin = true),
        (PasskeyError::RelyingParty, |it| it.relying_party = "example"),
    ];
    for (expected, change) in wrong {
        assert_eq!(register(change).unwrap_err(), expected);
        assert_eq!(sign_in(change).unwrap_err(), expected);
    }
    assert_eq!(register(|it| it.kind = "webauthn.get").unwrap_err(), PasskeyError::Ceremony);
    assert_eq!(sign_in(|it| it.kind = "webauthn.create").unwrap_err(), PasskeyError::Ceremony);
    assert_eq!(sign_in(|it| it.origin = "http://usher.example").unwrap_err(), PasskeyError::Origin);
}

#[test]
fn a_person_is_present_and_verified() {
    for (flags, expected) in [(0b100, PasskeyError::NotPresent), (0b001, PasskeyError::NotVerified)] {
        assert_eq!(register(|it| it.flags = 0b0100_0000 | flags).unwrap_err(), expected);
        assert_eq!(sign_in(|it| it.flags = flags).unwrap_err(), expected);
    }
}

#[test]
fn what_is_said_of_copies_makes_sense_and_does_not_change() {
    assert_eq!(register(|it| it.flags = MADE | 0b1_0000).unwrap_err(), PasskeyError::Backup);
    assert_eq!(sign_in(|it| it.flags = USED | 0b1000).unwrap_err(), PasskeyError::Backup);
    register(|it| it.flags = MADE | 0b1_1000).unwrap();
}

#[test]
fn a_registration_brings_a_new_discoverable_credential_of_a_good_key() {
    assert_eq!(register(|it| it.flags = USED).unwrap_err(), PasskeyError::NoCredential);
    assert_eq!(register(|it| it.discoverable = Some(false)).unwrap_err(), PasskeyError::NotDiscoverable);
    register(|it| it.discoverable = None).unwrap();
    let curve = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
    for weak in [
        PKey::from_rsa(Rsa::generate(1_024).unwrap()).unwrap(),
        PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap(),
        PKey::generate_x25519().unwrap(),
    ] {
        assert_eq!(register(|it| it.key = weak).unwrap_err(), PasskeyError::Key);
    }
}

#[test]
fn a_signature_is_the_passkeys_and_over_all_of_the_answer() {
    assert_eq!(sign_in(|it| it.key = p256()).unwrap_err(), PasskeyError::Signature);

    let (passkey, key) = registered();
    let asked = party().ask(&CountingEntropy::new());
    let device = Device { counter: 2, ..Device::using(key, &asked) };
    let mut answer = device.proves();
    answer["authenticatorData"] = json!(b64(Device { counter: 9, ..device }.authenticator_data()));
    let claim = Claim::of(&answer.to_string()).unwrap();
    assert_eq!(party().prove(&claim, &asked.challenge, &passkey).unwrap_err(), PasskeyError::Signature);
}

/// Level 2, §7.2, step 21. An authenticator that does not count says zero each time.
#[test]
fn a_counter_that_does_not_move_on_is_a_copy() {
    for counter in [0, 1] {
        assert_eq!(sign_in(|it| it.counter = counter).unwrap_err(), PasskeyError::Counter);
    }
    let asked = party().ask(&CountingEntropy::new());
    let device = Device { counter: 0, ..Device::making(&asked) };
    let passkey = party().registered(&device.registers(), &asked.challenge).unwrap().passkey;
    let device = Device { counter: 0, ..Device::using(device.key, &asked) };
    let claim = Claim::of(&device.proves().to_string()).unwrap();
    party().prove(&claim, &asked.challenge, &passkey).unwrap();
}

#[test]
fn an_answer_that_is_none_is_refused_without_a_panic() {
    for answer in ["", "{}", "[]", "\u{0}", "{\"id\":\"*\"}", &"{".repeat(10_000)] {
        assert_eq!(Claim::of(answer).unwrap_err(), PasskeyError::Unreadable);
        let asked = party().ask(&CountingEntropy::new());
        assert_eq!(party().registered(answer, &asked.challenge).unwrap_err(), PasskeyError::Unreadable);
    }
    let asked = party().ask(&CountingEntropy::new());
    let whole = Device::making(&asked);
    let data = whole.authenticator_data();
    for length in 0..data.len() {
        let mut answer: Value = serde_json::from_str(&whole.registers()).unwrap();
        answer["authenticatorData"] = json!(b64(&data[..length]));
        let refused = party().registered(&answer.to_string(), &asked.challenge);
        assert!(refused.is_err() || length >= data.len() - 1, "{length}");
    }
}

#[test]
fn browsers_know_no_passkeys_of_an_address_without_a_name() {
    for address in ["http://127.0.0.1:9000", "https://[::1]"] {
        let refused = RelyingParty::at(&address.parse().unwrap()).unwrap_err();
        assert_eq!(refused, PasskeyError::NoHostName);
    }
}
