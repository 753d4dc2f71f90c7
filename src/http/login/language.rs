//! In which language a page speaks. Knows `Accept-Language`; does not know what is said.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Japanese,
    French,
}

impl Language {
    /// The language that the browser likes best among ours, else English.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self::best(header.unwrap_or_default())
    }

    fn best(header: &str) -> Self {
        let mut best = (Self::English, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let Some(language) = Self::by_tag(tag) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let weight: f32 = weight.unwrap_or_default();
            if weight > best.1 {
                best = (language, weight);
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

    /// The tag for the page.
    pub(super) fn tag(self) -> &'static str {
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
            ("ja", Language::Japanese),
            ("fr-CA,fr;q=0.9,en;q=0.8", Language::French),
            ("de, en;q=0.5, ja;q=0.7", Language::Japanese),
            ("en-GB,ja;q=0.9", Language::English),
            ("de", Language::English),
            ("", Language::English),
            ("ja;q=0", Language::English),
            ("fr;q=nonsense", Language::English),
            ("*", Language::English),
        ] {
            assert_eq!(Language::best(header), expected, "{header}");
        }
    }
}
