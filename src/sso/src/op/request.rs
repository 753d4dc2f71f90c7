//! An app's request to sign somebody in (OpenID Connect Core §3.1.2.1). Knows what its parameters may say; does not know what
//! the app is allowed.

use serde::{Deserialize, Serialize};

use super::is_challenge;

/// A parameter of a request: its name and its value, decoded.
pub type Param = (String, String);

const LONGEST_STATE: usize = 1_024;
const LONGEST_NONCE: usize = 512;
const LONGEST_HINT: usize = 254;
const MOST_NAMES: usize = 32;
/// The names that our parameters stand beside; a request with more than this is none.
const MOST_PARAMS: usize = 64;

/// Why nobody is signed in, in the words of RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6 and RFC 8707 §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationRefusal {
    /// The request lacks something, or says something twice or in a wrong way.
    #[error("{0}")]
    Request(&'static str),
    /// Only codes are given out.
    #[error("response_type is code")]
    ResponseType,
    /// None of the scopes is one that the app may have.
    #[error("the app may have none of these scopes")]
    Scope,
    /// The app may not ask for a token for that resource.
    #[error("the resource is not one of the app's")]
    Target,
    /// The app may not ask in this way.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// Somebody would have to sign in, and nothing may be shown, or they did not prove anew who they are.
    #[error("the person has to sign in")]
    LoginRequired,
    /// The person may do nothing now.
    #[error("the person has no access now")]
    AccessDenied,
    /// Requests as signed objects are not read.
    #[error("request objects are not supported")]
    RequestObject,
    /// Requests are not fetched from anywhere.
    #[error("a request_uri is supported for requests that were pushed, and for no others")]
    RequestUri,
}

impl AuthorizationRefusal {
    /// The code of the standard.
    pub fn code(self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::ResponseType => "unsupported_response_type",
            Self::Scope => "invalid_scope",
            Self::Target => "invalid_target",
            Self::Unauthorized(_) => "unauthorized_client",
            Self::LoginRequired => "login_required",
            Self::AccessDenied => "access_denied",
            Self::RequestObject => "request_not_supported",
            Self::RequestUri => "request_uri_not_supported",
        }
    }
}

/// What a request wants to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownPrompt {
    /// What is needed, and no more.
    #[default]
    AsNeeded,
    /// Nothing.
    None,
    /// The person proves anew who they are.
    Login,
    /// The person is asked who they want to be.
    SelectAccount,
}

/// What tells whose request it is and where its answer goes, to be looked at before anything else: nobody is sent to an
/// address that was not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// The app.
    pub client_id: Option<String>,
    /// Where the answer goes.
    pub redirect_uri: Option<String>,
    /// What is repeated in the answer.
    pub state: Option<String>,
    /// The name of a request that was pushed.
    pub request_uri: Option<String>,
}

/// A request, as far as it is one at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked for (RFC 6749 §3.3).
    pub scopes: Vec<String>,
    /// What is repeated in the answer.
    pub state: Option<String>,
    /// What is repeated in the ID token.
    pub nonce: Option<String>,
    /// The challenge, by S256.
    pub challenge: String,
    /// What is to be shown.
    pub prompt: ShownPrompt,
    /// Seconds since the person last proved who they are, at most.
    pub max_age: Option<u32>,
    /// The classes of authentication that are preferred.
    pub acr_values: Vec<String>,
    /// Who is to sign in, as far as the app knows.
    pub login_hint: Option<String>,
    /// At which connection, by its slug.
    pub connection: Option<String>,
    /// What the token is for (RFC 8707).
    pub resources: Vec<String>,
    /// Thumbprint of the key that the code is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// A parameter that is given at most once. RFC 6749 §3.1: "Parameters sent without a value MUST be treated as if they were
/// omitted from the request. … Request and response parameters MUST NOT be included more than once."
pub fn once<'a>(params: &'a [Param], name: &str) -> Result<Option<&'a str>, AuthorizationRefusal> {
    let mut found = params.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let first = found.next();
    if found.next().is_some() {
        return Err(AuthorizationRefusal::Request("a parameter is given more than once"));
    }
    if first.is_some_and(|value| value.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)) {
        return Err(AuthorizationRefusal::Request("a parameter holds characters that none has"));
    }
    Ok(first.filter(|value| !value.is_empty()))
}

