//! Paths on a remote command line.

/// Quotes a remote path for the guest's login shell. As with Packer's scp, the shell still expands a leading `~` or `~user` and
/// variables (`$HOME/x`, `${HOME}/x`); everything else, blanks, quotes, globs and command substitutions, is taken literally.
pub(crate) fn remote_path(path: &str) -> String {
    let tilde = match path.split_once('/') {
        Some((first, _)) if is_tilde(first) => first,
        None if is_tilde(path) => path,
        _ => "",
    };
    if tilde == path {
        return tilde.to_owned();
    }
    if !tilde.is_empty() {
        // The slash stays outside: a quoted one would make the user's name a part of the file's.
        return format!("{tilde}/\"{}\"", in_double_quotes(&path[tilde.len() + 1..]));
    }
    // A path that begins with `-` would be read as an option by the commands it is given to.
    let dash = if path.starts_with('-') { "./" } else { "" };
    format!("\"{dash}{}\"", in_double_quotes(path))
}

/// Quotes a text so that a POSIX shell takes it literally.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn is_tilde(first: &str) -> bool {
    first.strip_prefix('~').is_some_and(|user| user.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)))
}

fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let expands = c == '$' && rest.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == '_' || *next == '{');
        if matches!(c, '"' | '\\' | '`') || (c == '$' && !expands) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, quoted: &str) {
        assert_eq!(remote_path(path), quoted, "{path}");
    }

    #[test]
    fn paths_are_literal_but_for_tilde_and_variables() {
        check("/tmp/a b", r#""/tmp/a b""#);
        check("~/a b", r#"~/"a b""#);
        check("~/", r#"~/"""#);
        check("~ec2-user/x", r#"~ec2-user/"x""#);
        check("~", "~");
        check("a~b", r#""a~b""#);
        check("$HOME/x", r#""$HOME/x""#);
        check("/a$(reboot)`id`", r#""/a\$(reboot)\`id\`""#);
        check(r#"/a"b\c"#, r#""/a\"b\\c""#);
        check("-rf", r#""./-rf""#);
        check("/tmp/*.sh", r#""/tmp/*.sh""#);
    }

    /// What a shell makes of it is what counts.
    #[track_caller]
    fn check_shell(path: &str, seen: &str) {
        let script = format!("HOME=/home/me; DIR='a  b'; printf %s {}", remote_path(path));
        let said = std::process::Command::new("/bin/sh").args(["-c", &script]).output().map(|output| output.stdout);
        assert_eq!(said.map(|text| String::from_utf8_lossy(&text).into_owned()).ok().as_deref(), Some(seen), "{path}");
    }

    #[test]
    fn a_shell_reads_the_path_as_it_is_meant() {
        check_shell("~/a b", "/home/me/a b");
        check_shell("~", "/home/me");
        check_shell("~/", "/home/me/");
        check_shell("~root/x", "/root/x");
        check_shell("$HOME/$DIR/${DIR}", "/home/me/a  b/a  b");
        check_shell("/tmp/it's \"1\" \\ `id` $(id) $1 *", "/tmp/it's \"1\" \\ `id` $(id) $1 *");
        check_shell("-n", "./-n");
    }

    #[test]
    fn literal_text_survives_quotes() {
        assert_eq!(literal("it's $HOME"), r"'it'\''s $HOME'");
    }
}
