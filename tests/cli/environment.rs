//! Rows 40 to 43, 51 and 59: what can be wrong around the command.

use super::*;

#[test]
fn the_report_folder_is_made_with_its_parents() {
    let path = file("made", "tiny.yaml", TINY);
    let folder = scratch("made_reports").join("a/b");
    let said = mirrorsim(&["run", text(&path), "--seed", "7", "--report-dir", text(&folder)])
        .ends(0)
        .complains("created");
    said.says("tiny-7.json");
    assert!(folder.join("tiny-7.json").is_file());
}

#[test]
fn a_file_is_no_report_folder() {
    let path = file("is_a_file", "tiny.yaml", TINY);
    let said = mirrorsim(&["run", text(&path), "--report-dir", text(&path)]).ends(3).complains("is a file");
    assert_eq!(said.out, "", "no seed was run");
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_written_nothing_is_run() {
    let path = file("unwritable", "tiny.yaml", TINY);
    let said = mirrorsim(&["run", text(&path), "--report-dir", "/proc/self/reports"])
        .ends(3)
        .complains("cannot make");
    assert_eq!(said.out, "");
}

/// What a campaign of hours comes to is not lost at its end.
#[test]
fn where_a_result_cannot_be_written_nothing_is_run() {
    let path = file("unwritable_result", "tiny.yaml", TINY);
    let (inside, folder) = (path.join("junit.xml"), path.with_file_name("folder"));
    std::fs::create_dir(&folder).expect("a folder");
    let out = scratch("unwritable_result_out");
    for option in ["--junit", "--sarif"] {
        for (file, words) in [
            (&inside, "tiny.yaml: is a file, and a folder is wanted"),
            (&folder, "folder: is a folder, and a file"),
        ] {
            let all = ["campaign", text(&path), "--seeds", "1..=9", "--out", text(&out), option, text(file)];
            assert_eq!(mirrorsim(&all).ends(3).complains(words).out, "", "no seed was run");
        }
    }
    let table = format!("--write-baseline={}", text(&folder));
    let table = ["run", text(&path), "--no-report", &table];
    assert_eq!(mirrorsim(&table).ends(3).complains("is a folder, and a file is wanted").out, "");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_folder_is_told_for_what_it_is() {
    let path = file("no_folder", "tiny.yaml", TINY);
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink("nowhere", &link).expect("a link");
    for (folder, words) in [(text(&link), "a link that leads nowhere"), ("/dev/null", "is no folder")] {
        let said = mirrorsim(&["run", text(&path), "--report-dir", folder]).ends(3).complains(words);
        assert_eq!(said.out, "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    for arguments in [&["list", "--metrics"][..], &["--help"], &["--version"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let output = command(arguments).stdout(full).output().expect("the command starts");
        Said::of(&output).ends(3).complains("standard output: no space left");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for arguments in [&["trace", FIRST][..], &["--help"], &["list", "--stages"], &["schema"]] {
        let mut child = command(arguments);
        let mut child =
            child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        drop(child.stdout.take());
        Said::of(&child.wait_with_output().expect("the command ends")).ends(0);
    }
}

#[test]
fn a_run_without_a_reader_has_its_own_exit_code() {
    let path = file("no_reader", "red.yaml", RED);
    let mut child = command(&["run", text(&path), "--no-report"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    drop(child.stdout.take());
    Said::of(&child.wait_with_output().expect("the command ends")).ends(1);
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_read_up_to_the_limit() {
    let endless = |from: Stdio, path: &str| {
        let output = command(&["check", path]).stdin(from).output().expect("the command starts");
        Said::of(&output).ends(2).complains("larger than 1048576 bytes");
    };
    let zero = || std::fs::File::open("/dev/zero").expect("a device").into();
    endless(zero(), "-");
    endless(zero(), "/dev/stdin");
    endless(Stdio::null(), "/dev/zero");
    let pipe = scratch("fifo").join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let mut writer = Command::new("sh");
    let writer = writer.args(["-c", "exec yes 'a: 1' > \"$0\"", text(&pipe)]).stderr(Stdio::null());
    let mut writer = writer.spawn().expect("a writer");
    endless(Stdio::null(), text(&pipe));
    let _ = writer.wait();
}

#[test]
fn there_are_no_escape_codes_but_on_a_terminal() {
    let path = file("escape_codes", "red.yaml", RED);
    for term in ["dumb", "xterm-256color", ""] {
        let output =
            command(&["run", text(&path), "--seeds", "1..=3", "--no-report"]).env("TERM", term).output();
        let said = Said::of(&output.expect("the command starts")).ends(1);
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{}{}", said.out, said.err);
    }
    let said = mirrorsim(&["check", "Cargo.toml"]).ends(2);
    assert!(!said.err.contains('\u{1b}'), "{}", said.err);
}

#[test]
fn language_and_time_zone_change_nothing() {
    let path = file("language", "tiny.yaml", TINY);
    let digest = |language: &str, zone: &str| {
        let mut command = command(&["run", text(&path), "--no-report", "--message-format", "json"]);
        let output = command.env("LANG", language).env("LC_ALL", language).env("TZ", zone).output();
        let said = Said::of(&output.expect("the command starts")).ends(0);
        said.objects().iter().find_map(|o| o["run"]["digest"].as_str().map(str::to_owned)).expect("a digest")
    };
    let plain = digest("C", "UTC");
    assert_eq!(digest("tr_TR.UTF-8", "Pacific/Kiritimati"), plain);
    assert_eq!(digest("de_DE.UTF-8", "nonsense"), plain);
}
