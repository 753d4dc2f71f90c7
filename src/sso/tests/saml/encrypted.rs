//! Encrypted assertions: every cipher that is allowed, none that is not, and one refusal for whatever goes wrong.

use openssl::rsa::Padding;
use openssl::symm::Cipher;
use sso::saml::{DecryptionKey, Refusal, Signed};

use super::sealing::*;
use super::world::*;

/// 34, 35
#[test]
fn a_signed_assertion_is_read_whatever_cipher_it_is_in() {
    for cipher in content_ciphers() {
        let document = response(&encrypted(&provider().sign(&assertion()), cipher));

        assert_eq!(accept(&document).unwrap().subject, "p-1001", "{}", cipher.0);
    }
}

/// 38
#[test]
fn an_assertion_without_a_signature_counts_only_below_a_signed_response() {
    let inner = encrypted(&assertion(), gcm());
    let mut both = connection();
    both.signed = Signed::Both;

    assert_eq!(accept(&provider().sign(&response(&inner))).unwrap().subject, "p-1001");
    assert_eq!(refusal(&response(&inner)), Refusal::Unsigned("the assertion"));
    assert_eq!(refusal_on(&both, &provider().sign(&response(&inner))), Refusal::Unsigned("the assertion"));
    let signed_inside = encrypted(&provider().sign(&assertion()), gcm());
    assert!(accept_on(&both, &provider().sign(&response(&signed_inside))).is_ok());
}

/// 38, 30
#[test]
fn a_strangers_signature_inside_is_refused_even_below_a_signed_response() {
    let inner = encrypted(&stranger().sign(&assertion()), gcm());

    assert_eq!(refusal(&provider().sign(&response(&inner))), Refusal::Signature);
    assert_eq!(refusal(&response(&inner)), Refusal::Signature);
}

/// 39
#[test]
fn the_key_before_the_current_one_still_opens() {
    let newer = Signer::rsa(2048);
    let newer = DecryptionKey::from_pkcs8(&newer.key.private_key_to_pkcs8().unwrap()).unwrap();
    let mut connection = connection();
    connection.decryption_keys.insert(0, newer);

    assert!(accept_on(&connection, &response(&encrypted(&provider().sign(&assertion()), gcm()))).is_ok());
}

/// 34
#[test]
fn a_key_comes_by_oaep_or_not_at_all() {
    let (uri, cipher) = gcm();
    let key = vec![9; cipher.key_len()];
    let data = sealed(&provider().sign(&assertion()), cipher, &key);

    let old =
        element(uri, "http://www.w3.org/2001/04/xmlenc#rsa-1_5", &wrapped_key(&key, Padding::PKCS1), &data);
    let lying = element(uri, OAEP, &wrapped_key(&key, Padding::PKCS1), &data);

    assert_eq!(refusal(&response(&old)), Refusal::KeyTransport);
    assert_eq!(refusal(&response(&lying)), Refusal::Decryption);
}

/// 35
#[test]
fn a_cipher_that_is_not_on_the_list_is_refused() {
    for uri in
        ["http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-ecb", ""]
    {
        let document = response(&encrypted(&provider().sign(&assertion()), (uri, Cipher::aes_128_cbc())));

        assert_eq!(refusal(&document), Refusal::ContentEncryption);
    }
}

/// 36
#[test]
fn whatever_is_wrong_with_a_ciphertext_is_one_refusal() {
    for (uri, cipher) in content_ciphers() {
        let key = vec![9; cipher.key_len()];
        let wrapped = wrapped_key(&key, Padding::PKCS1_OAEP);
        let whole = sealed(&provider().sign(&assertion()), cipher, &key);
        let mut other_end = whole.clone();
        *other_end.last_mut().unwrap() ^= 0xff;
        let short: Vec<Vec<u8>> =
            [0, 1, 11, 12, 15, 16, 17, 27, 28, 31].map(|length| whole[..length].to_vec()).into();
        for data in short.into_iter().chain([other_end, whole[..whole.len() - 1].to_vec()]) {
            let refusal = refusal(&response(&element(uri, OAEP, &wrapped, &data)));
            // A change that leaves the padding of CBC intact is found by the signature or the parser.
            assert!(
                matches!(refusal, Refusal::Decryption)
                    || cipher.iv_len() == Some(16)
                        && matches!(refusal, Refusal::Malformed | Refusal::Signature),
                "{uri}: {refusal}"
            );
        }
        for wrong in [vec![], vec![0; 256], wrapped_key(&[9; 5], Padding::PKCS1_OAEP)] {
            assert_eq!(refusal(&response(&element(uri, OAEP, &wrong, &whole))), Refusal::Decryption, "{uri}");
        }
    }
}

/// 36
#[test]
fn a_padding_is_one_byte_to_a_block() {
    let (uri, cipher) = ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", Cipher::aes_128_cbc());
    let key = vec![9; cipher.key_len()];
    let wrapped = wrapped_key(&key, Padding::PKCS1_OAEP);
    for padding in [0, 17, 32, 255] {
        let data = sealed_with(&provider().sign(&assertion()), cipher, &key, &[7; 16], padding);

        assert_eq!(
            refusal(&response(&element(uri, OAEP, &wrapped, &data))),
            Refusal::Decryption,
            "{padding}"
        );
    }
}

/// 37
#[test]
fn what_was_encrypted_is_held_to_the_same_shape() {
    let signed = provider().sign(&assertion());
    for (plain, expected) in [
        (format!("<!DOCTYPE a>{signed}"), Refusal::DocumentType),
        (changed(&signed, "p-1001", "p-<!-- -->1001"), Refusal::NotPlain("a comment")),
        (signed_both(), Refusal::Root("Assertion")),
        (
            changed(
                &signed,
                "</saml:Assertion>",
                &format!("{}</saml:Assertion>", assertion().replace("_a1", "_a2")),
            ),
            Refusal::AssertionPlace,
        ),
    ] {
        assert_eq!(refusal(&response(&encrypted(&plain, gcm()))), expected);
    }
}
