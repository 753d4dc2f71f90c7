//! The path of a request that a proxy asks about, and which of several rules it falls under. Knows how a path can be written in more
//! than one way; does not know what a rule asks for.
//!
//! Whoever decides by a path and whoever serves it must read the same in it. So what programs are known to read differently is
//! refused, not repaired, and the rest is compared in the one form that is left: decoded, and without regard to case, since
//! there are servers that have none.

use std::fmt;

/// What is asked for on a host: the path to judge, and the address as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    written: String,
    path: FoldedPath,
}

/// A path in the form in which paths are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldedPath(String);

/// Why a path is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It does not begin with a slash, or is of an endless length.
    #[error("the address is no path")]
    NoPath,
    /// There is a character in it that addresses do not have: a blank, a backslash, a control character.
    #[error("the path has a character that belongs in no path")]
    Character,
    /// A percent sign without two hexadecimal digits, or bytes that are no text.
    #[error("the path has a percent sign that encodes nothing")]
    Encoding,
    /// A slash, a backslash, a percent sign or a control character that is encoded.
    #[error("the path has an encoded slash, backslash, percent sign or control character")]
    Hidden,
    /// `.`, `..`, or nothing between two slashes.
    #[error("the path has an empty segment, or one of dots")]
    Segment,
    /// `;`, which some programs cut a segment at.
    #[error("the path has parameters in it")]
    Parameters,
}

const LONGEST: usize = 8_192;

impl Wanted {
    /// Reads what a proxy says was asked for: path and query, as they came.
    pub fn parse(written: &str) -> Result<Self, Unclear> {
        if written.len() > LONGEST {
            return Err(Unclear::NoPath);
        }
        let (path, query) = written.split_once('?').unwrap_or((written, ""));
        if query.bytes().any(|b| !b.is_ascii_graphic() || matches!(b, b'#' | b'\\')) {
            return Err(Unclear::Character);
        }
        Ok(Self { path: FoldedPath::parse(path)?, written: written.to_owned() })
    }

    /// The path, to be judged.
    pub fn path(&self) -> &FoldedPath {
        &self.path
    }

    /// The whole as it came. It begins with one slash, so a browser that is sent there stays on its host.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// What stands behind the question mark.
    pub fn query(&self) -> &str {
        self.written.split_once('?').map_or("", |(_, query)| query)
    }
}

impl FoldedPath {
    /// Reads a path without a query.
    pub fn parse(path: &str) -> Result<Self, Unclear> {
        let rest = path.strip_prefix('/').ok_or(Unclear::NoPath)?;
        if !path.bytes().all(is_of_a_path) {
            return Err(if path.contains(';') { Unclear::Parameters } else { Unclear::Character });
        }
        let decoded = decoded(rest)?;
        let mut segments = decoded.split('/').peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            if matches!(segment, "." | "..") || (segment.is_empty() && !is_last) {
                return Err(Unclear::Segment);
            }
        }
        Ok(Self(format!("/{}", decoded.to_lowercase())))
    }

    /// Whether this is at or below `top`, by whole segments.
    pub fn is_below(&self, top: &Self) -> bool {
        let top = top.0.strip_suffix('/').unwrap_or(&top.0);
        self.0.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// How much of a path it names, to choose between several that a path is below.
    pub fn depth(&self) -> usize {
        self.0.split('/').filter(|segment| !segment.is_empty()).count()
    }

    /// The text that is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FoldedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 3986 §3.3, without `;`.
fn is_of_a_path(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@%".contains(&b)
}

/// The text behind the percent signs, none of which hides what would change how the path is read.
fn decoded(text: &str) -> Result<String, Unclear> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b != b'%' {
            bytes.push(b);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(Unclear::Encoding);
        };
        let hidden = u8::try_from(high * 16 + low).map_err(|_too_large| Unclear::Encoding)?;
        match hidden {
            b'/' | b'\\' | b'%' | 0..=0x1f | 0x7f => return Err(Unclear::Hidden),
            b';' => return Err(Unclear::Parameters),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_bytes| Unclear::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FoldedPath {
        FoldedPath::parse(text).unwrap()
    }

    #[test]
    fn what_programs_read_in_two_ways_is_refused() {
        for (written, why) in [
            ("", Unclear::NoPath),
            ("admin", Unclear::NoPath),
            ("http://evil.example/", Unclear::NoPath),
            ("*", Unclear::NoPath),
            ("//admin", Unclear::Segment),
            ("/a//b", Unclear::Segment),
            ("/a/./b", Unclear::Segment),
            ("/public/../admin", Unclear::Segment),
            ("/public/..", Unclear::Segment),
            ("/public/%2e%2e/admin", Unclear::Segment),
            ("/public/.%2E/admin", Unclear::Segment),
            ("/public%2f..%2fadmin", Unclear::Hidden),
            ("/public/%2Fadmin", Unclear::Hidden),
            ("/public/..%5cadmin", Unclear::Hidden),
            ("/public\\admin", Unclear::Character),
            ("/%2561dmin", Unclear::Hidden),
            ("/%252e%252e/admin", Unclear::Hidden),
            ("/admin%00", Unclear::Hidden),
            ("/admin%0a", Unclear::Hidden),
            ("/admin%7f", Unclear::Hidden),
            ("/admin;x=1", Unclear::Parameters),
            ("/..;/admin", Unclear::Parameters),
            ("/admin%3bx", Unclear::Parameters),
            ("/admin%", Unclear::Encoding),
            ("/admin%4", Unclear::Encoding),
            ("/admin%zz", Unclear::Encoding),
            ("/admin%u0061", Unclear::Encoding),
            ("/%c0%af", Unclear::Encoding),
            ("/%ff", Unclear::Encoding),
            ("/a b", Unclear::Character),
            ("/a\tb", Unclear::Character),
            ("/admin#x", Unclear::Character),
            ("/café", Unclear::Character),
            ("/a?b c", Unclear::Character),
            ("/a?b#c", Unclear::Character),
        ] {
            assert_eq!(Wanted::parse(written).map(|it| it.path.0), Err(why), "{written:?}");
        }
        assert_eq!(Wanted::parse(&format!("/{}", "a".repeat(9_000))), Err(Unclear::NoPath));
    }

    #[test]
    fn one_path_has_one_form_whatever_its_case_and_its_needless_encoding() {
        for written in
            ["/admin/caf%C3%A9", "/%61dmin/caf%c3%a9", "/ADMIN/CAF%C3%89", "/a%64min/c%61f%c3%a9?x=/../"]
        {
            assert_eq!(Wanted::parse(written).unwrap().path().as_str(), "/admin/café", "{written}");
        }
        let wanted = Wanted::parse("/A/b.html?next=%2F%2Fx&y").unwrap();
        assert_eq!((wanted.written(), wanted.query()), ("/A/b.html?next=%2F%2Fx&y", "next=%2F%2Fx&y"));
        assert_eq!(path("/...").as_str(), "/...");
    }

    #[test]
    fn a_rule_holds_for_whole_segments() {
        for (below, top, is) in [
            ("/admin", "/admin", true),
            ("/admin/", "/admin", true),
            ("/admin", "/admin/", true),
            ("/admin/users/1", "/admin", true),
            ("/anything", "/", true),
            ("/", "/", true),
            ("/administration", "/admin", false),
            ("/admin.html", "/admin", false),
            ("/", "/admin", false),
        ] {
            assert_eq!(path(below).is_below(&path(top)), is, "{below} below {top}");
        }
        assert_eq!([path("/").depth(), path("/a").depth(), path("/a/b/").depth()], [0, 1, 2]);
    }
}
