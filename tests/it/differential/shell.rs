//! Shell text as scripts have it, above all heredocs whose words are names of our functions. It holds nothing to render.

use amibake_template::lang::function_names;

use super::random::Random;

/// Some lines of a script.
pub fn script(random: &mut Random) -> String {
    let newline = random.of(&["\n", "\n", "\r\n"]).to_owned();
    let start = random.of(&["", "", "\u{feff}", "#!/bin/sh\n"]).to_owned();
    (0..=random.below(4)).fold(start, |text, _| text + &line(random, &newline) + &newline)
}

fn line(random: &mut Random, newline: &str) -> String {
    if random.one_in(3) {
        return random.of(&LINES).to_owned();
    }
    let names: Vec<&str> = function_names().chain(["EOF", "END_1", "file"]).collect();
    let name = names[random.below(names.len())];
    let word = match random.below(6) {
        0 => format!("'{name}'"),
        1 => format!("\"{name}\""),
        2 => format!("\\{name}"),
        _ => name.to_owned(),
    };
    let command = random.of(&["cat ", "cat", "sudo tee /etc/x ", "while read -r l; do :; done ", "$(cat ", "3"]);
    let open = random.of(&["<<", "<<", "<<-", "<< ", "<<<", "<<\t"]);
    let arguments: String = (0..random.below(3)).map(|_| format!(" {}", random.of(&ARGUMENTS))).collect();
    let target = random.of(&["", " >>f", " >> f", ">> f", " > f", " 2>>log", "2>>log", "|tee -a>>f", " | sort>>f", " >>f 2>&1", ";"]);
    let body = random.of(&["x", "\t$x ${y} $(z) `w`", "{\"a\": {\"b\": []}}", ">>", "<<"]);
    let heredoc = format!("{command}{open}{word}{arguments}{target}{newline}{body}{newline}");
    // Without its end, `cat <<uuid>> f` reads as a function: docs/compatibility.md says so.
    if random.one_in(4) && target != ">> f" { heredoc } else { heredoc + name }
}

const ARGUMENTS: [&str; 10] = ["a", "$x", "'a'", "-", "2>&1", "./f", "${HOME}/x", "1", "&&", "/dev/null"];

const LINES: [&str; 16] = [
    "echo ${a:-b} $(c) `d` $((1<<2))",
    "read -r a <<< \"$b\"",
    "x=$(cat <<'EOF'\n\"q\" \\ 'r'\nEOF\n)",
    "echo \"{\\\"a\\\": {\\\"b\\\": {}}}\" >> f",
    "printf '%s\\n' \"$@\" >>f",
    "C:\\Windows\\System32\\cmd.exe /c \"dir\" >> C:\\log.txt",
    "awk '{ print $1 }' <f >>g",
    "[ $a -lt 3 ] && { echo x; } || true",
    "ünï ☃ 😀 \u{a0}\u{2028}",
    "a <<b>> c; << >>; <<>>; <<<>>>",
    "cout << user << \"x\" >> y;",
    "std::cin >> len >> print;",
    "# <<user>> <<env>> <<vault>> <<build>>",
    "sed -e 's/<</>>/' -e \"s/>>/<</\"",
    "\t  trailing  ",
    "}} { { } }",
];
