//! What `shell` and `shell-local` share: scripts, their environment, and what their exit status means.

use std::collections::BTreeMap;

use amibake_template::component::{Check, FileKind};

/// The status that Packer gives to a script whose connection went away (reference: communicators, section 3).
pub const DISCONNECTED: i64 = 2_300_218;

/// Where scripts come from: exactly one of the three keys.
pub struct Given<'a> {
    /// `inline`.
    pub inline: &'a [String],
    /// `script`; empty is absent.
    pub script: Option<&'a str>,
    /// `scripts`.
    pub scripts: &'a [String],
}

impl Given<'_> {
    /// The script files, in order; empty where the script is inline.
    pub fn files(&self) -> Vec<&str> {
        self.script.into_iter().chain(self.scripts.iter().map(String::as_str)).collect()
    }

    /// Reports clashes between the keys, and files that do not exist.
    pub fn check(&self, check: &mut Check<'_>) {
        if self.script.is_some() && !self.scripts.is_empty() {
            check.error("script", "exclude-each-other", "only one of `script` and `scripts` can be given", None);
        }
        match (self.files().is_empty(), self.inline.is_empty()) {
            (true, true) => {
                let help = "give `inline` (commands), `script` (a file) or `scripts` (several files)".to_owned();
                check.error("", "no-script", "there is no script to run", Some(help));
            }
            (false, false) => check.error("inline", "exclude-each-other", "a script file and `inline` cannot be given together", None),
            (true, false) | (false, true) => {}
        }
        if let Some(script) = self.script {
            check_script(check, "script", script);
        }
        for (index, script) in self.scripts.iter().enumerate() {
            check_script(check, &format!("scripts/{index}"), script);
        }
    }
}

fn check_script(check: &mut Check<'_>, pointer: &str, path: &str) {
    match check.files.kind_of(path) {
        FileKind::File => {}
        FileKind::Directory => check.error(pointer, "missing-script", format!("`{path}` is a directory, not a script"), None),
        FileKind::Missing => {
            let help = "paths are relative to the current directory; `{{template_dir}}/` makes them relative to the template".to_owned();
            check.error(pointer, "missing-script", format!("there is no script `{path}`"), Some(help));
        }
    }
}

/// Reports entries of `environment_vars` that are not `NAME=value`.
pub fn check_environment(check: &mut Check<'_>, entries: &[String]) {
    for (index, entry) in entries.iter().enumerate() {
        if entry.split_once('=').is_none_or(|(name, _)| name.is_empty()) {
            let message = "an environment variable must be given as `NAME=value`";
            check.error(&format!("environment_vars/{index}"), "environment-variable", message, None);
        }
    }
}

/// The variables of a script: Packer's own, then `environment_vars`, then `env`; later ones win.
pub fn environment(build_name: &str, build_type: &str, entries: &[String], env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = [("PACKER_BUILD_NAME", build_name), ("PACKER_BUILDER_TYPE", build_type)];
    let mut variables: BTreeMap<_, _> = own.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    variables.extend(entries.iter().filter_map(|entry| entry.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.extend(env.clone());
    variables
}

/// The variables as text, by a pattern with two `%s`; a single quote in a value is closed, quoted and opened again.
pub fn format_environment(pattern: &str, variables: &BTreeMap<String, String>) -> String {
    variables.iter().map(|(name, value)| fill(pattern, name, &value.replace('\'', r#"'"'"'"#))).collect()
}

/// Puts name and value into a pattern of Go's printf: `%s`, `%[1]s`, `%[2]s`, `%%`; whatever else stands stays as it is.
fn fill(pattern: &str, name: &str, value: &str) -> String {
    let mut rest = pattern;
    let mut next = [name, value].into_iter();
    let mut text = String::with_capacity(pattern.len() + name.len() + value.len());
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (put, used) = [("%s", next.clone().next()), ("%[1]s", Some(name)), ("%[2]s", Some(value)), ("%%", Some("%"))]
            .into_iter()
            .find_map(|(verb, put)| rest.starts_with(verb).then_some((put.unwrap_or_default(), verb.len())))
            .unwrap_or(("%", 1));
        if rest.starts_with("%s") {
            let _ = next.next();
        }
        text.push_str(put);
        rest = &rest[used..];
    }
    text + rest
}

/// A script of inline commands: shebang, then one command a line.
pub fn inline_script(shebang: &str, lines: &[String]) -> String {
    let mut script = format!("#!{shebang}\n");
    for line in lines {
        script.push_str(line);
        script.push('\n');
    }
    script
}

/// What a script's exit status means: nothing wrong, or Packer's words.
///
/// # Errors
/// The status is not among the valid ones (`[0]` where none are given).
pub fn judge(status: i64, valid: &[i64]) -> Result<(), String> {
    let valid = if valid.is_empty() { &[0] } else { valid };
    if valid.contains(&status) {
        return Ok(());
    }
    let list: Vec<_> = valid.iter().map(i64::to_string).collect();
    Err(format!("Script exited with non-zero exit status: {status}.Allowed exit codes are: [{}]", list.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_sorted_and_quoted() {
        let entries = ["B=it's".to_owned(), "A=x=y".to_owned(), "PACKER_BUILD_NAME=mine".to_owned()];
        let variables = environment("web", "amazon-ebs", &entries, &BTreeMap::from([("A".to_owned(), "z".to_owned())]));
        let text = format_environment("%s='%s' ", &variables);
        assert_eq!(text, r#"A='z' B='it'"'"'s' PACKER_BUILDER_TYPE='amazon-ebs' PACKER_BUILD_NAME='mine' "#);
    }

    #[track_caller]
    fn check_fill(pattern: &str, expected: &str) {
        assert_eq!(fill(pattern, "N", "v"), expected, "pattern {pattern:?}");
    }

    #[test]
    fn patterns_are_go_s() {
        check_fill("export %s='%s'\n", "export N='v'\n");
        check_fill("%[2]s=%[1]s", "v=N");
        check_fill("100%% %s", "100% N");
        check_fill("50% of %s", "50% of N");
    }

    #[test]
    fn statuses_are_judged_in_packers_words() {
        assert_eq!(judge(0, &[]), Ok(()));
        assert_eq!(judge(3, &[0, 3]), Ok(()));
        assert_eq!(judge(4, &[0, 3]).unwrap_err(), "Script exited with non-zero exit status: 4.Allowed exit codes are: [0 3]");
    }

    #[test]
    fn inline_commands_follow_the_shebang() {
        assert_eq!(inline_script("/bin/sh -e", &["a".to_owned(), "b c".to_owned()]), "#!/bin/sh -e\na\nb c\n");
    }
}
