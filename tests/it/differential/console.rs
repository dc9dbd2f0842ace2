//! Packer's own answers: thousands of texts to one `packer console`, a line each.

use std::path::Path;
use std::process::{Command, Stdio};

use super::expressions::USER;

/// What Packer makes of a text.
pub type Answer = Result<String, String>;

/// Packer with a home of its own, in this folder.
pub fn packer(work: &Path) -> Command {
    let mut command = Command::new("packer");
    command
        .current_dir(work)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", work.with_file_name("home"))
        .env("CHECKPOINT_DISABLE", "1");
    command.env("PACKER_NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Asks about every text; none of them may hold a line break. The first answer is `timestamp`.
pub fn ask(work: &Path, texts: &[String]) -> (String, Vec<Answer>) {
    let variables: serde_json::Map<_, _> = USER.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let template = serde_json::json!({"variables": variables, "builders": [{"type": "null", "communicator": "none"}]});
    std::fs::write(work.join("console.json"), template.to_string()).unwrap();
    let script: String = std::iter::once("{{timestamp}}\n@@0@@\n".to_owned())
        .chain(texts.iter().enumerate().map(|(at, text)| format!("{text}\n@@{}@@\n", at + 1)))
        .collect();
    // From a file: with a pipe Packer shows the last answer only.
    std::fs::write(work.join("script"), script).unwrap();
    let script = std::fs::File::open(work.join("script")).unwrap();
    let output = packer(work).args(["console", "console.json"]).stdin(script).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut rest = stdout.as_str();
    let mut answers = Vec::new();
    for at in 0..=texts.len() {
        let marker = format!("\n@@{at}@@\n");
        let Some((answer, after)) = rest.split_once(&marker) else { panic!("packer console stopped before {at}: {rest:.300}") };
        answers.push(match answer.strip_prefix("???????: Interpolation error\n\n") {
            Some(error) => Err(error.split_whitespace().collect::<Vec<_>>().join(" ")),
            None => Ok(answer.to_owned()),
        });
        rest = after;
    }
    let timestamp = answers.remove(0).unwrap();
    (timestamp, answers)
}
