//! Words of a filter. Knows characters and JSON literals; does not know attributes or precedence.

use serde_json::{Number, Value};

/// One word, with a literal already read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    /// `.name` right after a closing bracket.
    Dot(String),
    /// An attribute path, an operator, `and`, `or`, `not`, `true`, `false` or `null`.
    Word(String),
    Text(String),
    /// A number, and how it was written.
    Number(Number, String),
    /// What begins like a number and is none.
    Bare(String),
}

/// What is wrong, in words.
pub(crate) type Trouble = &'static str;

/// Reads words one at a time; remembers where it is.
pub(crate) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The next word, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, Trouble> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let token = match first {
            '(' => self.single(Token::Open),
            ')' => self.single(Token::Close),
            '[' => self.single(Token::OpenBracket),
            ']' => self.single(Token::CloseBracket),
            '"' => Token::Text(self.text()?),
            '.' => {
                self.take(1);
                Token::Dot(self.word().to_owned())
            }
            '-' | '0'..='9' => self.number(),
            _ => {
                let word = self.word();
                if word.is_empty() {
                    return Err("a character that belongs to no word");
                }
                Token::Word(word.to_owned())
            }
        };
        Ok(Some(token))
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn single(&mut self, token: Token) -> Token {
        self.take(1);
        token
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_graphic() || "()[]\"\\<>".contains(c));
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// A JSON string (RFC 7159 §7), found by its closing quote and read by the JSON reader.
    fn text(&mut self) -> Result<String, Trouble> {
        let mut escaped = false;
        let mut end = None;
        for (at, byte) in self.rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    end = Some(at.saturating_add(1));
                    break;
                }
                _ => {}
            }
        }
        let literal = self.take(end.ok_or("a string without its closing quote")?);
        match serde_json::from_str(literal) {
            Ok(Value::String(text)) if text.contains('\0') => Err("a NUL character"),
            Ok(Value::String(text)) => Ok(text),
            _ => Err("a string that is not a JSON string"),
        }
    }

    fn number(&mut self) -> Token {
        let word = self.word();
        match serde_json::from_str(word) {
            Ok(Value::Number(number)) => Token::Number(number, word.to_owned()),
            _ => Token::Bare(word.to_owned()),
        }
    }
}
