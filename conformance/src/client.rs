//! Sends requests. Knows HTTP; does not know SCIM.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

/// The longest that an answer may take; Okta closes the socket after as long (behaviour 103).
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The media type of SCIM.
pub(crate) const SCIM_JSON: &str = "application/scim+json";

/// A server, and what opens it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// One request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    /// GET, POST, …
    pub(crate) method: String,
    /// Below the base URL, or a whole URL.
    pub(crate) target: String,
    /// In addition to those of every request, or in their place.
    pub(crate) headers: Vec<(String, String)>,
    /// What is sent.
    pub(crate) body: Option<String>,
    /// Without the token.
    pub(crate) anonymous: bool,
}

impl Ask {
    pub(crate) fn new(method: &str, target: impl Into<String>) -> Self {
        Self { method: method.to_owned(), target: target.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// The request for a reader, without the token.
    pub(crate) fn shown(&self) -> String {
        let mut lines = vec![format!("{} {}", self.method, self.target)];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(self.body.as_deref().map(cut));
        lines.join("\n")
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) text: String,
    /// The body, if it is JSON.
    pub(crate) json: Option<Value>,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body, or null.
    pub(crate) fn body(&self) -> Value {
        self.json.clone().unwrap_or(Value::Null)
    }

    /// The answer for a reader.
    pub(crate) fn shown(&self) -> String {
        let headers = ["content-type", "location", "etag", "allow", "retry-after"];
        let mut lines = vec![self.status.to_string()];
        lines.extend(headers.into_iter().filter_map(|name| Some(format!("{name}: {}", self.header(name)?))));
        lines.extend((!self.text.is_empty()).then(|| cut(&self.text)));
        lines.join("\n")
    }
}

fn cut(text: &str) -> String {
    const MOST: usize = 1500;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}

impl Client {
    pub(crate) fn new(base: &str, token: &str) -> Result<Self, String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a tool beside the product, pointed at a server by whoever runs it; nobody else chooses the address"
        )]
        let builder = reqwest::Client::builder();
        let http = builder
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|trouble| trouble.to_string())?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends `ask` and reads the whole answer.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answer, String> {
        let started = Instant::now();
        let url = if ask.target.contains("://") {
            ask.target.clone()
        } else {
            format!("{}{}", self.base, ask.target)
        };
        let method =
            reqwest::Method::from_bytes(ask.method.as_bytes()).map_err(|trouble| trouble.to_string())?;
        let mut headers = reqwest::header::HeaderMap::new();
        let mut put = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|trouble| trouble.to_string())?;
            let value = HeaderValue::from_str(value).map_err(|trouble| trouble.to_string())?;
            headers.insert(name, value);
            Ok::<_, String>(())
        };
        put("user-agent", concat!("conformance/", env!("CARGO_PKG_VERSION")))?;
        put("accept", SCIM_JSON)?;
        if ask.body.is_some() {
            put("content-type", SCIM_JSON)?;
        }
        if !ask.anonymous {
            put("authorization", &format!("Bearer {}", self.token))?;
        }
        for (name, value) in &ask.headers {
            put(name, value)?;
        }
        let mut request = self.http.request(method, url).headers(headers);
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        let response = request.send().await.map_err(|trouble| told(&trouble))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let text = response.text().await.map_err(|trouble| told(&trouble))?;
        let json = serde_json::from_str(&text).ok();
        Ok(Answer { status, headers, text, json, took: started.elapsed() })
    }
}

/// An error with its causes; reqwest's own text leaves them out.
fn told(trouble: &dyn std::error::Error) -> String {
    let mut text = trouble.to_string();
    let mut next = trouble.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_without_the_token() {
        let mut ask = Ask::new("PATCH", "/Users/1").with(&serde_json::json!({"a": 1}));
        ask.headers.push(("If-Match".to_owned(), "W/\"1\"".to_owned()));

        assert_eq!(ask.shown(), "PATCH /Users/1\nIf-Match: W/\"1\"\n{\"a\":1}");
    }

    #[test]
    fn long_bodies_are_cut() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"é".repeat(3000)).chars().count(), 1501);
    }
}
