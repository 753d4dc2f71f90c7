//! The house rules that the compiler does not keep by itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::lifecycle::Fact;
use serde_json::Value;

/// Packages that belong to one room each. The list may only gain lines.
const OWNED: [(&str, &str); 17] = [
    ("actix-web", "usher"),
    ("governor", "usher"),
    ("clap", "usher"),
    ("diesel", "store"),
    ("diesel-async", "store"),
    ("diesel_migrations", "store"),
    ("openidconnect", "sso"),
    ("reqwest", "sso"),
    ("samael", "sso"),
    ("roxmltree", "sso"),
    ("openssl", "sso"),
    ("flate2", "sso"),
    ("hmac", "sso"),
    ("p256", "sso"),
    ("aes-gcm", "app"),
    ("hickory-resolver", "app"),
    ("lettre", "app"),
];

/// Which room may import which.
const ARROWS: [(&str, &[&str]); 6] = [
    ("scim", &[]),
    ("domain", &[]),
    ("sso", &["domain"]),
    ("store", &["domain", "scim"]),
    ("app", &["domain", "scim", "sso", "store"]),
    ("usher", &["app", "domain", "scim"]),
];

/// Tools beside the product. They are no rooms: they see Usher from outside only, and are not linked into it.
const TOOLS: [&str; 1] = ["conformance"];

/// Licences that may be linked into the binary.
const LICENCES: [&str; 14] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "Unlicense",
    "BSL-1.0",
    "Apache-2.0 WITH LLVM-exception",
    "CDLA-Permissive-2.0",
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"]) // fetches what only other platforms need
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rooms(metadata: &Value) -> Vec<&Value> {
    members(metadata).into_iter().filter(|it| !TOOLS.contains(&it["name"].as_str().unwrap())).collect()
}

fn members(metadata: &Value) -> Vec<&Value> {
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().filter(|package| members.contains(package["id"].as_str().unwrap())).collect()
}

fn normal_dependencies(room: &Value) -> BTreeSet<&str> {
    let all = room["dependencies"].as_array().unwrap().iter();
    all.filter(|it| it["kind"].is_null()).map(|it| it["name"].as_str().unwrap()).collect()
}

#[test]
fn rooms_import_only_along_the_arrows() {
    let metadata = metadata();
    let names: BTreeSet<&str> = rooms(&metadata).iter().map(|room| room["name"].as_str().unwrap()).collect();
    assert_eq!(names, ARROWS.iter().map(|(name, _)| *name).collect());
    for room in rooms(&metadata) {
        let name = room["name"].as_str().unwrap();
        let (_, allowed) = ARROWS.iter().find(|(it, _)| *it == name).unwrap();
        for imported in normal_dependencies(room).intersection(&names) {
            assert!(allowed.contains(imported), "{name} imports {imported}");
        }
    }
}

#[test]
fn a_tool_imports_no_room_and_no_room_imports_a_tool() {
    let metadata = metadata();
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let tools = BTreeSet::from(TOOLS);
    for member in members(&metadata) {
        let name = member["name"].as_str().unwrap();
        let imported = normal_dependencies(member);
        let strange = if tools.contains(name) { &rooms } else { &tools };
        assert!(imported.is_disjoint(strange), "{name} imports {imported:?}");
    }
}

#[test]
fn packages_stay_in_the_room_that_owns_them() {
    let metadata = metadata();
    for room in rooms(&metadata) {
        let name = room["name"].as_str().unwrap();
        for (package, owner) in OWNED {
            assert!(
                owner == name || !normal_dependencies(room).contains(package),
                "{package} belongs to {owner}, and {name} depends on it"
            );
        }
    }
}

#[test]
fn every_licence_in_the_tree_may_be_linked() {
    let metadata = metadata();
    let mut refused = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none");
        let spelt = licence.replace('/', " OR ").replace(['(', ')'], "");
        let fine =
            spelt.split(" AND ").all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())));
        if !fine {
            refused.push(format!("{}: {licence}", package["name"]));
        }
    }
    assert_eq!(refused, Vec::<String>::new());
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_file_is_longer_than_800_lines_and_each_says_what_it_knows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "conformance"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 50);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.lines().count() <= 800, "{} is too long", file.display());
        assert!(
            text.starts_with("//!") || text.starts_with("#!["),
            "{} does not say what it knows",
            file.display()
        );
    }
}

#[test]
fn every_dependency_of_the_workspace_says_why_it_is_here() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let mut commented = false;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            commented = true;
        } else {
            assert!(commented, "{line}: no comment says why");
            commented = line.contains("path = "); // the rooms share one comment
        }
    }
}

/// A fact that nobody knows would be sent to nobody.
/// Whoever ends a transaction otherwise leaves people without the seats that they came to need in it.
#[test]
fn a_use_case_ends_what_it_wrote_in_one_way() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/src"), &mut files);
    files.retain(|file| std::fs::read_to_string(file).unwrap().contains("tx.commit("));
    assert!(matches!(files.as_slice(), [only] if only.ends_with("provision/seating.rs")), "{files:?}");
}

