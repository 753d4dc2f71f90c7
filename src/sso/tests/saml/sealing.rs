//! Encryption as identity providers do it, and as they should not. Knows ciphers; does not know what is inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::md::Md;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::symm::{Cipher, Crypter, Mode, encrypt_aead};

use crate::world::ours;

pub(crate) const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
pub(crate) const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";

pub(crate) fn content_ciphers() -> [(&'static str, Cipher); 6] {
    [
        ("http://www.w3.org/2009/xmlenc11#aes128-gcm", Cipher::aes_128_gcm()),
        ("http://www.w3.org/2009/xmlenc11#aes192-gcm", Cipher::aes_192_gcm()),
        (GCM, Cipher::aes_256_gcm()),
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", Cipher::aes_128_cbc()),
        ("http://www.w3.org/2001/04/xmlenc#aes192-cbc", Cipher::aes_192_cbc()),
        ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", Cipher::aes_256_cbc()),
    ]
}

pub(crate) fn sealed(plain: &str, cipher: Cipher, key: &[u8]) -> Vec<u8> {
    let iv = vec![7; cipher.iv_len().unwrap()];
    if iv.len() == 12 {
        let mut tag = [0; 16];
        let ciphertext = encrypt_aead(cipher, key, Some(&iv), &[], plain.as_bytes(), &mut tag).unwrap();
        return [iv, ciphertext, tag.to_vec()].concat();
    }
    let padding = u8::try_from(16 - plain.len() % 16).unwrap();
    sealed_with(plain, cipher, key, &iv, padding)
}

/// In CBC mode, with a last byte of the padding that may be a lie; the bytes before it are not defined.
pub(crate) fn sealed_with(plain: &str, cipher: Cipher, key: &[u8], iv: &[u8], padding: u8) -> Vec<u8> {
    let mut padded = [plain.as_bytes(), &vec![0xaa; 16 - plain.len() % 16]].concat();
    *padded.last_mut().unwrap() = padding;
    let mut crypter = Crypter::new(cipher, Mode::Encrypt, key, Some(iv)).unwrap();
    crypter.pad(false);
    let mut ciphertext = vec![0; padded.len() + 16];
    let written = crypter.update(&padded, &mut ciphertext).unwrap();
    ciphertext.truncate(written);
    [iv.to_vec(), ciphertext].concat()
}

pub(crate) fn wrapped_key(key: &[u8], padding: Padding) -> Vec<u8> {
    let mut context = PkeyCtx::new(&ours().key).unwrap();
    context.encrypt_init().unwrap();
    context.set_rsa_padding(padding).unwrap();
    if padding == Padding::PKCS1_OAEP {
        context.set_rsa_oaep_md(Md::sha1()).unwrap();
    }
    let mut wrapped = Vec::new();
    context.encrypt_to_vec(key, &mut wrapped).unwrap();
    wrapped
}

pub(crate) fn element(content: &str, transport: &str, key: &[u8], data: &[u8]) -> String {
    let (key, data) = (STANDARD.encode(key), STANDARD.encode(data));
    format!(
        r#"<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="{content}"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{transport}"/><xenc:CipherData><xenc:CipherValue>{key}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{data}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"#
    )
}

pub(crate) fn encrypted(plain: &str, (uri, cipher): (&str, Cipher)) -> String {
    let key = vec![9; cipher.key_len()];
    element(uri, OAEP, &wrapped_key(&key, Padding::PKCS1_OAEP), &sealed(plain, cipher, &key))
}

pub(crate) fn gcm() -> (&'static str, Cipher) {
    (GCM, Cipher::aes_256_gcm())
}
