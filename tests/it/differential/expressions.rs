//! Template strings out of the language's grammar: mostly right, sometimes of the wrong type, sometimes damaged.

use super::random::Random;

/// User variables that every generated text may read, as name and value.
pub const USER: [(&str, &str); 7] = [
    ("region", "us-east-2"),
    ("list", "a,b,,c"),
    ("empty", ""),
    ("unicode", "Ünï ß \u{1F600} é"),
    ("quotes", "it's \"<&>\" `b` \\ %d"),
    ("number", "42"),
    ("spaces", "  x\ty  "),
];

/// What may stand in a generated text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// No line breaks: for a console that reads lines.
    Single,
    /// Line breaks in text, in raw strings and between words.
    Many,
}

/// Makes template strings.
pub struct Expressions<'r> {
    random: &'r mut Random,
    lines: Lines,
    /// Variables in sight.
    scope: Vec<String>,
    in_range: bool,
    templates: Vec<String>,
}

impl<'r> Expressions<'r> {
    pub fn new(random: &'r mut Random, lines: Lines) -> Self {
        Self { random, lines, scope: Vec::new(), in_range: false, templates: Vec::new() }
    }

    /// One whole text.
    pub fn text(&mut self) -> String {
        self.scope.clear();
        self.templates.clear();
        self.in_range = false;
        let text = self.pieces(4, 3);
        if self.random.one_in(6) { self.damaged(&text) } else { text }
    }

    fn pieces(&mut self, most: usize, depth: usize) -> String {
        let visible = self.scope.len();
        let count = 1 + self.random.below(most);
        let out = (0..count).map(|_| self.piece(depth)).collect();
        self.scope.truncate(visible);
        out
    }

