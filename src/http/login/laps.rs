//! Browsers that go round in circles. Knows how often one set out to a connection lately; does not know why it came back.
//!
//! A product that does not believe the session sends its people to sign in again, the provider still knows them, and without
//! a word they are back: for ever. So each departure is noted in a cookie of that browser, and the fifth within half a
//! minute is a page instead. Nobody but the browser's owner gains by changing the cookie, so it is not signed.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};

use super::super::error::Refused;
use super::super::state::AppState;
use super::page;

/// A lap takes a browser about a second, and a slow provider makes it five.
const WITHIN_SECONDS: i64 = 30;
const MOST: usize = 4;

/// When a browser set out to a connection, as far as that is not long ago.
pub(super) struct Laps {
    name: String,
    at: Vec<i64>,
}

impl Laps {
    /// Those that the browser shows.
    pub(super) fn of(request: &HttpRequest, tenant: &str, connection: &str, now: DateTime<Utc>) -> Self {
        let name = format!("usher-laps-{tenant}-{connection}");
        let shown = request.cookie(&name);
        let at = shown.map(|cookie| recent(cookie.value(), now.timestamp())).unwrap_or_default();
        Self { name, at }
    }

    /// Whether the browser has set out so often that one more time would change nothing.
    pub(super) fn are_a_circle(&self) -> bool {
        self.at.len() >= MOST
    }

    /// The cookie that notes one more.
    pub(super) fn and_now(mut self, now: DateTime<Utc>, state: &AppState) -> Cookie<'static> {
        self.at.push(now.timestamp());
        let value = self.at.iter().map(i64::to_string).collect::<Vec<_>>().join(".");
        make(self.name, value, Duration::seconds(WITHIN_SECONDS), state)
    }

    /// The page that says so. Whoever goes on from it begins to count anew.
    pub(super) fn page(self, request: &HttpRequest, refused: &Refused, state: &AppState) -> HttpResponse {
        let mut response = page::refusal(request, refused);
        let forget = make(self.name, String::new(), Duration::ZERO, state);
        if let Err(error) = response.add_cookie(&forget) {
            tracing::error!(%error, "Cannot write a cookie");
        }
        response
    }
}

fn recent(value: &str, now: i64) -> Vec<i64> {
    let times = value.split('.').take(MOST).filter_map(|time| time.parse().ok());
    times.filter(|at| (now.saturating_sub(WITHIN_SECONDS)..=now).contains(at)).collect()
}

fn make(name: String, value: String, max_age: Duration, state: &AppState) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .max_age(max_age)
        .http_only(true)
        .secure(!state.insecure_cookies)
        .same_site(SameSite::Lax)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_ago_or_makes_no_sense_is_not_counted() {
        assert_eq!(recent("1000.1010.1029", 1030), [1000, 1010, 1029]);
        assert_eq!(recent("999.1031.x.1005", 1030), [1005]);
        assert_eq!(recent("", 1030), [0_i64; 0]);
        assert_eq!(recent(&"1030.".repeat(1_000), 1030).len(), MOST);
    }
}
