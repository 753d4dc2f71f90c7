//! Passkeys (W3C Web Authentication, level 2): what a browser is asked for, and what its answer proves. Knows challenges, signatures and counters; does not know whose passkey opens what, or where one is kept.
//!
//! Credentials are discoverable, so nobody says who they are before they have proven it, and the person is verified (by a PIN
//! or a finger), not only present. No attestation is asked for: whoever may register a passkey chooses the authenticator, so
//! the browser's own account of the new key is as good as any, and nothing has to be read but fixed places of bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Entropy;
use domain::id::UserId;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;
use uuid::Uuid;

/// Why a browser's answer is not accepted, one for each check; for the audit trail, never for the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// Browsers know passkeys of host names only.
    #[error("passkeys need a public address with a host name, not an IP address")]
    NoHostName,
    /// It is not what our page sends.
    #[error("the answer cannot be read")]
    Unreadable,
    /// It is for the other ceremony: registering is not signing in.
    #[error("the answer is of another ceremony")]
    Ceremony,
    /// It answers something that we did not ask this browser.
    #[error("the challenge is not the one that this browser was given")]
    Challenge,
    /// It was given to a page of somebody else's.
    #[error("the answer was given at another origin")]
    Origin,
    /// It was given in a frame of somebody else's page.
    #[error("the answer was given inside a page of another origin")]
    Embedded,
    /// The authenticator answers for another relying party.
    #[error("the authenticator answered for another relying party")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("nobody was present at the authenticator")]
    NotPresent,
    /// The authenticator did not verify who touched it.
    #[error("the authenticator did not verify the person")]
    NotVerified,
    /// The authenticator contradicts itself, or what it said before, about copies of the key.
    #[error("what the authenticator says of copies of the key makes no sense")]
    Backup,
    /// The answer has no new credential.
    #[error("the answer has no new credential")]
    NoCredential,
    /// The credential can only be asked for by name.
    #[error("the authenticator did not keep the passkey as a discoverable one")]
    NotDiscoverable,
    /// The key is of another kind than those that we ask for.
    #[error("the key is neither P-256, Ed25519 nor RSA of 2048 bits or more")]
    Key,
    /// The signature is not the credential's.
    #[error("the signature is not the passkey's")]
    Signature,
    /// The passkey was used before, by a copy or a replay.
    #[error("the passkey's counter has not moved on: there may be a copy of it")]
    Counter,
}

/// What we are to browsers: the relying party of our public address.
#[derive(Debug)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

/// The first half of a ceremony.
#[derive(Debug)]
pub struct Asked {
    /// For the page's script: the argument of `navigator.credentials`, with base64url where bytes are meant.
    pub options: Value,
    /// To be kept until the answer comes, where the browser cannot change it.
    pub challenge: Challenge,
}

/// What an answer must repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    fn fresh(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// As it was kept.
    pub const fn from_kept(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As it is to be kept.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// What a passkey is verified by. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// The public key, a `SubjectPublicKeyInfo`.
    public_key: Bytes,
    /// How often it was used, where the authenticator counts; else zero.
    counter: u32,
    /// Whether the authenticator may hand copies to others of the same person.
    backup_eligible: bool,
}

/// A passkey that was just made.
#[derive(Debug)]
pub struct Registered {
    /// What its authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What it is verified by.
    pub passkey: Passkey,
}

/// Whom an answer claims to be, before anything of it is proven.
#[derive(Debug)]
pub struct Claim {
    /// The person whom the authenticator names.
    pub user: UserId,
    /// What it calls the passkey.
    pub credential_id: Vec<u8>,
    answer: SignInAnswer,
}

/// Bytes, written in base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationAnswer {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    authenticator_data: Bytes,
    public_key: Bytes,
    discoverable: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignInAnswer {
    id: Bytes,
    user_handle: Bytes,
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
}

/// What the browser says of a ceremony (§5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: Bytes,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

const CREATE: &str = "webauthn.create";
const GET: &str = "webauthn.get";
/// `ES256`, `EdDSA`, `RS256`: what authenticators have.
const ALGORITHMS: [i32; 3] = [-7, -8, -257];
const TIMEOUT_MS: u32 = 300_000;
const SMALLEST_RSA: u32 = 2_048;

impl RelyingParty {
    /// The one of this address.
    pub fn at(public_url: &Url) -> Result<Self, PasskeyError> {
        let id = public_url.domain().ok_or(PasskeyError::NoHostName)?.to_owned();
        Ok(Self { id, origin: public_url.origin().ascii_serialization() })
    }

