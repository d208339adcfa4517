//! Help and usage errors, word for word.

#[test]
fn help_and_usage_errors_are_as_written_down() {
    trycmd::TestCases::new().env("COLUMNS", "100").case("tests/alive/words/*.trycmd");
}
