//! Domains of e-mail addresses. Knows how one is spelt and which are nobody's own; does not know DNS.

use std::fmt;

/// A domain that one company can have for itself: lower-case ASCII (an internationalised one in its `xn--` form), at
/// least two labels, neither a public suffix nor a provider of mail for everybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailDomain(String);

/// The text is no domain that somebody could have for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomain {
    /// It is not spelt like one.
    #[error("that is no domain name, such as acme.example")]
    Spelling,
    /// Registries give out names below it.
    #[error("names below that domain are given to everybody")]
    PublicSuffix,
    /// Anybody can get an address in it.
    #[error("anybody can get an e-mail address in that domain")]
    PublicMail,
}

const PUBLIC_SUFFIXES: &str = include_str!("email_domain/public_suffixes.txt");
const PUBLIC_MAIL: &str = include_str!("email_domain/public_mail.txt");
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

impl EmailDomain {
    /// Reads a domain in ASCII; case and one dot at the end do not matter.
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        let spelt = name.len() <= LONGEST && labels.iter().all(|label| is_label(label));
        let numeric = labels.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if !spelt || numeric {
            return Err(InvalidDomain::Spelling);
        }
        if labels.len() < 2 || listed(PUBLIC_SUFFIXES, &name) {
            return Err(InvalidDomain::PublicSuffix);
        }
        if listed(PUBLIC_MAIL, &name) {
            return Err(InvalidDomain::PublicMail);
        }
        Ok(Self(name))
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn listed(list: &str, name: &str) -> bool {
    list.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).any(|it| it == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_companys_own_domain_has_one_spelling() {
        for spelling in ["acme.example", "ACME.Example", "acme.example."] {
            assert_eq!(EmailDomain::parse(spelling).unwrap().as_str(), "acme.example", "{spelling}");
        }
        for fine in ["xn--r8jz45g.example", "a.b.c.example", "acme.co.jp", "9.example"] {
            EmailDomain::parse(fine).unwrap();
        }
    }

    #[test]
    fn what_is_nobodys_own_is_refused() {
        for suffix in ["example", "jp", "co.jp", "CO.UK", "github.io", "onmicrosoft.com"] {
            assert_eq!(EmailDomain::parse(suffix), Err(InvalidDomain::PublicSuffix), "{suffix}");
        }
        for mail in ["gmail.com", "Yahoo.co.jp", "docomo.ne.jp", "outlook.com"] {
            assert_eq!(EmailDomain::parse(mail), Err(InvalidDomain::PublicMail), "{mail}");
        }
    }

    #[test]
    fn what_is_not_spelt_like_a_domain_is_none() {
        let long = format!("{}.example", "a".repeat(64));
        for wrong in [
            "",
            ".",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "例え.example",
            "1.2.3.4",
            "a b.example",
            &long,
        ] {
            assert_eq!(EmailDomain::parse(wrong), Err(InvalidDomain::Spelling), "{wrong}");
        }
    }
}
