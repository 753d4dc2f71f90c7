//! Parameters of the address. Knows encodings and bounds; does not know what a parameter is for.

use std::future::{Ready, ready};
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use scim::dialect::{Dialect, Leniency};
use url::form_urlencoded;

use super::error::Refused;

/// The longest word that is compared with a list of them, in characters.
const LONGEST_WORD: usize = 20;

/// The query of a request, decoded: `+` is a space. Nobody is told of parameters that nobody asks for
/// (RFC 7644 §3.4.2: unknown ones are ignored).
#[derive(Debug, Clone)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    raw: String,
}

impl Query {
    /// Decodes a query string.
    pub(super) fn parse(query: &str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(), raw: query.to_owned() }
    }

    /// The fields of a form.
    pub(super) fn of_form(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, raw: String::new() }
    }

    /// A parameter that is given at most once, as text that the database can hold.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, Refused> {
        let mut found = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
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

    /// The filter. By RFC 3986 a `+` stands for itself; that it is a space, as in HTML forms, is a leniency.
    pub(super) fn filter(&self, dialect: &Dialect) -> Result<Option<String>, Refused> {
        let Some(decoded) = self.get("filter")? else { return Ok(None) };
        let encoded = self.raw.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            form_urlencoded::parse(name.as_bytes()).any(|(name, _)| name == "filter").then_some(value)
        });
        let Some(encoded) = encoded.filter(|encoded| encoded.contains('+')) else {
            return Ok(Some(decoded.to_owned()));
        };
        if dialect.accepts(Leniency::PlusAsSpace) {
            return Ok(Some(decoded.to_owned()));
        }
        let literal = encoded.replace('+', "%2B");
        Ok(form_urlencoded::parse(format!("filter={literal}").as_bytes())
            .map(|(_, value)| value.into_owned())
            .next())
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

    /// The same of one that must be there.
    pub(super) fn required(&self, name: &'static str, longest: usize) -> Result<&str, Refused> {
        self.text(name, longest)?.ok_or_else(|| Refused::parameter(name, "is missing"))
    }

    /// An id.
    pub(super) fn id<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Refused> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        let id = text.parse().map_err(|_not_an_id| Refused::parameter(name, "is no id"))?;
        Ok(Some(id))
    }

    /// One of these words, of which there are several.
    pub(super) fn one_of(&self, name: &'static str, words: &[&str]) -> Result<Option<&str>, Refused> {
        match self.text(name, LONGEST_WORD)? {
            Some(word) if !words.contains(&word) => {
                let (last, others) = words.split_last().unwrap_or((&"", &[]));
                Err(Refused::parameter(name, format!("is none of {} and {last}", others.join(", "))))
            }
            found => Ok(found),
        }
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, name: &'static str) -> Result<Option<bool>, Refused> {
        match self.get(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Refused::parameter(name, "is true or false")),
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
    use scim::dialect::Profile;

    use super::*;

    #[test]
    fn a_plus_is_a_space() {
        let query = Query::parse("filter=userName+eq+%22a%2Bb%22&aadOptscim062020");

        assert_eq!(query.get("filter").unwrap(), Some("userName eq \"a+b\""));
        assert_eq!(query.get("count").unwrap(), None);
    }

    /// Behaviour 31.
    #[test]
    fn a_plus_in_a_filter_is_a_space_where_the_dialect_says_so() {
        let query = Query::parse("count=1&filter=userName+eq+%22a%2Bb%22&");
        let (html, uri) = (Dialect::of(Profile::OneLogin), Dialect::strict());

        assert_eq!(query.filter(&html).unwrap().unwrap(), "userName eq \"a+b\"");
        assert_eq!(query.filter(&uri).unwrap().unwrap(), "userName+eq+\"a+b\"");
        assert!(html.used().contains(Leniency::PlusAsSpace) && uri.used().is_empty());
        let plain = Query::parse("%66ilter=title%20eq%20%22a+b%22");
        assert_eq!(plain.filter(&uri).unwrap().unwrap(), "title eq \"a+b\"");
        assert_eq!(Query::parse("filter=title%20pr&").filter(&html).unwrap().unwrap(), "title pr");
        assert_eq!(Query::parse("filter").filter(&uri).unwrap().unwrap(), "");
        assert_eq!(Query::parse("x=1").filter(&uri).unwrap(), None);
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
