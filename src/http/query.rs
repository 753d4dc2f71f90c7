//! Parameters of the address. Knows encodings and bounds; does not know what a parameter is for.

use std::future::{Ready, ready};
use std::ops::RangeInclusive;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use url::form_urlencoded;

use super::error::Refused;

/// The query of a request, decoded: `+` is a space. Nobody is told of parameters that nobody asks for
/// (RFC 7644 §3.4.2: unknown ones are ignored).
#[derive(Debug, Clone)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query string.
    pub(super) fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A parameter that is given at most once, as text that the database can hold.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, Refused> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let Some(value) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Refused::parameter(name, "is given more than once"));
        }
        if value.contains('\0') {
            return Err(Refused::parameter(name, "holds a NUL character"));
        }
        // What is not UTF-8 was decoded to this character.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Refused::parameter(name, "is not UTF-8"));
        }
        Ok(Some(value))
    }

    /// A text of bounded length.
    pub(super) fn text(&self, name: &'static str, longest: usize) -> Result<Option<&str>, Refused> {
        match self.get(name)? {
            Some(text) if text.is_empty() || text.chars().count() > longest => {
                Err(Refused::parameter(name, format!("has 1 to {longest} characters")))
            }
            found => Ok(found),
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<i64>,
        default: i64,
    ) -> Result<i64, Refused> {
        let Some(text) = self.get(name)? else { return Ok(default) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => {
                let (least, most) = range.into_inner();
                Err(Refused::parameter(name, format!("is a whole number from {least} to {most}")))
            }
        }
    }
}

impl FromRequest for Query {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::parse(request.query_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space() {
        let query = Query::parse("filter=userName+eq+%22a%2Bb%22&aadOptscim062020");

        assert_eq!(query.get("filter").unwrap(), Some("userName eq \"a+b\""));
        assert_eq!(query.get("count").unwrap(), None);
    }

    #[test]
    fn nul_broken_utf_8_and_repetitions_are_refused() {
        for query in ["x=a%00b", "x=%ff", "x=1&x=2"] {
            assert!(Query::parse(query).get("x").is_err(), "{query}");
        }
        assert_eq!(Query::parse("y=%00&x=1").get("x").unwrap(), Some("1"));
    }

    #[test]
    fn numbers_and_texts_have_bounds() {
        let query = Query::parse("count=201&offset=x&name=&big=9223372036854775808");

        assert!(query.number("count", 1..=200, 100).is_err());
        assert!(query.number("offset", 0..=10, 0).is_err());
        assert!(query.number("big", 0..=i64::MAX, 0).is_err());
        assert_eq!(query.number("absent", 0..=10, 7).unwrap(), 7);
        assert!(query.text("name", 10).is_err());
    }
}