#[test]
fn every_fact_that_is_announced_is_one_that_can_be_followed() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/src"), &mut files);
    let mut announced = BTreeSet::new();
    // What the courier announces itself is for one receiver.
    for file in files.into_iter().filter(|file| !file.to_string_lossy().contains("/signals/")) {
        let text = std::fs::read_to_string(file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        for part in text.split("fact: ").skip(1) {
            let line = part.lines().next().unwrap();
            announced.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    for fact in Fact::ALL {
        announced.insert(fact.name().to_owned());
    }
    let known: BTreeSet<String> = domain::signal::FACTS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(announced, known);
}

#[test]
fn each_test_that_proves_a_behaviour_elsewhere_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("conformance/elsewhere.toml")).unwrap();
    let list: std::collections::BTreeMap<String, Vec<String>> = toml::from_str(&list).unwrap();
    for place in list.values().flatten() {
        let (file, test) = place.split_once(": ").unwrap();
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(source.contains(&format!("fn {test}(")), "{place}");
    }
}

/// What stands in a row of `docs/apps-musts.md` that names no test.
const REASONS: [&str; 5] =
    ["by the proxy:", "by construction:", "by registration:", "not offered", "not followed:"];

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_name(text: &str) -> bool {
    text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn each_demand_on_the_provider_for_apps_has_a_test_that_is_there_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/apps-musts.md")).unwrap();
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let code: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| § "));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [section, rule, held_by] = cells.as_slice() else { panic!("three cells: {row}") };
        assert!(!section.is_empty() && !rule.is_empty(), "{row}");
        let tests = quoted(held_by).filter(|text| is_name(text)).count();
        assert!(tests > 0 || REASONS.iter().any(|reason| held_by.starts_with(reason)), "no test: {row}");
        for text in quoted(held_by) {
            if is_name(text) {
                assert!(code.contains(&format!("fn {text}()")), "there is no test {text}: {row}");
            } else {
                assert!(root.join(text).is_file(), "there is no file {text}: {row}");
            }
        }
        count += 1;
    }
    assert!(count > 100, "{count} rows");
}

/// What `./x mutants` takes out, a line each: suite, what, file, tests, and the sed program or the reason why there is none.
fn mutants() -> Vec<(String, [String; 4])> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let suite = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| suite != "checks" && !line.starts_with('#')) {
            let columns: Vec<String> = line.splitn(4, '|').map(str::to_owned).collect();
            found.push((suite.clone(), columns.try_into().unwrap_or_else(|_| panic!("{suite}: {line}"))));
        }
    }
    found
}

/// A list of changes to the code rots with the code: a program that matches nothing would prove nothing.
#[test]
fn each_mutant_still_changes_its_file_and_its_tests_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let code: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let mutants = mutants();
    assert!(mutants.len() > 300, "{}", mutants.len());
    for (suite, [what, file, tests, program]) in mutants {
        for test in tests.split(' ').filter_map(|place| place.split_once(':')).map(|(_, filter)| filter) {
            let is_there = test.contains("::") || code.contains(&format!("fn {test}"));
            assert!(is_there, "{suite}: {what}: there is no test {test}");
        }
        if file == "-" {
            assert!(program.len() > 20, "{suite}: {what}: no reason");
        } else if !file.contains('*') {
            let whole = std::fs::read(root.join(&file)).unwrap_or_else(|_| panic!("{suite}: no {file}"));
            let changed = Command::new("sed").arg(&program).arg(root.join(&file)).output().unwrap();
            assert!(
                changed.status.success(),
                "{suite}: {what}: {}",
                String::from_utf8_lossy(&changed.stderr)
            );
            assert!(changed.stdout != whole, "{suite}: nothing in {file} is {what} any more");
        }
    }
}

/// SAML has 77 checks and OpenID Connect 53; some of these are others by another name.
#[test]
fn each_numbered_check_of_who_signs_in_has_something_that_is_taken_out() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants/checks.txt");
    let list = std::fs::read_to_string(list).unwrap();
    let taken_out: BTreeSet<String> = mutants()
        .into_iter()
        .filter_map(|(_, [what, ..])| Some(what.split_once(": ")?.0.to_owned()))
        .collect();
    let mut numbers = BTreeSet::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').collect();
        let [check, _, same @ ..] = columns.as_slice() else { panic!("{line}") };
        let of = same.first().map_or_else(|| vec![*check], |same| same.split(", ").collect());
        assert!(of.iter().all(|it| taken_out.contains(*it)), "nothing is taken out of {check}: {line}");
        let (protocol, number) = check.split_once(' ').unwrap();
        let (from, to) = number.split_once(" to ").unwrap_or((number, number));
        let between = from.parse::<u8>().unwrap()..=to.parse::<u8>().unwrap();
        numbers.extend(between.map(|number| (protocol, number)));
    }
    let wanted = [("SAML", 77), ("OIDC", 53), ("Logout", 2)];
    let wanted: BTreeSet<_> = wanted
        .into_iter()
        .flat_map(|(protocol, last)| (1..=last).map(move |number| (protocol, number)))
        .collect();
    assert_eq!(numbers, wanted);
    let stray: Vec<_> = taken_out
        .iter()
        .filter(|check| check.starts_with("SAML") || check.starts_with("OIDC"))
        .filter(|check| !list.lines().any(|line| line.split('|').next() == Some(check)))
        .collect();
    assert!(stray.is_empty(), "no such checks: {stray:?}");
}
