//! What was wrong with a SAML message. Knows every check by its number; does not know names, attributes or keys.

/// The check that a message failed. `Display` is the detail for the trace; it never holds what the message says of a person.
///
/// [`Refusal::check`] is the number in the list of checks that `./x mutants sso login` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    // The envelope
    /// The message is longer than any real one.
    #[error("the message is longer than 256 KiB")]
    TooLong,
    /// Not standard base64 of UTF-8 text without a byte order mark.
    #[error("the message is not base64 of UTF-8 text: {0}")]
    Encoding(&'static str),

    // The document, before any cryptography
    /// Not well-formed XML.
    #[error("the message is not well-formed XML")]
    Malformed,
    /// A document type declaration or an entity of its own.
    #[error("the message has a document type declaration")]
    DocumentType,
    /// A comment, a processing instruction or a CDATA section.
    #[error("the message has {0}")]
    NotPlain(&'static str),
    /// More of something than any real message has.
    #[error("the message has too many or too deep {0}")]
    Oversized(&'static str),
    /// A namespace that is empty, relative, or bound to a prefix that stands for another.
    #[error("a namespace declaration is refused: {0}")]
    Namespace(&'static str),
    /// The root is another element than the one that belongs here.
    #[error("the root element is not {0}")]
    Root(&'static str),
    /// An attribute or element that tells a parser to fetch something.
    #[error("the message refers to a schema or to parts outside of it")]
    Inclusion,
    /// An identifier twice, in a namespace, or with characters that are none.
    #[error("an ID is refused: {0}")]
    Id(&'static str),
    /// Assertions elsewhere than directly below the root, or more than one.
    #[error("the message has an assertion where none belongs, or several")]
    AssertionPlace,
    /// An element of SAML's or XML Signature's name in another namespace.
    #[error("an element borrows the name {0} in another namespace")]
    BorrowedName(&'static str),
    /// A part of an assertion outside of one, or in a response what no response has.
    #[error("the message has a part where none belongs: {0}")]
    Stray(&'static str),
    /// A signature elsewhere than in the root or in the assertion, or several in one.
    #[error("the message has a signature where none belongs, or several")]
    SignaturePlace,
    /// A signature with other parts than its signed info, its value and its key info, each once.
    #[error("the signature is not made of one SignedInfo, one SignatureValue and at most one KeyInfo")]
    SignatureParts,
    /// Another number of references than one.
    #[error("the signature has not exactly one reference")]
    ReferenceCount,
    /// A reference to something else than the element that the signature stands in.
    #[error("the signature refers to something else than the element it stands in")]
    ReferenceTarget,
    /// Transforms other than the enveloped signature and exclusive canonicalisation.
    #[error("the signature has other transforms than enveloped-signature and exclusive canonicalisation")]
    Transforms,
    /// Parameters of a transform besides the list of inclusive namespaces.
    #[error("a transform of the signature has parameters that are refused")]
    TransformParameters,
    /// Another canonicalisation than the exclusive one without comments.
    #[error("the signature is canonicalised by another method than exc-c14n without comments")]
    Canonicalization,
    /// A signature algorithm that is not on the list.
    #[error("the signature algorithm is not allowed")]
    SignatureAlgorithm,
    /// A digest algorithm that is not on the list.
    #[error("the digest algorithm is not allowed")]
    DigestAlgorithm,
    /// A digest or signature value that is not one piece of text.
    #[error("the digest or the signature value is not one piece of text")]
    SignatureText,
    /// Key info that asks for a key from somewhere.
    #[error("the key info refers to a key elsewhere")]
    KeyInfo,
    /// Text where the schema has one value is broken up by elements, or missing.
    #[error("{0} is not exactly one piece of text")]
    LeafText(&'static str),

    // Trust
    /// The connection has no active certificate.
    #[error("the connection has no active certificate of the identity provider")]
    NoCertificate,
    /// A certificate whose key is too short or of an unknown kind.
    #[error("the certificate's key is too weak or of an unknown kind")]
    WeakKey,
    /// No certificate of the connection made the signature.
    #[error("no certificate of the connection made the signature")]
    Signature,
    /// Nothing is signed, or less than the connection requires.
    #[error("{0} is not signed, and the connection requires it")]
    Unsigned(&'static str),
    /// What was signed is not what the message shows.
    #[error("what was signed is something else than what the message shows")]
    SignedSomethingElse,

    /// The verification broke off, or took longer than any honest message needs.
    #[error("the message could not be verified: {0}")]
    Unfinished(&'static str),

    // Decryption
    /// Key transport other than RSA-OAEP.
    #[error("the key transport is not RSA-OAEP")]
    KeyTransport,
    /// Content encryption other than AES in GCM, or in CBC under a signature.
    #[error("the content encryption is not allowed")]
    ContentEncryption,
    /// It could not be decrypted. One sentence for every cause.
    #[error("the assertion could not be decrypted")]
    Decryption,
    /// Encrypted names or attributes, which are not read.
    #[error("the assertion has an encrypted name or attribute")]
    EncryptedPart,

    // The response
    /// A version other than 2.0.
    #[error("{0} is not of SAML version 2.0")]
    Version(&'static str),
    /// The identity provider says that it did not sign the person in.
    #[error("the identity provider answered {0}")]
    Status(Status),
    /// The response is addressed to another place.
    #[error("the response is addressed to another destination")]
    Destination,
    /// The response or the assertion is by another issuer.
    #[error("{0} is by another issuer")]
    Issuer(&'static str),
    /// Issued too long ago or in the future.
    #[error("{0} was issued outside of the allowed time")]
    IssueInstant(&'static str),
    /// The answer to another request than the one of this browser.
    #[error("{0} answers another request than this browser's")]
    InResponseTo(&'static str),
    /// Nobody asked, and the connection does not allow that.
    #[error("nobody asked for this response, and the connection does not allow that")]
    Unsolicited,

    // The assertion
    /// A required element is missing, or stands there more than once.
    #[error("the assertion has not exactly one {0}")]
    ExactlyOne(&'static str),
    /// The name of the person is of another format than the connection's, or of one that changes.
    #[error("the name identifier has the format {found}, and the connection wants {wanted}")]
    NameIdFormat {
        /// What it is, in a word.
        found: &'static str,
        /// What the connection asks for, in a word.
        wanted: &'static str,
    },
    /// The name identifier is qualified by somebody else.
    #[error("the name identifier is qualified for another party")]
    NameIdQualifier,
    /// No bearer confirmation of the subject is valid.
    #[error("no bearer confirmation of the subject is valid: {0}")]
    Confirmation(&'static str),
    /// The assertion is not valid yet, or not any more.
    #[error("the assertion is not valid at this time")]
    Validity,
    /// The assertion is for others.
    #[error("the assertion is for another audience")]
    Audience,
    /// A condition that is not understood.
    #[error("the assertion has a condition that is not understood")]
    UnknownCondition,
    /// The person proved who they are in the future, or too long ago.
    #[error("the person signed in outside of the allowed time")]
    AuthnInstant,
    /// The provider's own session has ended already.
    #[error("the identity provider's session has ended already")]
    SessionEnded,
    /// The person signed in by other means than the connection requires.
    #[error("the person did not sign in by a required means")]
    AuthnContext,
    /// An attribute that is too long, or with characters that no name has.
    #[error("an attribute is too long or has control characters")]
    AttributeText,
    /// A time that is not written as XML Schema wants it.
    #[error("{0} is no time in UTC")]
    Time(&'static str),
}

/// The status of a response, as far as a person or an administrator can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The person could not be authenticated, or gave up.
    AuthnFailed,
    /// The provider would have had to ask the person, and was told not to.
    NoPassive,
    /// The provider refused the request.
    RequestDenied,
    /// The provider cannot do what was asked: a means of sign-in, a name format.
    Unsupported,
    /// Anything else.
    Other,
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::AuthnFailed => "that the sign-in failed",
            Self::NoPassive => "that it would have to ask the person",
            Self::RequestDenied => "that it denies the request",
            Self::Unsupported => "that it does not support what was asked",
            Self::Other => "with an error",
        })
    }
}

impl Refusal {
    /// A short stable code for the page: enough for a support call, nothing for an attacker.
    pub const fn public_code(self) -> &'static str {
        match self {
            Self::NoCertificate | Self::WeakKey => "connection_misconfigured",
            Self::Status(Status::AuthnFailed | Status::RequestDenied) => "access_denied",
            Self::Status(_) => "provider_refused",
            Self::InResponseTo(_) | Self::Unsolicited => "flow_mismatch",
            Self::Signature => "signature",
            Self::IssueInstant(_) | Self::Validity | Self::Confirmation(_) | Self::SessionEnded => {
                "token_time"
            }
            Self::AuthnInstant => "authentication_too_old",
            _ => "token_invalid",
        }
    }

    /// The number of the check.
    pub const fn check(self) -> u8 {
        match self {
            Self::TooLong => 1,
            Self::Encoding(_) => 5,
            Self::Malformed => 6,
            Self::DocumentType => 7,
            Self::NotPlain(_) => 8,
            Self::Oversized(_) => 9,
            Self::Namespace(_) => 10,
            Self::Root(_) => 11,
            Self::Inclusion => 12,
            Self::Id(_) => 13,
            Self::AssertionPlace => 14,
            Self::BorrowedName(_) | Self::Stray(_) => 15,
            Self::SignaturePlace => 16,
            Self::SignatureParts => 17,
            Self::ReferenceCount => 18,
            Self::ReferenceTarget => 19,
            Self::Transforms => 20,
            Self::TransformParameters => 21,
            Self::Canonicalization => 22,
            Self::SignatureAlgorithm => 23,
            Self::DigestAlgorithm => 24,
            Self::SignatureText => 25,
            Self::KeyInfo => 26,
            Self::LeafText(_) => 27,
            Self::NoCertificate => 28,
            Self::WeakKey => 29,
            Self::Signature => 30,
            Self::Unsigned(_) => 31,
            Self::SignedSomethingElse => 32,
            Self::Unfinished(_) => 33,
            Self::KeyTransport => 34,
            Self::ContentEncryption => 35,
            Self::Decryption => 36,
            Self::EncryptedPart => 40,
            Self::Version(_) => 41,
            Self::Status(_) => 42,
            Self::Destination => 43,
            Self::Issuer(_) => 44,
            Self::IssueInstant(_) | Self::Time(_) => 45,
            Self::InResponseTo(_) => 46,
            Self::ExactlyOne(_) | Self::NameIdFormat { .. } => 50,
            Self::NameIdQualifier => 51,
            Self::Confirmation(_) => 52,
            Self::Validity => 54,
            Self::Audience => 55,
            Self::UnknownCondition => 56,
            Self::AuthnInstant => 57,
            Self::SessionEnded => 58,
            Self::AuthnContext => 59,
            Self::Unsolicited => 63,
            Self::AttributeText => 73,
        }
    }
}