    /// Asks a browser for a new passkey of this person, on an authenticator that has none of `others`.
    pub fn ask_for_new(&self, user: UserId, name: &str, others: &[&[u8]], entropy: &dyn Entropy) -> Asked {
        let challenge = Challenge::fresh(entropy);
        let known = |id: &&[u8]| json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(id)});
        let options = json!({"publicKey": {
            "challenge": challenge.text(),
            "rp": {"id": self.id, "name": self.id},
            "user": {"id": URL_SAFE_NO_PAD.encode(user.as_uuid()), "name": name, "displayName": name},
            "pubKeyCredParams": ALGORITHMS.map(|alg| json!({"type": "public-key", "alg": alg})),
            "excludeCredentials": others.iter().map(known).collect::<Vec<_>>(),
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
            },
            "attestation": "none",
            "extensions": {"credProps": true},
            "timeout": TIMEOUT_MS,
        }});
        Asked { options, challenge }
    }

    /// The passkey that an answer registers (§7.1).
    pub fn registered(&self, answer: &str, challenge: &Challenge) -> Result<Registered, PasskeyError> {
        let answer: RegistrationAnswer = read(answer.as_bytes())?;
        self.check_client_data(&answer.client_data.0, CREATE, challenge)?;
        let said = self.authenticator_said(&answer.authenticator_data.0)?;
        let credential_id = said.new_credential().ok_or(PasskeyError::NoCredential)?;
        if answer.discoverable == Some(false) {
            return Err(PasskeyError::NotDiscoverable);
        }
        public_key(&answer.public_key.0)?;
        let passkey = Passkey {
            public_key: answer.public_key,
            counter: said.counter,
            backup_eligible: said.has(BACKUP_ELIGIBLE),
        };
        Ok(Registered { credential_id: credential_id.to_vec(), passkey })
    }

    /// Asks a browser for a passkey of anybody's.
    pub fn ask(&self, entropy: &dyn Entropy) -> Asked {
        let challenge = Challenge::fresh(entropy);
        let options = json!({"publicKey": {
            "challenge": challenge.text(),
            "rpId": self.id,
            "allowCredentials": [],
            "userVerification": "required",
            "timeout": TIMEOUT_MS,
        }});
        Asked { options, challenge }
    }

    /// Proves a claim by the passkey that is kept under its name (§7.2). Returns the passkey as it is to be kept from now on:
    /// its counter has moved.
    pub fn prove(
        &self,
        claim: &Claim,
        challenge: &Challenge,
        passkey: &Passkey,
    ) -> Result<Passkey, PasskeyError> {
        let SignInAnswer { client_data, authenticator_data, signature, .. } = &claim.answer;
        self.check_client_data(&client_data.0, GET, challenge)?;
        let said = self.authenticator_said(&authenticator_data.0)?;
        if said.has(BACKUP_ELIGIBLE) != passkey.backup_eligible {
            return Err(PasskeyError::Backup);
        }
        let signed = [authenticator_data.0.as_slice(), Sha256::digest(&client_data.0).as_slice()].concat();
        if !is_signed(&public_key(&passkey.public_key.0)?, &signed, &signature.0) {
            return Err(PasskeyError::Signature);
        }
        if (said.counter, passkey.counter) != (0, 0) && said.counter <= passkey.counter {
            return Err(PasskeyError::Counter);
        }
        Ok(Passkey { counter: said.counter, ..passkey.clone() })
    }

    fn check_client_data(&self, text: &[u8], kind: &str, challenge: &Challenge) -> Result<(), PasskeyError> {
        let said: ClientData = read(text)?;
        if said.kind != kind {
            return Err(PasskeyError::Ceremony);
        }
        if !bool::from(said.challenge.0.ct_eq(&challenge.0)) {
            return Err(PasskeyError::Challenge);
        }
        if said.origin != self.origin {
            return Err(PasskeyError::Origin);
        }
        if said.cross_origin {
            return Err(PasskeyError::Embedded);
        }
        Ok(())
    }

    fn authenticator_said<'a>(&self, bytes: &'a [u8]) -> Result<AuthenticatorData<'a>, PasskeyError> {
        let said = AuthenticatorData::read(bytes).ok_or(PasskeyError::Unreadable)?;
        if said.relying_party != Sha256::digest(self.id.as_bytes()).as_slice() {
            return Err(PasskeyError::RelyingParty);
        }
        if !said.has(PRESENT) {
            return Err(PasskeyError::NotPresent);
        }
        if !said.has(VERIFIED) {
            return Err(PasskeyError::NotVerified);
        }
        if said.has(BACKED_UP) && !said.has(BACKUP_ELIGIBLE) {
            return Err(PasskeyError::Backup);
        }
        Ok(said)
    }
}

impl Claim {
    /// Whom an answer claims to be.
    pub fn of(answer: &str) -> Result<Self, PasskeyError> {
        let answer: SignInAnswer = read(answer.as_bytes())?;
        let user = Uuid::from_slice(&answer.user_handle.0).or(Err(PasskeyError::Unreadable))?;
        Ok(Self { user: UserId::from_uuid(user), credential_id: answer.id.0.clone(), answer })
    }
}

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

/// What the authenticator says (§6.1): 32 bytes, a byte of flags, a counter of four, and what is new.
struct AuthenticatorData<'a> {
    relying_party: &'a [u8],
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (relying_party, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, rest) = rest.split_first_chunk()?;
        Some(Self { relying_party, flags: *flags, counter: u32::from_be_bytes(*counter), rest })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The id of the new credential (§6.5.1), behind the model of the authenticator.
    fn new_credential(&self) -> Option<&'a [u8]> {
        let (_model, rest) = self.rest.split_at_checked(16)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (id, _key) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        (self.has(ATTESTED) && (1..=1_023).contains(&id.len())).then_some(id)
    }
}

fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, PasskeyError> {
    serde_json::from_slice(text).or(Err(PasskeyError::Unreadable))
}

/// A key of one of the kinds that we ask for.
fn public_key(der: &[u8]) -> Result<PKey<Public>, PasskeyError> {
    let key = PKey::public_key_from_der(der).or(Err(PasskeyError::Key))?;
    let curve = || key.ec_key().ok().and_then(|key| key.group().curve_name());
    let fits = match key.id() {
        Id::EC => curve() == Some(Nid::X9_62_PRIME256V1),
        Id::RSA => key.bits() >= SMALLEST_RSA,
        Id::ED25519 => true,
        _ => false,
    };
    if fits { Ok(key) } else { Err(PasskeyError::Key) }
}

/// Ed25519 hashes by itself; the others sign a SHA-256.
fn is_signed(key: &PKey<Public>, signed: &[u8], signature: &[u8]) -> bool {
    let verifier = match key.id() {
        Id::ED25519 => Verifier::new_without_digest(key),
        _ => Verifier::new(MessageDigest::sha256(), key),
    };
    verifier.and_then(|mut verifier| verifier.verify_oneshot(signature, signed)).unwrap_or(false)
}