impl Front {
    /// Of a request, if these parameters stand there at most once each.
    pub fn of(params: &[Param]) -> Result<Self, AuthorizationRefusal> {
        let owned = |name| Ok(once(params, name)?.map(str::to_owned));
        Ok(Self {
            client_id: owned("client_id")?,
            redirect_uri: owned("redirect_uri")?,
            // Two states: the answer has none.
            state: owned("state").unwrap_or_default(),
            request_uri: owned("request_uri")?,
        })
    }
}

impl Request {
    /// Reads a request. What it asks for that there is not is refused; parameters that nobody knows are ignored (RFC 6749 §3.1).
    pub fn of(params: &[Param]) -> Result<Self, AuthorizationRefusal> {
        use AuthorizationRefusal as No;

        if params.len() > MOST_PARAMS {
            return Err(No::Request("there are too many parameters"));
        }
        let get = |name| once(params, name);
        if get("request")?.is_some() {
            return Err(No::RequestObject);
        }
        match get("response_type")? {
            Some("code") => {}
            Some(_) => return Err(No::ResponseType),
            None => return Err(No::Request("response_type is missing")),
        }
        if get("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(No::Request("response_mode is query"));
        }
        let challenge = get("code_challenge")?.ok_or(No::Request("code_challenge is missing"))?;
        if get("code_challenge_method")? != Some("S256") || !is_challenge(challenge) {
            return Err(No::Request("code_challenge is by S256"));
        }
        let bounded = |name, longest, why| match get(name)? {
            Some(text) if text.len() > longest => Err(No::Request(why)),
            text => Ok(text.map(str::to_owned)),
        };
        let max_age = get("max_age")?.map(str::parse::<u32>).transpose();
        Ok(Self {
            scopes: names(get("scope")?)?,
            state: bounded("state", LONGEST_STATE, "state is too long")?,
            nonce: bounded("nonce", LONGEST_NONCE, "nonce is too long")?,
            challenge: challenge.to_owned(),
            prompt: prompt(get("prompt")?)?,
            max_age: max_age.or(Err(No::Request("max_age is a number of seconds")))?,
            acr_values: names(get("acr_values")?)?,
            login_hint: bounded("login_hint", LONGEST_HINT, "login_hint is too long")?,
            connection: bounded("connection", LONGEST_HINT, "connection is too long")?,
            resources: resources(params)?,
            dpop_jkt: match get("dpop_jkt")? {
                Some(text) if !is_challenge(text) => {
                    return Err(No::Request("dpop_jkt is the thumbprint of a key"));
                }
                text => text.map(str::to_owned),
            },
        })
    }
}

impl Request {
    /// What a device asks for (RFC 8628 §3.1): there is no browser of it, so nothing of what concerns one.
    pub fn of_device(scope: &str, resources: Vec<String>) -> Result<Self, AuthorizationRefusal> {
        Ok(Self {
            scopes: names(Some(scope))?,
            state: None,
            nonce: None,
            challenge: String::new(),
            prompt: ShownPrompt::AsNeeded,
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
            connection: None,
            resources,
            dpop_jkt: None,
        })
    }
}

/// Names behind spaces, each once.
fn names(text: Option<&str>) -> Result<Vec<String>, AuthorizationRefusal> {
    let mut names: Vec<String> = Vec::new();
    for name in text.unwrap_or_default().split(' ').filter(|name| !name.is_empty()) {
        if names.iter().all(|known| known != name) {
            names.push(name.to_owned());
        }
    }
    if names.len() > MOST_NAMES || names.iter().any(|name| name.len() > LONGEST_HINT) {
        return Err(AuthorizationRefusal::Request("there are too many names"));
    }
    Ok(names)
}

