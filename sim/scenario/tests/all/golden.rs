//! Each file under `tests/bad` with its messages, word by word. `MIRRORSIM_BLESS=1` rewrites them.

use crate::{bless, read};
use std::path::PathBuf;

#[test]
fn every_bad_file_gets_its_messages() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("folder").map(|e| e.expect("entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    assert!(files.len() >= 10, "the table has shrunk");
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read(&file).expect("file");
        let problems = read(&text, &[]).expect_err("a bad file loads");
        let got = problems.render(false);
        let golden = file.with_extension("txt");
        if bless() {
            std::fs::write(&golden, &got).expect("golden");
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "MIRRORSIM_BLESS=1 rewrites these, if they are better:\n{}", wrong.join("\n"));
}

#[test]
fn json_has_the_same_mistakes_as_the_text() {
    let problems = read("schema: 1\nsources: [{nme: alpha}]\nbudget: {idle: 5}\n", &[]).expect_err("bad");
    let json = problems.to_json();
    assert_eq!(json.as_array().map(Vec::len), Some(problems.list().len()));
    assert_eq!(json[0]["code"], "unknown-key");
    assert_eq!(json[0]["path"], "sources[0].nme");
    assert_eq!((json[0]["line"].as_u64(), json[0]["column"].as_u64()), (Some(2), Some(12)));
    assert_eq!(json[1]["got"], "`5`");
}

#[test]
fn color_is_only_there_if_asked_for() {
    let problems = read("schema: 1\n", &[]).expect_err("bad");
    assert!(!problems.render(false).contains('\u{1b}'));
    assert!(problems.render(true).contains('\u{1b}'));
}
