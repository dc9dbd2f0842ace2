//! One vocabulary for a recording and a run on the lab: placeholders for what differs from run to run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// A moment as EC2 writes it.
const DATE: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z";

/// Patterns and what they become, in this order.
type Rules = Vec<(Regex, &'static str)>;

fn rules(pairs: &[(&str, &'static str)]) -> Rules {
    pairs.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect()
}

fn apply(rules: &Rules, text: &str) -> String {
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}

/// Puts values of the lab in the place of a recording's placeholders.
pub fn fill(text: &str, places: &BTreeMap<&'static str, String>) -> String {
    let text = text.replace("\"<ssh-port>\"", "22").replace("<uuid>", "11111111-2222-3333-4444-555555555555");
    places.iter().fold(text, |text, (place, value)| text.replace(place, value))
}

/// A text of the recording. Which of several things of a kind is meant is not compared, but for what existed before.
pub fn recorded(text: &str) -> String {
    static RULES: LazyLock<Rules> = LazyLock::new(|| {
        rules(&[
            ("<(ami|instance|snapshot|security-group|volume|vpc|subnet)-[0-9]+>", "<$1>"),
            ("<default-(vpc|subnet)>", "<$1>"),
            ("<imported-ami>", "<ami>"),
            ("<tmpdir>/packer-shell<n>", "inline"),
            ("<tmpdir>/packer-amazon-chroot<n>", "<upload>"),
            ("<ssh-port>", "22"),
            ("amzn-ami-hvm-2017\\.09\\.1\\.20171103-x86_64-gp2", "<source-name>"),
            (DATE, "<date>"),
            ("available regions: .*", "available regions: ..."),
            ("Packer: <time>", "Packer: <date>"),
        ])
    });
    apply(&RULES, text)
}

/// What the recording printed, without the default tag of source instances, which the plugin no longer sets, and without the numbers of
/// EC2's requests. (amibake names the operation and the region instead; [`ours`] leaves them out.)
pub fn said(stdout: &[String]) -> Vec<String> {
    let default = |line: &String| line.ends_with("Adding tag: \"Name\": \"Packer Builder\"");
    let tag = |line: &String| line.contains(": Adding tag: ");
    let heading = |line: &String| line.ends_with(": Adding tags to source instance");
    let mut said = Vec::new();
    for (at, line) in stdout.iter().enumerate() {
        let alone = heading(line) && stdout.get(at + 1).is_some_and(default) && !stdout.get(at + 2).is_some_and(tag);
        if !alone && !default(line) && !line.contains("\tstatus code: ") {
            said.push(recorded(line));
        }
    }
    folded(&said)
}

/// One line for what Packer spreads over several: a value of Go's from `{` to `}`, an item of a list that it wraps.
fn folded(lines: &[String]) -> Vec<String> {
    static SPEAKER: LazyLock<Regex> = LazyLock::new(|| Regex::new("^==> [^ ]+: ").unwrap());
    let (mut folded, mut value, mut item) = (Vec::<String>::new(), false, false);
    for line in lines {
        let starts = ["* ", "==> ", "--> ", "Build '"].iter().any(|start| line.starts_with(start));
        let part = SPEAKER.replace(line, "");
        match folded.last_mut().filter(|_| value || (item && !starts && !line.is_empty())) {
            Some(last) => last.push_str(&format!(" {}", part.trim())),
            None => folded.push(line.clone()),
        }
        value = if value { part.as_ref() != "}" } else { line.ends_with(": {") };
        item = line.starts_with("* ") || (item && !starts && !line.is_empty());
    }
    folded
}

/// A text of the lab's run.
pub fn ours(text: &str, places: &BTreeMap<&'static str, String>) -> String {
    static RULES: LazyLock<Rules> = LazyLock::new(|| {
        rules(&[
            ("<default-subnet>", "<subnet>"),
            ("\\bimport-ami-[0-9a-f]{17}\\b", "<import-task>"),
            ("\\bami-[0-9a-f]{17}\\b", "<ami>"),
            ("[^ ]*/disk\\.raw\\b", "disk.raw"),
            ("\\b1793606400\\b", "<timestamp>"),
            ("\\bi-[0-9a-f]{17}\\b", "<instance>"),
            ("\\bsg-[0-9a-f]{17}\\b", "<security-group>"),
            ("\\bsnap-[0-9a-f]{17}\\b", "<snapshot>"),
            ("\\bvol-[0-9a-f]{17}\\b", "<volume>"),
            ("\\bsir-[0-9a-f]{8}\\b", "<spot-request>"),
            ("\\b(vpc|subnet)-[0-9a-f]{17}\\b", "<$1>"),
            ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
            ("packer-fleet-launch-template-<uuid>", "packer-fleet-launch-template-<random7>"),
            ("\\b127\\.1\\.[0-9]+\\.[0-9]+\\b", "<public-ip>"),
            ("\\b127\\.2\\.[0-9]+\\.[0-9]+\\b", "<private-ip>"),
            ("\\bec2-127-[0-9-]+\\.compute\\.amazonaws\\.com", "<public-dns>"),
            ("\\bip-127-[0-9-]+\\.ec2\\.internal", "<private-dns>"),
            (DATE, "<date>"),
            ("\"build_time\": [0-9]+", "\"build_time\": 0"),
            ("available regions: .*", "available regions: ..."),
            ("[^ ]*/packer-shell[0-9A-Za-z]+", "inline"),
            ("[^ ]*/packer-amazon-chroot[0-9A-Za-z]+", "<upload>"),
            ("script_[0-9]+\\.sh", "script_<n>.sh"),
            ("Creating AMI [0-9a-z]{7} from", "Creating AMI <random7> from"),
            ("( in [a-z]+-[a-z]+-[0-9])?: (Create|Register|Run|Stop|Copy|Describe)[A-Za-z]+: ([A-Z][A-Za-z.]+: )", ": $3"),
            ("(errored|finished|Wait completed) after [0-9a-z ]*[0-9a-z]", "$1 after <duration>"),
        ])
    });
    let text = places.iter().fold(text.to_owned(), |text, (place, value)| text.replace(value, place));
    apply(&RULES, &text)
}
