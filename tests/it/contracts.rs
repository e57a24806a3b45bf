//! Tests whose contracts are missing: skipped, counted, or failed.

use crate::support::shared::why_it_must_be_there;

#[test]
fn what_is_missing_is_skipped_only_where_somebody_reads_that() {
    assert_eq!(why_it_must_be_there(None, None), None);
    for (ci, folder) in [(Some("1"), None), (None, Some("/x")), (Some("true"), Some("/x"))] {
        assert!(why_it_must_be_there(ci, folder).is_some(), "{ci:?} {folder:?}");
    }
}

/// This test program, asked for one test that needs a contract, in an environment where there is none.
#[test]
fn a_test_whose_contract_is_missing_fails() {
    let (empty, program) = (tempfile::tempdir().expect("a folder"), std::env::current_exe().expect("this program"));
    let test = "inbound::vectors::hexadecimal_examples_are_judged_as_they_say";
    for ci in ["", "true"] {
        let mut command = std::process::Command::new(&program);
        command.args(["--exact", test]).env("TEST_SHARED", empty.path()).env("CI", ci);
        let ended = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        assert!(
            !ended.status.success() && said.contains("there is no shared/contracts/signature-vectors.json"),
            "{said}"
        );
    }
}