    fn piece(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 13 } else { 20 }) {
            0..=3 => self.plain(),
            4 => self.comment(),
            5 => self.declaration(depth),
            6 if self.in_range => {
                let word = self.random.of(&["break", "continue"]);
                self.action(word)
            }
            6..=12 => {
                let pipeline = self.pipeline(depth + 1);
                self.action(&pipeline)
            }
            13 | 14 => self.conditional("if", depth - 1),
            15 => self.conditional("with", depth - 1),
            16 => self.range(depth - 1),
            17 => self.define(depth - 1),
            18 => self.invoke(depth),
            _ => self.block(depth - 1),
        }
    }

    fn plain(&mut self) -> String {
        const SINGLE: [&str; 22] = [
            "a",
            " ",
            "  x ",
            "}}",
            "{",
            "}",
            "\\",
            "\"",
            "'",
            "$",
            "${HOME}",
            "$(id)",
            "`x`",
            "cat <<EOF >> f",
            "<<< x",
            "<<-E",
            "é",
            "\u{1F600}",
            "\t",
            "C:\\Temp\\n",
            "%s",
            "#",
        ];
        const MANY: [&str; 4] = ["\n", " \n ", "\r\n", "\n\t"];
        if self.lines == Lines::Many && self.random.one_in(3) {
            return self.random.of(&MANY).to_owned();
        }
        self.random.of(&SINGLE).to_owned()
    }

    fn comment(&mut self) -> String {
        let inside = self.random.of(&["", " x ", "{{upper `a`}}", "\"", "}", "*"]);
        let (open, close) = (self.random.of(&["{{", "{{- "]), self.random.of(&["}}", " -}}"]));
        format!("{open}/*{inside}*/{close}")
    }

    /// An action with any of the delimiters' forms.
    fn action(&mut self, inside: &str) -> String {
        let open = self.random.of(&["{{", "{{", "{{ ", "{{- ", "{{-  "]);
        let close = self.random.of(&["}}", "}}", " }}", " -}}", "  -}}"]);
        format!("{open}{inside}{close}")
    }

    fn blank(&mut self) -> String {
        if self.lines == Lines::Many && self.random.one_in(40) { "\n".into() } else { self.random.of(&[" ", " ", " ", "  ", "\t"]).into() }
    }

    fn declaration(&mut self, depth: usize) -> String {
        let value = self.pipeline(depth);
        if !self.scope.is_empty() && self.random.one_in(3) {
            let name = self.scope[self.random.below(self.scope.len())].clone();
            return self.action(&format!("{name} = {value}"));
        }
        let name = self.random.of(&["$x", "$y", "$long_name", "$é", "$X1"]).to_owned();
        let action = self.action(&format!("{name} := {value}"));
        self.scope.push(name);
        action
    }

    fn conditional(&mut self, word: &str, depth: usize) -> String {
        let visible = self.scope.len();
        let mut condition = self.pipeline(depth);
        if self.random.one_in(5) {
            condition = format!("$c := {condition}");
            self.scope.push("$c".into());
        }
        let mut out = self.action(&format!("{word} {condition}"));
        out += &self.pieces(2, depth);
        if word == "if" && self.random.one_in(3) {
            let other = self.pipeline(depth);
            out += &self.action(&format!("else if {other}"));
            out += &self.pieces(2, depth);
        }
        if self.random.one_in(2) {
            out += &self.action("else");
            out += &self.pieces(2, depth);
        }
        self.scope.truncate(visible);
        out + &self.action("end")
    }

    /// There are no lists in a template's data, so most of these take their `else`.
    fn range(&mut self, depth: usize) -> String {
        let visible = self.scope.len();
        let subject = self.random.of(&[".", ".Nope", "$", "`text`", "true", "nil", "(user `region`)", "1.5", "(.A)", "$.B.C"]);
        let targets = self.random.of(&["", "", "$e := ", "$i, $e := "]);
        self.scope.extend(targets.split([',', ' ']).filter(|word| word.starts_with('$')).map(str::to_owned));
        let mut out = self.action(&format!("range {targets}{subject}"));
        let outer = std::mem::replace(&mut self.in_range, true);
        out += &self.pieces(2, depth);
        self.in_range = outer;
        if self.random.one_in(2) {
            out += &self.action("else");
            out += &self.pieces(2, depth);
        }
        self.scope.truncate(visible);
        out + &self.action("end")
    }

    fn define(&mut self, depth: usize) -> String {
        let name = self.random.of(&["T", "U", "a b", "root"]).to_owned();
        let body = self.body(depth);
        let define = self.action(&format!("define {name:?}"));
        self.templates.push(name);
        define + &body + &self.action("end")
    }

    fn block(&mut self, depth: usize) -> String {
        let name = self.random.of(&["B", "T", "C d"]).to_owned();
        let argument = self.pipeline(depth);
        let body = self.body(depth);
        let block = self.action(&format!("block {name:?} {argument}"));
        self.templates.push(name);
        block + &body + &self.action("end")
    }

    /// A list that sees no variables but its own.
    fn body(&mut self, depth: usize) -> String {
        let (scope, in_range) = (std::mem::take(&mut self.scope), std::mem::replace(&mut self.in_range, false));
        let body = self.pieces(2, depth);
        (self.scope, self.in_range) = (scope, in_range);
        body
    }

    fn invoke(&mut self, depth: usize) -> String {
        let name = match self.templates.len() {
            0 => self.random.of(&["T", "none"]).to_owned(),
            count => self.templates[self.random.below(count)].clone(),
        };
        let argument = if self.random.one_in(3) { String::new() } else { self.pipeline(depth) };
        self.action(&format!("template {name:?} {argument}"))
    }

    fn pipeline(&mut self, depth: usize) -> String {
        match self.random.below(6) {
            0 | 1 if depth > 0 => self.piped(depth - 1),
            2 if depth > 0 => self.boolean(depth - 1),
            3 => self.number(depth.saturating_sub(1)),
            _ => self.string(depth.saturating_sub(1)),
        }
    }

    fn piped(&mut self, depth: usize) -> String {
        let mut out = if self.random.one_in(4) { self.number(depth) } else { self.string(depth) };
        for _ in 0..=self.random.below(2) {
            let blank = self.blank();
            let stage = match self.random.below(14) {
                0 | 1 => "upper".into(),
                2 => "lower".into(),
                3 => format!("replace_all {} {}", self.literal(), self.literal()),
                4 => format!("replace {} {} {}", self.literal(), self.literal(), self.integer()),
                5 => format!("printf {}", self.format()),
                6 => self.random.of(&["print", "println", "html", "js", "urlquery"]).into(),
                7 => self.random.of(&["len", "not", "or ``", "and true", "eq `a`", "ne 1"]).into(),
                8 => self.random.of(&["isotime", "strftime", "user", "timestamp", "pwd", "env", "split `a,b` `,`", "index `abc`"]).into(),
                9 => self.random.of(&["`x`", "1", ".", "nil", ".A", "$", "$.B", "true", "(upper)", "nosuch"]).into(),
                10 => self.string(0),
                _ => self.random.of(&["upper", "print", "printf `%v`", "printf `%q`", "printf `%s-%s` `a`"]).into(),
            };
            out = if self.random.one_in(6) { format!("{out}|{stage}") } else { format!("{out}{blank}| {stage}") };
        }
        out
    }

    /// An operand: nested calls in parentheses.
    fn operand(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0..=5 => self.literal(),
            6 => self.constant(),
            7 if !self.scope.is_empty() => self.scope[self.random.below(self.scope.len())].clone(),
            8 => self.random.of(&[".", "$", ".A", ".A.B", "$.A", "nil", "true", "timestamp", "(print).A"]).to_owned(),
            _ if depth > 0 => format!("({})", self.pipeline(depth - 1)),
            _ => self.literal(),
        }
    }

    fn string(&mut self, depth: usize) -> String {
        let b = self.blank();
        match self.random_kind() {
            0..=2 => self.literal(),
            3..=5 => format!("user{b}{}", self.variable_name()),
            6 => format!("upper{b}{}", self.operand(depth)),
            7 => format!("lower{b}{}", self.operand(depth)),
            8 => format!("replace_all{b}{} {} {}", self.operand(depth), self.operand(depth), self.operand(depth)),
            9 => format!("replace {} {} {}{b}{}", self.literal(), self.literal(), self.integer(), self.operand(depth)),
            10 => format!("split{b}{} {} {}", self.operand(depth), self.literal(), self.integer()),
            11 | 12 => {
                let count = self.random.below(3);
                let arguments: Vec<String> = (0..count).map(|_| self.operand(depth)).collect();
                format!("printf{b}{} {}", self.format(), arguments.join(" "))
            }
            13 => format!("print{b}{} {}", self.operand(depth), self.operand(depth)),
            14 => format!("{} {}{b}{}", self.random.of(&["println", "html", "js", "urlquery"]), self.operand(depth), self.operand(depth)),
            15 => format!("isotime{b}{}", self.layout()),
            16 => format!("strftime{b}{}", self.directives()),
            17 => format!("slice {} {} {}", self.operand(depth), self.integer(), self.integer()),
            18 => self.random.of(&["timestamp", "isotime", "pwd", "template_dir", "build_name", "env `HOME`", "sed `a` `b`"]).to_owned(),
            19 => format!(
                "{} {}",
                self.random.of(&["upper", "split", "len", "isotime", "call", "index", "eq", "clean_ami_name"]),
                operand_list(self, depth)
            ),
            20 => {
                self.random.of(&["vault `a` `b`", "consul_key `a`", "build `ID`", "build_type", "env 1", "user", "user `a` `b`"]).to_owned()
            }
            _ => self.operand(depth),
        }
    }

    fn random_kind(&mut self) -> usize {
        self.random.below(23)
    }

    fn boolean(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0 => format!("not {}", self.operand(depth)),
            1 => format!("{} {} {}", self.random.of(&["and", "or"]), self.operand(depth), self.operand(depth)),
            2 => format!("eq {} {} {}", self.operand(depth), self.operand(depth), self.operand(depth)),
            3 | 4 => format!("{} {} {}", self.random.of(&["eq", "ne"]), self.operand(depth), self.operand(depth)),
            5 => format!("{} {} {}", self.random.of(&["lt", "le", "gt", "ge"]), self.literal(), self.literal()),
            6 => format!("{} {} {}", self.random.of(&["lt", "le", "gt", "ge"]), self.constant(), self.constant()),
            _ => self.random.of(&["true", "false"]).to_owned(),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => format!("len {}", self.operand(depth)),
            1 => format!("index {} {}", self.operand(depth), self.integer()),
            _ => self.constant(),
        }
    }

    fn constant(&mut self) -> String {
        const CONSTANTS: [&str; 56] = [
            "1_0.5",
            "1_.5",
            "0_1.5",
            "0x_1p4",
            "0x1.8",
            "0x1p-2",
            "1e+1_0",
            "-0",
            "-0.0",
            "1.e3",
            "+9223372036854775808",
            "0x1.fffffffffffffffp3",
            "0",
            "1",
            "-1",
            "+7",
            "42",
            "017",
            "0o17",
            "0x1F",
            "0XfF",
            "0b101",
            "1_000",
            "0x_ff",
            "08",
            "1__0",
            "_1",
            "1_",
            "1.5",
            "-2.25",
            ".5",
            "1.",
            "1e3",
            "1E-7",
            "1e21",
            "1e20",
            "123456789.0",
            "0x1p4",
            "0x.8p1",
            "1e400",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551616",
            "'a'",
            "'\\n'",
            "'\\''",
            "'é'",
            "'\\u00e9'",
            "'ab'",
            "''",
            "'\\x41'",
            "0x",
            "1x",
            "100000.0",
            "0.0001",
        ];
        self.random.of(&CONSTANTS).to_owned()
    }

    fn integer(&mut self) -> String {
        self.random.of(&["0", "0", "1", "1", "2", "3", "-1", "100", "'\\x01'", "1.0", "1.5", "`a`", "nil", "(len `ab`)"]).to_owned()
    }

    fn literal(&mut self) -> String {
        const QUOTED: [&str; 34] = [
            "\"\"",
            "\"a\"",
            "\"a b\"",
            "\"a\\nb\"",
            "\"\\t\\\"\\\\\"",
            "\"\\x41\\u00e9\\U0001F600\"",
            "\"\\101\"",
            "\"é\u{1F600}\"",
            "\"{{\"",
            "\"}}\"",
            "\"a-b-c\"",
            "\"\\q\"",
            "\"\\x4\"",
            "\"'\"",
            "\"\\'\"",
            "``",
            "`a`",
            "`a b`",
            "`\\n`",
            "`\"`",
            "`{{x}}`",
            "`us-east-1`",
            "`é`",
            "`,`",
            "`-`",
            "`ABC`",
            "`a,b,c`",
            "`<&>'\"`",
            "`%d`",
            "`$x`",
            "`0`",
            "\"\\a\\b\\f\\v\\r\"",
            "\"\\ud800\"",
            "`ǅ ﬁ İ ı ſ Σς`",
        ];
        if self.lines == Lines::Many && self.random.one_in(12) {
            return self.random.of(&["`a\nb`", "`\n`", "`a\r\nb`", "\"a\nb\""]).to_owned();
        }
        self.random.of(&QUOTED).to_owned()
    }

    fn variable_name(&mut self) -> String {
        if self.random.one_in(12) {
            return self.random.of(&["`nope`", "``", "\"region \"", "`REGION`", "(print `region`)"]).to_owned();
        }
        let (name, _) = USER[self.random.below(USER.len())];
        if self.random.one_in(2) { format!("`{name}`") } else { format!("\"{name}\"") }
    }

    fn format(&mut self) -> String {
        let flags = self.random.of(&["", "", "", "", "-", "+", "#", " ", "0", "+-", "#0", "0-"]);
        let width = self.random.of(&["", "", "", "5", "12", "1", "*", "70000"]);
        let precision = self.random.of(&["", "", "", ".2", ".0", ".", ".10", ".*"]);
        let verb = self.random.of(&[
            "v", "v", "s", "s", "d", "q", "x", "X", "t", "T", "f", "e", "g", "G", "E", "F", "b", "c", "o", "O", "U", "p", "w", "z", "",
            "%", "é", "!",
        ]);
        let argument = self.random.of(&["", "", "", "", "", "", "[1]", "[2]", "[x]", "["]);
        let after = self.random.of(&["", "", "", "-%s", "%", "%%", " %v", "é"]);
        format!("`{}%{flags}{argument}{width}{precision}{verb}{after}`", self.random.of(&["", "", "a", "é "]))
    }

    fn layout(&mut self) -> String {
        const PARTS: [&str; 40] = [
            "2006",
            "06",
            "01",
            "1",
            "January",
            "Jan",
            "02",
            "2",
            "_2",
            "002",
            "__2",
            "15",
            "03",
            "3",
            "04",
            "4",
            "05",
            "5",
            "PM",
            "pm",
            "Monday",
            "Mon",
            "MST",
            "Z07:00",
            "Z0700",
            "Z07",
            "-07:00",
            "-0700",
            "-07",
            "-070000",
            "Z07:00:00",
            "Z070000",
            "-",
            ":",
            " ",
            "T",
            "x",
            "_2006",
            "0",
            "Janx",
        ];
        let count = 1 + self.random.below(5);
        let parts: String = (0..count).map(|_| self.random.of(&PARTS)).collect();
        format!("`{parts}`")
    }

    fn directives(&mut self) -> String {
        let directives = "YymdHIMSpBbAaZz%eTFjnsEuwCDGghUVWXckrt";
        let count = 1 + self.random.below(4);
        let mut out = String::from("`");
        for _ in 0..count {
            let at = self.random.below(directives.len());
            out.push('%');
            out.push_str(&directives[at..=at]);
            out.push_str(self.random.of(&["", "-", " x", "é"]));
        }
        out.push_str(self.random.of(&["", "", "%"]));
        out + "`"
    }

    /// One character taken away, doubled, or put in.
    fn damaged(&mut self, text: &str) -> String {
        const EXTRA: [&str; 34] = [
            "{", "}", "{{", "}}", "\"", "`", "'", "(", ")", "|", ".", "$", ":", "=", ":=", ",", "-", " ", "\\", "/*", "*/", "#", "é", "1",
            "a", "end", "{{end}}", "{{else}}", "nil", "\u{a0}", "{{-", "-}}", "\t", "%",
        ];
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = self.random.below(cuts.len());
        let next = cuts.get(at + 1).copied().unwrap_or(text.len());
        let (before, after) = (&text[..cuts[at]], &text[cuts[at]..]);
        match self.random.below(4) {
            0 => format!("{before}{}", &text[next..]),
            1 => before.to_owned(),
            _ => format!("{before}{}{after}", self.random.of(&EXTRA)),
        }
    }
}

fn operand_list(expressions: &mut Expressions<'_>, depth: usize) -> String {
    let count = expressions.random.below(3);
    let operands: Vec<String> = (0..count).map(|_| expressions.operand(depth)).collect();
    operands.join(" ")
}
