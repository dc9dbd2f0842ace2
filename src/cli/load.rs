//! Reads what a command works on: the template and the variables given to it.

use std::io::Read;
use std::path::Path;

use amibake_template::component::{FileKind, Files};
use amibake_template::document::{self, Document};
use amibake_template::finding::{Finding, Severity};
use amibake_template::json::{self, Dialect};
use amibake_template::lang::Host;
use amibake_template::source::{Sources, Span};
use amibake_template::variables::{Given, read_var_file, soften};

use super::args::{ConfigType, GivenArgs, TemplateArgs, Variable};
use crate::settings::Settings;

/// A template and its variables, as far as they could be read.
pub struct Loaded {
    /// All texts.
    pub sources: Sources,
    /// The template's structure; None where a finding says why.
    pub document: Option<Document>,
    /// Variables of var files, then of `-var`: weakest first.
    pub given: Vec<Given>,
    /// What was found so far.
    pub findings: Vec<Finding>,
    /// What the template can see of the outside world.
    pub host: Host,
}

/// Reads the template, the var files and `-var`; everything that is wrong becomes a finding.
pub fn load(args: &TemplateArgs, settings: &Settings) -> Loaded {
    load_given(Some(&args.path), &args.given, settings)
}

/// As [`load`], where there may be no template.
pub fn load_given(path: Option<&str>, given: &GivenArgs, settings: &Settings) -> Loaded {
    let mut loaded = Loaded {
        sources: Sources::default(),
        document: None,
        given: Vec::new(),
        findings: Vec::new(),
        host: settings.host(path.map(|path| template_dir(path, &settings.cwd)).unwrap_or_default()),
    };
    if let Some(path) = path {
        match template_text(path, given.config_type) {
            Ok((name, text)) => loaded.read_template(&name, text, given.jsonc),
            Err(finding) => loaded.findings.push(finding),
        }
    }
    for path in &given.var_file {
        match file_text(path, "var file", "unreadable-var-file") {
            Ok(text) => loaded.read_variables(path, text, given.jsonc),
            Err(finding) => loaded.findings.push(finding),
        }
    }
    for variable in &given.var {
        loaded.take_variable(variable);
    }
    loaded
}

/// What a file may hold: comments where its name says so (`.jsonc`) or `-jsonc` does.
pub fn dialect(path: &str, jsonc: bool) -> Dialect {
    let named = Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonc"));
    Dialect { jsonc: jsonc || named }
}

impl Loaded {
    /// Whether something stands against going on.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn read_template(&mut self, name: &str, text: String, jsonc: bool) {
        let source = self.sources.add(name, text);
        let (root, findings) = json::parse(source, self.sources.text(source), dialect(name, jsonc));
        self.findings.extend(findings);
        if let Some(root) = root {
            let (document, findings) = document::read(root);
            self.document = document;
            self.findings.extend(findings);
        }
    }

    fn read_variables(&mut self, path: &str, text: String, jsonc: bool) {
        let source = self.sources.add(path, text);
        let (root, findings) = json::parse(source, self.sources.text(source), dialect(path, jsonc));
        self.findings.extend(soften(findings));
        if let Some(root) = root {
            let (given, findings) = read_var_file(&root);
            self.given.extend(given);
            self.findings.extend(findings);
        }
    }

    /// The argument becomes a text of its own, so that messages can point into it.
    fn take_variable(&mut self, variable: &Variable) {
        let Variable { name, value } = variable;
        let text = format!("{name}={value}");
        let (start, end) = (offset(name.len() + 1), offset(text.len()));
        let source = self.sources.add("-var", text);
        self.given.push(Given { name: name.clone(), value: value.clone(), span: Span { source, start, end } });
    }
}

/// The machine's files, for checks.
pub struct Disk;

impl Files for Disk {
    fn kind_of(&self, path: &str) -> FileKind {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => FileKind::Directory,
            Ok(_) => FileKind::File,
            Err(_) => FileKind::Missing,
        }
    }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Absolute, for `template_dir`; standard input stands in the current directory.
fn template_dir(path: &str, cwd: &str) -> String {
    let dir = if path == "-" { None } else { Path::new(path).parent() };
    match dir {
        Some(dir) if !dir.as_os_str().is_empty() && dir != Path::new(".") => {
            std::path::absolute(Path::new(cwd).join(dir)).unwrap_or_else(|_| dir.to_owned()).to_string_lossy().into_owned()
        }
        _ => cwd.to_owned(),
    }
}

/// The template's text and how messages call it.
pub fn template_text(path: &str, config_type: Option<ConfigType>) -> Result<(String, String), Finding> {
    if config_type == Some(ConfigType::Hcl2) || path.ends_with(".hcl") || path.ends_with(".pkr.json") {
        return Err(hcl2(format!("`{path}` is an HCL2 template")));
    }
    if Path::new(path).is_dir() {
        return Err(hcl2(format!("`{path}` is a folder, where Packer looks for HCL2 templates")));
    }
    let text = if path == "-" { stdin_text("template", "unreadable-template") } else { file_text(path, "template", "unreadable-template") };
    Ok((shown(path).to_owned(), text?))
}

/// How messages call a file.
pub fn shown(path: &str) -> &str {
    if path == "-" { "<stdin>" } else { path }
}

/// All of standard input.
pub fn stdin_text(what: &str, code: &'static str) -> Result<String, Finding> {
    text(std::io::stdin().lock()).map_err(|reason| unreadable(what, code, "standard input", &reason))
}

/// A file's text.
pub fn file_text(path: &str, what: &str, code: &'static str) -> Result<String, Finding> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    });
    file.and_then(text).map_err(|reason| unreadable(what, code, path, &reason))
}

/// The text, or why there is none. Of what is too large not all is read: it may be a device.
fn text(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(json::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > json::MAX_BYTES {
        return Err(format!("it is larger than {} MiB, which no template is", json::MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn unreadable(what: &str, code: &'static str, path: &str, reason: &str) -> Finding {
    without_place(code, format!("cannot read the {what} `{path}`: {reason}"))
}

/// Packer's other language, which nothing here reads.
pub fn hcl2(message: String) -> Finding {
    without_place("hcl2-template", message)
        .with_help("amibake reads Packer's JSON templates: name one file with \"builders\", \"provisioners\" and so on")
}

/// A finding about a file that has no text to point into.
pub fn without_place(code: &'static str, message: String) -> Finding {
    Finding { severity: Severity::Error, code, message, labels: Vec::new(), help: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(template_dir(path, "/w"), expected, "{path}");
    }

    #[test]
    fn template_dir_is_absolute() {
        check("t.json", "/w");
        check("./t.json", "/w");
        check("-", "/w");
        check("sub/t.json", "/w/sub");
        check("/etc/t.json", "/etc");
    }
}
