//! Every sentence quoted from an RFC in `src/` is in `quotations.txt`, which was checked against the RFCs.

use std::fs;
use std::path::{Path, PathBuf};

/// `RFC 7644 §3.5.2: sentence`, one a line.
const CHECKED: &str = include_str!("../quotations.txt");

#[test]
fn every_quotation_is_verbatim_and_every_checked_sentence_is_quoted() {
    let sources: Vec<(PathBuf, String)> =
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).into_iter().map(text_of).collect();
    let checked: Vec<(&str, &str)> = CHECKED.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let mut used = vec![false; checked.len()];

    for (path, text) in &sources {
        for after in text.split("RFC 764").skip(1) {
            let Some((citation, rest)) = after.split_once(": \"") else { continue };
            if citation.len() > 30 || citation.contains(['"', ')', ';']) || !citation.contains('§') {
                continue;
            }
            let section = format!("RFC 764{}", citation.split(',').next().unwrap());
            let known =
                checked.iter().position(|(of, sentence)| *of == section && rest.starts_with(sentence));
            let Some(known) = known else { panic!("{}: {section}: {rest:.80}", path.display()) };
            used[known] = true;
        }
    }

    for ((section, sentence), used) in checked.iter().zip(used) {
        assert!(used, "no longer quoted: {section}: {sentence}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The comments of a file as running text.
fn text_of(path: PathBuf) -> (PathBuf, String) {
    let source = fs::read_to_string(&path).unwrap();
    let comments = source.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    let words: Vec<&str> =
        comments.flat_map(|line| line.trim_start_matches(['/', '!']).split_whitespace()).collect();
    (path, words.join(" "))
}
