//! What a client sent and what it was answered. Knows lines of text; asked only when something is wrong.

/// In the order in which it happened.
#[derive(Default)]
pub struct Journal(Vec<String>);

impl Journal {
    pub fn note(&mut self, line: String) {
        self.0.push(line);
    }

    /// The lines that speak of what these complaints name: ids and user names are words of at least eight characters
    /// with a dash.
    pub fn about(&self, complaints: &[String]) -> Vec<String> {
        let names: Vec<&str> = complaints
            .iter()
            .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')))
            .filter(|word| word.len() >= 8 && word.contains('-'))
            .collect();
        let told = self.0.iter().filter(|line| names.iter().any(|name| line.contains(name)));
        told.take(30).cloned().collect()
    }
}
