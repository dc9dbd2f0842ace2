//! Go's way of writing flags, turned into clap's.
//!
//! Packer takes one dash or two, `-name value` or `-name=value`, and booleans as `-name` or `-name=false`. Its flags end at the first
//! argument; here they may stand behind the template as well. Which flags a command has is read from its clap definition.

use clap::{Arg, ArgAction, Command};

use super::usage::UsageError;

/// The words of a command line, as clap wants them: `--name=value` for each flag, then `--` and the arguments.
///
/// # Errors
/// An unknown flag, a missing value, a boolean that is none; in Packer's words.
pub fn normalise(command: &Command, words: &[String]) -> Result<Vec<String>, UsageError> {
    let mut flags = Vec::new();
    let mut arguments = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            arguments.extend(words.by_ref().cloned());
        } else if let Some(flag) = flag_text(word) {
            read_flag(command, flag, &mut words, &mut flags)?;
        } else {
            arguments.push(word.clone());
        }
    }
    flags.push("--".to_owned());
    flags.extend(arguments);
    Ok(flags)
}

/// What follows the dashes; None for an argument (`-` alone is standard input).
fn flag_text(word: &str) -> Option<&str> {
    let text = word.strip_prefix('-')?;
    let text = text.strip_prefix('-').unwrap_or(text);
    (!text.is_empty()).then_some(text)
}

fn read_flag<'w>(
    command: &Command,
    text: &str,
    words: &mut impl Iterator<Item = &'w String>,
    flags: &mut Vec<String>,
) -> Result<(), UsageError> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    if matches!(name, "h" | "help") {
        flags.push("-h".to_owned());
        return Ok(());
    }
    let Some(arg) = command.get_arguments().find(|arg| arg.get_long() == Some(name)) else {
        let known = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long);
        return Err(UsageError::unknown_flag(name, known));
    };
    if is_switch(arg) {
        let on = value.map_or(Ok(true), |value| go_bool(name, value))?;
        set_switch(arg, name, on, flags);
        return Ok(());
    }
    let value = match value {
        Some(value) => value,
        None => words.next().ok_or_else(|| UsageError::new(format!("flag needs an argument: -{name}")))?,
    };
    flags.push(format!("--{name}={value}"));
    Ok(())
}

/// Go's booleans take their value only behind an equals sign. `require_equals` marks those whose default is not `false`.
fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue) || arg.is_require_equals_set()
}

/// The last one wins.
fn set_switch(arg: &Arg, name: &str, on: bool, flags: &mut Vec<String>) {
    if arg.is_require_equals_set() {
        flags.push(format!("--{name}={on}"));
        return;
    }
    let flag = format!("--{name}");
    flags.retain(|earlier| *earlier != flag);
    if on {
        flags.push(flag);
    }
}

/// Go's `strconv.ParseBool`.
fn go_bool(name: &str, value: &str) -> Result<bool, UsageError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(UsageError::new(format!("invalid boolean value {value:?} for -{name}: parse error"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test")]

    use clap::CommandFactory;

    use super::super::args::Cli;
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let cli = Cli::command();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let answer = normalise(cli.find_subcommand("build").unwrap(), &words);
        let answer = answer.map(|flags| flags.join(" ")).map_err(|error| error.to_string());
        assert_eq!(answer.as_deref().map_err(String::as_str), expected, "{line}");
    }

    #[test]
    fn takes_one_dash_or_two() {
        check("-var a=b --var c=d t.json", Ok("--var=a=b --var=c=d -- t.json"));
        check("-var-file=f --var-file g t.json", Ok("--var-file=f --var-file=g -- t.json"));
        check("-only=a,b -only c t.json", Ok("--only=a,b --only=c -- t.json"));
        check("-var -force t.json", Ok("--var=-force -- t.json"));
    }

    #[test]
    fn takes_go_booleans() {
        check("-force t.json", Ok("--force -- t.json"));
        check("-force=1 t.json", Ok("--force -- t.json"));
        check("-force -force=false t.json", Ok("-- t.json"));
        check("-color=false t.json", Ok("--color=false -- t.json"));
        check("-color=F t.json", Ok("--color=false -- t.json"));
        check("-color t.json", Ok("--color=true -- t.json"));
        check("-color=x t.json", Err("invalid boolean value \"x\" for -color: parse error"));
    }

    #[test]
    fn finds_the_arguments() {
        check("-", Ok("-- -"));
        check("t.json -force", Ok("--force -- t.json"));
        check("-force -- -t.json -var", Ok("--force -- -t.json -var"));
        check("t.json -h", Ok("-h -- t.json"));
    }

    #[test]
    fn says_what_is_wrong_in_packers_words() {
        check("-x t.json", Err("flag provided but not defined: -x"));
        check("--x=3 t.json", Err("flag provided but not defined: -x"));
        check("-var-file", Err("flag needs an argument: -var-file"));
    }
}
