//! Encrypted assertions (XML Encryption 1.1, SAML Core §2.3.4). Knows RSA-OAEP and AES; does not know what is inside.
//!
//! Whatever goes wrong with the ciphertext is one refusal: a decryption that says more of its failures can be asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::symm::{Cipher, Crypter, Mode, decrypt_aead};
use roxmltree::Node;

use super::Refusal;
use super::connection::DecryptionKey;
use super::names::{ENCRYPTION, SIGNATURE, all, only, text};

const ENCRYPTION_11: &str = "http://www.w3.org/2009/xmlenc11#";
const GCM_IV: usize = 12;
const GCM_TAG: usize = 16;
const CBC_BLOCK: usize = 16;

/// How the content is encrypted.
struct Content {
    cipher: Cipher,
    /// GCM; else CBC.
    is_authenticated: bool,
}

impl Content {
    /// XML Encryption 1.1 §5.2: the initialisation vector stands before the ciphertext, the tag of GCM behind it.
    fn open(&self, key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        if self.is_authenticated {
            let (iv, rest) = sealed.split_at_checked(GCM_IV)?;
            let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(GCM_TAG)?)?;
            return decrypt_aead(self.cipher, key, Some(iv), &[], ciphertext, tag).ok();
        }
        let (iv, ciphertext) = sealed.split_at_checked(CBC_BLOCK)?;
        let mut plain = self.unpadded(key, iv, ciphertext).ok()?;
        // Only the last byte of the padding is defined: how many bytes it has.
        let padding = usize::from(*plain.last()?);
        let length = plain.len().checked_sub(padding).filter(|_| (1..=CBC_BLOCK).contains(&padding))?;
        plain.truncate(length);
        Some(plain)
    }

    fn unpadded(&self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut crypter = Crypter::new(self.cipher, Mode::Decrypt, key, Some(iv))?;
        crypter.pad(false);
        let mut plain = vec![0; ciphertext.len().saturating_add(CBC_BLOCK)]; // the crypter wants a block more
        let decrypted = crypter.update(ciphertext, &mut plain)?;
        crypter.finalize(&mut [0; CBC_BLOCK])?; // refuses half a block
        plain.truncate(decrypted);
        Ok(plain)
    }
}

/// The text of the assertion, of which nothing is believed yet: the caller holds it, or what it was taken from, to a
/// signature. That is what protects content in CBC mode, which anybody can change.
pub(super) fn assertion(encrypted: Node<'_, '_>, keys: &[DecryptionKey]) -> Result<String, Refusal> {
    let data = only(encrypted, ENCRYPTION, "EncryptedData").ok_or(Refusal::Decryption)?;
    let content = content(data)?;
    let wrapped = encrypted_key(encrypted, data).ok_or(Refusal::Decryption)?;
    let transport = Transport::of(wrapped)?;
    let wrapped = cipher_value(wrapped).ok_or(Refusal::Decryption)?;
    let sealed = cipher_value(data).ok_or(Refusal::Decryption)?;
    keys.iter()
        .filter_map(|key| transport.unwrap(key, &wrapped).ok())
        .filter(|key| key.len() == content.cipher.key_len())
        .find_map(|key| content.open(&key, &sealed))
        .and_then(|plain| String::from_utf8(plain).ok())
        .ok_or(Refusal::Decryption)
}

fn content(data: Node<'_, '_>) -> Result<Content, Refusal> {
    let method = only(data, ENCRYPTION, "EncryptionMethod").and_then(|method| method.attribute("Algorithm"));
    let (cipher, is_authenticated) = match method {
        Some("http://www.w3.org/2009/xmlenc11#aes128-gcm") => (Cipher::aes_128_gcm(), true),
        Some("http://www.w3.org/2009/xmlenc11#aes192-gcm") => (Cipher::aes_192_gcm(), true),
        Some("http://www.w3.org/2009/xmlenc11#aes256-gcm") => (Cipher::aes_256_gcm(), true),
        Some("http://www.w3.org/2001/04/xmlenc#aes128-cbc") => (Cipher::aes_128_cbc(), false),
        Some("http://www.w3.org/2001/04/xmlenc#aes192-cbc") => (Cipher::aes_192_cbc(), false),
        Some("http://www.w3.org/2001/04/xmlenc#aes256-cbc") => (Cipher::aes_256_cbc(), false),
        _ => return Err(Refusal::ContentEncryption),
    };
    Ok(Content { cipher, is_authenticated })
}

