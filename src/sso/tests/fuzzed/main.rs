//! What must hold for any bytes that arrive, asked of the fuzzer's seeds, of seeds that are broken everywhere, and of whatever the
//! fuzzer has found (`./x fuzz`). Knows the bytes; what must hold, the other modules know.

#![cfg(test)]

mod proof;
mod saml;
mod signal;
mod token;
#[path = "../saml/world.rs"]
#[expect(dead_code, reason = "the rest of it is for the other tests")]
mod world;

use std::fs;
use std::path::Path;

type Holds = fn(&[u8]) -> bool;

const TARGETS: [(&str, Holds); 5] = [
    ("saml", saml::document),
    ("assertion", saml::assertion),
    ("token", token::token),
    ("signal", signal::signal),
    ("proof", proof::proof),
];

/// The files of a target, by name.
fn files(folder: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder).join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A fuzzer that begins with what is refused at once would not get far.
#[test]
fn seeds_that_say_so_are_believed() {
    for (target, holds) in TARGETS {
        let seeds = files("seeds", target);

        let believed = seeds.iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name.as_str());

        assert!(seeds.len() >= 2, "seeds of {target} have been lost");
        let meant = seeds.iter().map(|(name, _)| name.as_str()).filter(|name| name.contains("believed"));
        assert!(believed.eq(meant), "{target}");
    }
}

/// Cut short, with a character less, and with a character changed.
#[test]
fn a_broken_seed_breaks_nothing() {
    for (target, holds) in TARGETS {
        for (_, seed) in files("seeds", target) {
            for at in (0..seed.len()).step_by(seed.len() / 100 + 1) {
                let (before, after) = seed.split_at(at);
                holds(before);
                holds(&[before, after.get(1..).unwrap()].concat());
                holds(&[before, &[after.first().unwrap() ^ 2], after.get(1..).unwrap()].concat());
            }
        }
    }
}

#[test]
fn what_the_fuzzer_found_stays_mended() {
    for (target, holds) in TARGETS {
        for (_, found) in files("findings", target) {
            holds(&found);
        }
    }
}
