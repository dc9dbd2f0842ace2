//! What the core wraps around provisioners; the texts were recorded from Packer 1.6.6.

use serde_json::json;

use super::Case;

#[tokio::test(start_paused = true)]
async fn pause_and_timeout_tell_what_they_do() {
    let ran = Case::new(json!({}))
        .provisioner(json!({"say": "one", "pause_before": 10}))
        .provisioner(json!({"say": "two", "timeout": 90_000}))
        .provisioner(json!({"say": "three", "pause_before": 10, "timeout": 5000}))
        .run()
        .await;
    assert_eq!(
        ran.lines,
        [
            "b: Pausing 10ms before the next provisioner...",
            "b: one",
            "b: Setting a 1m30s timeout for the next provisioner...",
            "b: two",
            "b: Pausing 10ms before the next provisioner...",
            "b: three",
        ]
    );
    assert_eq!(ran.artifacts(), ["made by the builder"]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_the_provisioner_also_after_a_pause() {
    for config in [json!({"say": "s", "sleep": 60, "timeout": 1000}), json!({"say": "s", "sleep": 60, "timeout": 1000, "pause_before": 1})]
    {
        let ran = Case::new(json!({})).provisioner(config).run().await;
        assert!(ran.lines.contains(&"b: Cancelling provisioner after a timeout...".to_owned()), "{:?}", ran.lines);
        assert_eq!(ran.errors(), [("b", "provisioner test took longer than its timeout of 1s")]);
        assert_eq!(ran.summary().took.as_secs(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn retries_tell_the_first_failure() {
    let ran = Case::new(json!({})).provisioner(json!({"say": "try", "fail": "line\n\"quoted\" ", "max_retries": 2})).run().await;
    assert_eq!(
        ran.lines,
        [
            "b: try",
            r#"b: Provisioner failed with "line\n\"quoted\" 1", retrying with 2 trie(s) left"#,
            "b: try",
            r#"b: Provisioner failed with "line\n\"quoted\" 1", retrying with 1 trie(s) left"#,
            "b: try",
            "b: retry limit reached.",
            "b: Provisioning step had errors: Running the cleanup provisioner, if present...",
        ]
    );
    assert_eq!(ran.errors(), [("b", "line\n\"quoted\" 1")]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_succeeds_goes_on() {
    let ran = Case::new(json!({}))
        .provisioner(json!({"say": "try", "fail": "e", "times": 1, "max_retries": 3}))
        .provisioner(json!({"say": "next"}))
        .run()
        .await;
    assert_eq!(ran.lines.last().map(String::as_str), Some("b: next"));
    assert_eq!(ran.errors(), []);
}

#[tokio::test(start_paused = true)]
async fn the_cleanup_provisioner_runs_after_a_failed_provisioner_only() {
    let clean = json!({"say": "cleanup"});
    let ran = Case::new(json!({})).provisioner(json!({"say": "p", "fail": "e"})).error_cleanup(clean.clone()).run().await;
    assert_eq!(ran.lines, ["b: p", "b: Provisioning step had errors: Running the cleanup provisioner, if present...", "b: cleanup"]);
    assert_eq!(ran.errors(), [("b", "e1")]);
    let ran = Case::new(json!({"fail": true})).provisioner(json!({"say": "p"})).error_cleanup(clean).run().await;
    assert_eq!(ran.lines, ["b: p"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_cleanup_provisioner_names_both_errors() {
    let ran = Case::new(json!({})).provisioner(json!({"fail": "first"})).error_cleanup(json!({"fail": "second"})).run().await;
    assert_eq!(ran.errors(), [("b", "Cleanup failed: second1. Original Provisioning error: first1")]);
}
