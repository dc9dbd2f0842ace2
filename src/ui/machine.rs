//! The lines of `-machine-readable`: `UNIXTIME,TARGET,TYPE,DATA[,DATA...]`.

/// One line, without its line feed.
pub fn line(unix_seconds: i64, target: &str, kind: &str, data: &[impl AsRef<str>]) -> String {
    let mut line = format!("{unix_seconds},{target},{kind}");
    for datum in data {
        line.push(',');
        line.push_str(&escape(datum.as_ref()));
    }
    line
}

/// Packer escapes commas and line ends in data, and nothing else.
fn escape(datum: &str) -> String {
    datum.replace(',', "%!(PACKER_COMMA)").replace('\r', "\\r").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &str, kind: &str, data: &[&str], expected: &str) {
        assert_eq!(line(1_795_229_962, target, kind, data), format!("1795229962,{expected}"));
    }

    #[test]
    fn escapes_as_packer_does() {
        check("", "ui", &["message", "    bad: hi, there"], ",ui,message,    bad: hi%!(PACKER_COMMA) there");
        check("", "ui", &["say", "\n==> Wait\r"], ",ui,say,\\n==> Wait\\r");
        check("good", "artifact", &["0", "end"], "good,artifact,0,end");
        check("", "ui", &["say", "100% \\n \"x\""], ",ui,say,100% \\n \"x\"");
    }

    #[test]
    fn data_may_be_empty() {
        check("", "template-variable", &["req", "", "1"], ",template-variable,req,,1");
        check("", "error-count", &[], ",error-count");
    }
}
