//! Go's quoted constants: to text and back.

/// The text of a `"..."` or `'...'` constant with its quotes; None where an escape is wrong or the bytes are no UTF-8.
pub(crate) fn unquote(constant: &str) -> Option<String> {
    let quote = constant.chars().next()?;
    let mut rest = constant.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.chars().next()?;
        rest = &rest[escape.len_utf8()..];
        let mut digits = |count: usize, radix: u32| {
            let (digits, after) = rest.split_at_checked(count)?;
            rest = after;
            u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
        };
        match escape {
            'x' => bytes.push(u8::try_from(digits(2, 16)?).ok()?),
            'u' => bytes.extend_from_slice(char::from_u32(digits(4, 16)?)?.encode_utf8(&mut [0; 4]).as_bytes()),
            'U' => bytes.extend_from_slice(char::from_u32(digits(8, 16)?)?.encode_utf8(&mut [0; 4]).as_bytes()),
            '0'..='7' => {
                let low = digits(2, 8)?;
                bytes.push(u8::try_from(escape.to_digit(8)? * 64 + low).ok()?);
            }
            escape => bytes.push(simple_escape(escape, quote)?),
        }
    }
    String::from_utf8(bytes).ok()
}

fn simple_escape(escape: char, quote: char) -> Option<u8> {
    Some(match escape {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => u8::try_from(quote).ok()?,
        _ => return None,
    })
}

/// `%q`: the text as a Go constant; `ascii` is `%+q`.
pub(crate) fn quote(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            c => push_quoted(&mut out, c, ascii),
        }
    }
    out.push('"');
    out
}

/// `%q` of a number: the character as a Go constant.
pub(crate) fn quote_char(c: char, ascii: bool) -> String {
    let mut out = String::from("'");
    match c {
        '\'' => out.push_str("\\'"),
        c => push_quoted(&mut out, c, ascii),
    }
    out.push('\'');
    out
}

fn push_quoted(out: &mut String, c: char, ascii: bool) {
    let code = u32::from(c);
    match c {
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if code < 0x20 || code == 0x7f => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if (ascii && !c.is_ascii()) || is_unprintable(c) => {
            out.push_str(&if code > 0xffff { format!("\\U{code:08x}") } else { format!("\\u{code:04x}") });
        }
        c => out.push(c),
    }
}

/// Close to Go's idea: control and format characters, and every space but the blank.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || (c != ' ' && c.is_whitespace())
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}
