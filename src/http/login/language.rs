//! In which language a page speaks. Knows `Accept-Language`; does not know what is said.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Language {
    English,
    Japanese,
    French,
}

impl Language {
    /// The language that the browser likes best among ours, else English.
    pub(super) fn of(request: &HttpRequest) -> Self {
        Self::asked(request).unwrap_or(Self::English)
    }

    /// The language that is liked best among ours, if one is asked for.
    pub(in super::super) fn asked(request: &HttpRequest) -> Option<Self> {
        let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        header.and_then(Self::best)
    }

    fn best(header: &str) -> Option<Self> {
        let mut best = (None, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let Some(language) = Self::by_tag(tag) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let weight: f32 = weight.unwrap_or_default();
            if weight > best.1 {
                best = (Some(language), weight);
            }
        }
        best.0
    }

    fn by_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    /// Its tag.
    pub(in super::super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
            Self::French => "fr",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_favourite_among_ours_is_spoken() {
        for (header, expected) in [
            ("ja", Some(Language::Japanese)),
            ("fr-CA,fr;q=0.9,en;q=0.8", Some(Language::French)),
            ("de, en;q=0.5, ja;q=0.7", Some(Language::Japanese)),
            ("en-GB,ja;q=0.9", Some(Language::English)),
            ("de", None),
            ("", None),
            ("ja;q=0", None),
            ("fr;q=nonsense", None),
            ("*", None),
        ] {
            assert_eq!(Language::best(header), expected, "{header}");
        }
    }
}
