//! The doors of the gateway. Knows which paths lie behind which door; does not know what happens there.

/// Who is spoken to, and so in which voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Provisioning clients: `/scim`.
    Scim,
    /// Administrators' programs: `/api`.
    Api,
    /// Browsers: sign-in, session, sign-out.
    Login,
    /// OAuth clients: `/oauth` and the metadata that they read.
    OAuth,
    /// The product's apps, and the browsers that they send: `/op`.
    Apps,
    /// Proxies that ask about requests: `/forward-auth`.
    Gates,
    /// Receivers of security event tokens: `/ssf`; identity providers that tell something: `/signals`.
    Signals,
    /// Whoever operates Usher: health and metrics.
    Operation,
    /// No door.
    None,
}

impl Door {
    /// The door that a path lies behind.
    pub fn of(path: &str) -> Self {
        let first = path.strip_prefix('/').and_then(|rest| rest.split('/').next()).unwrap_or_default();
        match first {
            "scim" => Self::Scim,
            "api" => Self::Api,
            "login" | "oidc" | "saml" | "session" | "logout" => Self::Login,
            "oauth" | ".well-known" => Self::OAuth,
            "op" => Self::Apps,
            "forward-auth" => Self::Gates,
            "ssf" | "signals" => Self::Signals,
            "healthz" | "readyz" | "metrics" => Self::Operation,
            _ => Self::None,
        }
    }

    /// Its name in labels and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Api => "api",
            Self::Login => "login",
            Self::OAuth => "oauth",
            Self::Apps => "apps",
            Self::Gates => "gates",
            Self::Signals => "signals",
            Self::Operation => "operation",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Door;

    #[test]
    fn the_first_segment_tells_the_door() {
        assert_eq!(Door::of("/scim/v2/Users"), Door::Scim);
        assert_eq!(Door::of("/scim"), Door::Scim);
        assert_eq!(Door::of("/scimitar"), Door::None);
        assert_eq!(Door::of("/logout"), Door::Login);
        assert_eq!(Door::of("/metrics"), Door::Operation);
        assert_eq!(Door::of("*"), Door::None);
    }
}
