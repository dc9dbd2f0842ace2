//! Chains, and which artifacts they keep; the rules were recorded from Packer 1.6.6.

use serde_json::json;

use super::Case;

#[tokio::test(start_paused = true)]
async fn post_processors_are_announced_by_the_build() {
    let keep = json!({"keep": true});
    let ran = Case::new(json!({})).chain([json!({"name": "pp1", "keep": true})]).chain([keep]).run().await;
    assert_eq!(ran.lines, ["b: Running post-processor: pp1 (type test)", "b: Running post-processor: test"]);
    assert_eq!(ran.artifacts(), ["made by the builder"; 3], "listed again for each chain that passes it on");
}

#[track_caller]
fn check(ran: super::Ran, artifacts: &[&str], destroyed: &[&str]) {
    let gone: Vec<_> = ran.lines.iter().filter_map(|line| line.split_once("destroyed: ")).map(|(_, what)| what).collect();
    assert_eq!((ran.artifacts(), gone), (artifacts.to_vec(), destroyed.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn keeping() {
    let (one, two) = (json!({"make": "1"}), json!({"make": "2"}));
    let keep_two = json!({"make": "2", "keep_input_artifact": true});
    let case = || Case::new(json!({}));
    check(case().chain([one.clone(), two.clone()]).run().await, &["2"], &["1", "made by the builder"]);
    check(case().chain([one.clone(), keep_two.clone()]).run().await, &["1", "2"], &["made by the builder"]);
    check(case().chain([keep_two.clone()]).run().await, &["made by the builder", "2"], &[]);
    check(case().chain([one.clone()]).chain([keep_two]).run().await, &["made by the builder", "1", "2"], &[]);
    let insists = json!({"keep": true, "insists": true, "keep_input_artifact": false});
    check(case().chain([insists]).run().await, &["made by the builder"; 2], &[]);
    let persuaded = json!({"make": "1", "keep": true, "keep_input_artifact": false});
    check(case().chain([persuaded]).run().await, &["1"], &["made by the builder"]);
    check(case().chain([]).run().await, &["made by the builder"], &[]);
    let ends = json!({"ends": true, "keep": true});
    check(case().chain([ends, one]).run().await, &[], &["made by the builder"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_element_ends_its_chain_and_fails_the_build() {
    let ran = Case::new(json!({}))
        .chain([json!({"fail": true}), json!({"name": "never"})])
        .chain([json!({"name": "second", "keep": true})])
        .run()
        .await;
    assert_eq!(ran.lines, ["b: Running post-processor: test", "b: Running post-processor: second (type test)"]);
    assert_eq!(ran.errors(), [("b", "1 error(s) occurred:\n\n* Post-processor failed: no")]);
    assert!(ran.summary().artifacts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_the_build() {
    let ran = Case::new(json!({})).chain([json!({"panic": true})]).run().await;
    assert_eq!(ran.errors(), [("b", "a defect of amibake ended the build: on purpose; please report it")]);
}
