//! What a request may cost. Knows numbers; does not know who enforces them.

/// Bounds enforced while a request is read, and published where SCIM has a field for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body in bytes.
    pub max_payload_size: usize,
    /// Deepest nesting of JSON arrays and objects.
    pub max_depth: usize,
    /// Most operations in one PATCH or bulk request.
    pub max_operations: usize,
    /// Page size when the client names none.
    pub default_page_size: i64,
    /// Largest page.
    pub max_page_size: i64,
    /// Least time in seconds for which a cursor leads on.
    pub cursor_timeout: i64,
}

impl Limits {
    /// The limits of this house.
    pub const DEFAULT: Self = Self {
        max_payload_size: 1_048_576,
        max_depth: 64,
        max_operations: 1000,
        default_page_size: 100,
        max_page_size: 200,
        cursor_timeout: 3600,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