/// The key that the content is encrypted with: in the data's key info, or beside the data.
fn encrypted_key<'a, 'i>(encrypted: Node<'a, 'i>, data: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let inside = only(data, SIGNATURE, "KeyInfo").and_then(|info| only(info, ENCRYPTION, "EncryptedKey"));
    inside.or_else(|| only(encrypted, ENCRYPTION, "EncryptedKey"))
}

fn cipher_value(of: Node<'_, '_>) -> Option<Vec<u8>> {
    let value = only(only(of, ENCRYPTION, "CipherData")?, ENCRYPTION, "CipherValue")?;
    let compact: String = text(value)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok()
}

/// RSA-OAEP and its two digests.
struct Transport {
    digest: &'static MdRef,
    mask: &'static MdRef,
}

impl Transport {
    fn of(key: Node<'_, '_>) -> Result<Self, Refusal> {
        let method = only(key, ENCRYPTION, "EncryptionMethod").ok_or(Refusal::KeyTransport)?;
        let mask = match method.attribute("Algorithm") {
            Some("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p") => Md::sha1(),
            Some("http://www.w3.org/2009/xmlenc11#rsa-oaep") => mask(method)?,
            _ => return Err(Refusal::KeyTransport),
        };
        if all(method, ENCRYPTION, "OAEPparams").next().is_some() {
            return Err(Refusal::KeyTransport);
        }
        Ok(Self { digest: digest(method)?, mask })
    }

    fn unwrap(&self, key: &DecryptionKey, wrapped: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = PkeyCtx::new(key.key())?;
        context.decrypt_init()?;
        context.set_rsa_padding(Padding::PKCS1_OAEP)?;
        context.set_rsa_oaep_md(self.digest)?;
        context.set_rsa_mgf1_md(self.mask)?;
        let mut plain = Vec::new();
        context.decrypt_to_vec(wrapped, &mut plain)?;
        Ok(plain)
    }
}

/// XML Encryption 1.1 §5.5.2: SHA-1 where nothing is said.
fn digest(method: Node<'_, '_>) -> Result<&'static MdRef, Refusal> {
    match only(method, SIGNATURE, "DigestMethod").map(|digest| digest.attribute("Algorithm")) {
        None | Some(Some("http://www.w3.org/2000/09/xmldsig#sha1")) => Ok(Md::sha1()),
        Some(Some("http://www.w3.org/2001/04/xmlenc#sha256")) => Ok(Md::sha256()),
        Some(Some("http://www.w3.org/2001/04/xmldsig-more#sha384")) => Ok(Md::sha384()),
        Some(Some("http://www.w3.org/2001/04/xmlenc#sha512")) => Ok(Md::sha512()),
        Some(_) => Err(Refusal::KeyTransport),
    }
}

fn mask(method: Node<'_, '_>) -> Result<&'static MdRef, Refusal> {
    match only(method, ENCRYPTION_11, "MGF").map(|mask| mask.attribute("Algorithm")) {
        None | Some(Some("http://www.w3.org/2009/xmlenc11#mgf1sha1")) => Ok(Md::sha1()),
        Some(Some("http://www.w3.org/2009/xmlenc11#mgf1sha256")) => Ok(Md::sha256()),
        Some(Some("http://www.w3.org/2009/xmlenc11#mgf1sha384")) => Ok(Md::sha384()),
        Some(Some("http://www.w3.org/2009/xmlenc11#mgf1sha512")) => Ok(Md::sha512()),
        Some(_) => Err(Refusal::KeyTransport),
    }
}
