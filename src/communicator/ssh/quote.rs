//! Paths on a remote command line.

/// Quotes a remote path for the guest's login shell. As with Packer's scp, the shell still expands a leading `~` or `~user` and
/// variables (`$HOME/x`, `${HOME}/x`); everything else, blanks, quotes, globs and command substitutions, is taken literally.
pub(super) fn remote_path(path: &str) -> String {
    let tilde = match path.split_once('/') {
        Some((first, _)) if is_tilde(first) => first,
        None if is_tilde(path) => path,
        _ => "",
    };
    let rest = &path[tilde.len()..];
    if rest.is_empty() {
        return tilde.to_owned();
    }
    // A path that begins with `-` would be read as an option by the commands it is given to.
    let dash = if tilde.is_empty() && rest.starts_with('-') { "./" } else { "" };
    format!("{tilde}\"{dash}{}\"", in_double_quotes(rest))
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
        check("~/a b", r#"~"/a b""#);
        check("~ec2-user/x", r#"~ec2-user"/x""#);
        check("~", "~");
        check("a~b", r#""a~b""#);
        check("$HOME/x", r#""$HOME/x""#);
        check("/a$(reboot)`id`", r#""/a\$(reboot)\`id\`""#);
        check(r#"/a"b\c"#, r#""/a\"b\\c""#);
        check("-rf", r#""./-rf""#);
        check("/tmp/*.sh", r#""/tmp/*.sh""#);
    }

    #[test]
    fn literal_text_survives_quotes() {
        assert_eq!(literal("it's $HOME"), r"'it'\''s $HOME'");
    }
}