/// OpenID Connect Core §3.1.2.1: "If this parameter contains none with any other value, an error is returned."
fn prompt(text: Option<&str>) -> Result<ShownPrompt, AuthorizationRefusal> {
    let asked: Vec<&str> = text.unwrap_or_default().split(' ').filter(|name| !name.is_empty()).collect();
    match asked.as_slice() {
        ["none"] => Ok(ShownPrompt::None),
        asked if asked.contains(&"none") => {
            Err(AuthorizationRefusal::Request("prompt is none and something else"))
        }
        asked if asked.contains(&"login") => Ok(ShownPrompt::Login),
        asked if asked.contains(&"select_account") => Ok(ShownPrompt::SelectAccount),
        // `consent`: the apps are the product's own, and nobody is asked.
        _ => Ok(ShownPrompt::AsNeeded),
    }
}

/// RFC 8707 §2: "Its value MUST be an absolute URI … The URI MUST NOT include a fragment component", and there may be several.
pub fn resources(params: &[Param]) -> Result<Vec<String>, AuthorizationRefusal> {
    let mut found: Vec<String> = Vec::new();
    for (_, value) in params.iter().filter(|(name, value)| name == "resource" && !value.is_empty()) {
        if value.contains('#') || url::Url::parse(value).is_err() || found.len() >= MOST_NAMES {
            return Err(AuthorizationRefusal::Target);
        }
        if !found.contains(value) {
            found.push(value.clone());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn request(change: &[(&str, &str)]) -> Result<Request, &'static str> {
        let mut params = vec![
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        params.retain(|(name, _)| !change.iter().any(|(other, _)| other == name));
        params.extend(change);
        let params: Vec<Param> =
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::of(&params).map_err(AuthorizationRefusal::code)
    }

    #[test]
    fn a_request_is_read_and_what_nobody_knows_is_ignored() {
        let read = request(&[
            ("scope", "openid  profile openid"),
            ("prompt", "select_account consent"),
            ("max_age", "0"),
            ("unheard", "of"),
            ("resource", "https://api.example/a"),
            ("resource", "https://api.example/b"),
            ("nonce", ""),
        ])
        .unwrap();

        assert_eq!(read.scopes, ["openid", "profile"]);
        assert_eq!((read.prompt, read.max_age, read.nonce), (ShownPrompt::SelectAccount, Some(0), None));
        assert_eq!(read.resources, ["https://api.example/a", "https://api.example/b"]);
    }

    /// RFC 6749 §3.1 and §4.1.1, RFC 7636 §4.4.1, RFC 9700 §2.1.1, OpenID Connect Core §3.1.2.1 and §6, RFC 8707 §2.
    #[test]
    fn what_a_request_must_not_say_is_refused_by_its_code() {
        let long = "x".repeat(LONGEST_STATE + 1);
        for (change, code) in [
            (vec![("response_type", "")], "invalid_request"),
            (vec![("response_type", "token")], "unsupported_response_type"),
            (vec![("response_type", "code id_token")], "unsupported_response_type"),
            (vec![("code_challenge", "")], "invalid_request"),
            (vec![("code_challenge_method", "")], "invalid_request"),
            (vec![("code_challenge_method", "plain")], "invalid_request"),
            (vec![("code_challenge", "too-short")], "invalid_request"),
            (vec![("response_mode", "fragment")], "invalid_request"),
            (vec![("prompt", "none login")], "invalid_request"),
            (vec![("max_age", "-1")], "invalid_request"),
            (vec![("max_age", "soon")], "invalid_request"),
            (vec![("nonce", "a"), ("nonce", "b")], "invalid_request"),
            (vec![("state", long.as_str())], "invalid_request"),
            (vec![("state", "a\0b")], "invalid_request"),
            (vec![("dpop_jkt", "too-short")], "invalid_request"),
            (vec![("request", "a.b.c")], "request_not_supported"),
            (vec![("resource", "/relative")], "invalid_target"),
            (vec![("resource", "https://api.example/#x")], "invalid_target"),
        ] {
            assert_eq!(request(&change).map(drop), Err(code), "{change:?}");
        }
    }
}
