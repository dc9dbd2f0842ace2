//! The template language: text in, text out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

use std::collections::BTreeMap;

use amibake_template::lang::{
    Context, Host, LangError, Scope, Template, function_names, placeholders, render_again_until_stable, render_until_stable,
};
use serde_json::{Value, json};

/// A world in which every test renders; each changes what it is about.
struct World {
    host: Host,
    scope: Scope,
    user: BTreeMap<String, String>,
    data: Value,
    strict_data: bool,
    build_data: Option<BTreeMap<String, String>>,
}

impl Default for World {
    fn default() -> Self {
        let user = [("region", "us-east-2"), ("empty", ""), ("list", "a,b")];
        let host = Host {
            env: [("HOME".to_owned(), "/root".to_owned())].into(),
            cwd: "/work dir".into(),
            template_dir: "/templates".into(),
            started_unix_nanos: 1_795_231_468_280_000_000,
            packer_version: "1.6.6".into(),
            ..Host::default()
        };
        Self {
            host,
            scope: Scope::Component { amazon: true },
            user: user.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            data: Value::Null,
            strict_data: false,
            build_data: None,
        }
    }
}

impl World {
    fn context(&self) -> Context<'_> {
        Context {
            host: &self.host,
            scope: self.scope,
            user: &self.user,
            build: matches!(self.scope, Scope::Component { .. }).then_some(("flask", "amazon-ebs")),
            data: &self.data,
            strict_data: self.strict_data,
            build_data: self.build_data.as_ref(),
        }
    }

    fn render(&self, text: &str) -> Result<String, LangError> {
        Template::compile(text)?.render(&self.context())
    }

    #[track_caller]
    fn check(&self, text: &str, expected: &str) {
        assert_eq!(self.render(text).as_deref(), Ok(expected), "{text}");
    }

    /// The reason, and the part of the text that it points at.
    #[track_caller]
    fn fails(&self, text: &str, at: &str, reason: &str) {
        let error = self.render(text).expect_err(text);
        assert_eq!((error.reason.as_str(), &text[error.range.clone()]), (reason, at), "{text}");
    }

    #[track_caller]
    fn helps(&self, text: &str, help: &str) {
        assert_eq!(self.render(text).expect_err(text).help.as_deref(), Some(help), "{text}");
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    World::default().check(text, expected);
}

#[track_caller]
fn fails(text: &str, at: &str, reason: &str) {
    World::default().fails(text, at, reason);
}

#[track_caller]
fn untouched(text: &str) {
    assert!(!Template::has_actions(text), "{text}");
    check(text, text);
}

#[test]
fn native_spelling_is_the_same_language() {
    check("<<timestamp>>", "1795231468");
    check("a<<timestamp>>b", "a1795231468b");
    check("a <<timestamp>> b\ntimestamps\n", "a 1795231468 b\ntimestamps\n");
    check("<<user \"region\">>", "us-east-2");
    check("<<user `region`>>", "us-east-2");
    check("<<isotime \"2006-01-02\">>", "2026-11-21");
    check("<<user `region` | upper | printf \"%s!\">>", "US-EAST-2!");
    check("<<upper (user `region`)>>", "US-EAST-2");
    check("<<split \"a-b\" \"-\" 1>><<replace `a` `b` -1 (user \"region\")>>", "bus-ebst-2");
    check("<<upper build_name>>", "FLASK");
    check("<<print \">>\">>", ">>");
    check("<<user `region`>>-{{user `region`}}", "us-east-2-us-east-2");
    check("flask_server_ami_<<isotime | replace_all `:` `-`>>", "flask_server_ami_2026-11-21T03-24-28Z");
}

#[test]
fn shell_text_passes_byte_for_byte() {
    untouched("cat <<EOF >> f");
    untouched("cat <<-EOF >>f\n\tx\nEOF");
    untouched("cat <<'EOF' >> /etc/motd");
    untouched("cat <<\"user\" >> f");
    untouched("read x <<< \"$y\" >> z");
    untouched("cat <<<timestamp>>f");
    untouched("cat <<user\nx\nuser");
    untouched("cat <<user\nx >> y\nuser");
    untouched("cat <<username >> f");
    untouched("cat <<timestamps>>f");
    untouched("echo $((1<<4)) >> f");
    untouched("cat <<-timestamp>>f");
    untouched("cat <<uuid >>f");
    untouched("cat << uuid>>f");
    untouched("cat << uuid >> f");
    untouched("cat <<env>> c");
    untouched("cat <<replace>>f");
    untouched("cat <<html>>index.html");
    untouched("cat <<html 2>>log");
    untouched("cat <<index 1>>log");
    untouched("cat <<print \"$x\" >>f");
    untouched("cat << user `region` >>");
    untouched("cat <<user 'x'>>f");
    untouched("cat <<user $x>>f");
    untouched("cat <<user .x>>f");
    untouched("cat <<user \"a\" b>>f");
    untouched("cat <<user \"a\" \"b\">>f");
    untouched("cat <<user \"\\q\">>f");
    untouched("cat <<user \"a\n\">>f");
    untouched("cat <<user `a\n`>>f");
    untouched("cat <<user \"a\"\n>>f");
    untouched("cat <<user >>f \"a\">>");
    untouched("cat <<user 5>>f");
    untouched("cat <<split \"a\" \"b\" \"c\">>f");
    untouched("cat <<uuid | sort>>f");
    untouched("cat <<upper (user \"a\">>f");
    untouched("cat <<sed \"s/a/b/\" \"f\">>f");
    untouched("x <<user `region` )>>");
    untouched("cat <<pwd>>f\nx\npwd\n");
    untouched("cat <<pwd>>f\r\nx\r\npwd");
    untouched("<<user>>");
    untouched("<<nofunc>>");
    untouched("<<>>");
    untouched("<< >>");
    untouched("a } b }} c { d");
}

#[test]
fn handlebars_own_syntax_means_nothing() {
    check("\\{{upper `a`}}", "\\A");
    check("&{{upper `<a&b>`}}<", "&<A&B><");
    check("{{upper `a`}}\n  {{if true}}\n x\n{{end}}\n", "A\n  \n x\n\n");
    check("{{print `{{this}} {{{x}}} {{#if}}`}}", "{{this}} {{{x}}} {{#if}}");
    fails("{{> partial}}", ">", "unexpected \">\" in command");
    fails("{{this}}", "this", "function \"this\" not defined");
    fails("{{{upper `a`}}}", "{", "unexpected \"{\" in command");
    check("{{/* {{x}} */}}", "");
}

#[test]
fn functions_of_the_run() {
    check("{{template_dir}}|{{pwd}}", "/templates|/work dir");
    check("{{build_name}} {{build_type}} {{packer_version}}", "flask amazon-ebs 1.6.6");
    check("{{timestamp}} {{isotime}}", "1795231468 2026-11-21T03:24:28Z");
    check("{{isotime `2006-01-02T15:04:05Z07:00` | clean_resource_name}}", "2026-11-21T03-24-28Z");
    check("{{strftime `%Y-%m-%d`}}", "2026-11-21");
    check("{{clean_resource_name `a:b é_(x)`}}", "a-b --_(x)");
    check("{{split (user `list`) `,` 1}}", "b");
    check("{{split `abc` `` 1}}", "b");
    check("{{lower `ÄÖ`}}{{upper `straße`}}", "äöSTRAßE");
    check("{{replace_all `` `-` `ab`}}", "-a-b-");
}

#[test]
fn uuids_never_repeat() {
    let world = World::default();
    let rendered = world.render("{{uuid}} {{uuid}}").unwrap() + " " + &world.render("{{uuid}}").unwrap();
    let uuids: Vec<&str> = rendered.split(' ').collect();
    let form = regex::Regex::new("^6b010eec-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$").unwrap();
    assert!(uuids.iter().all(|uuid| form.is_match(uuid)), "{uuids:?}");
    assert!(uuids[0] != uuids[1] && uuids[1] != uuids[2] && uuids[0] != uuids[2], "{uuids:?}");
}

#[test]
fn scopes_decide_which_functions_exist() {
    let variables = World { scope: Scope::Variables, ..World::default() };
    variables.check("{{env `HOME`}}{{env `NOT_SET`}}", "/root");
    variables.check("{{packer_version}}", "1.6.6");
    variables.fails("{{build_name}}", "build_name", "error calling build_name: build_name not available");
    variables.fails("a {{user `nope`}}", "user `nope`", "error calling user: Error: variable not set: nope");
    assert_eq!(variables.render("{{user `nope`}}").unwrap_err().unset_variable.as_deref(), Some("nope"));
    let secret = "nobody has asked for this value";
    variables.fails("{{vault `a` `b`}}", "vault `a` `b`", &format!("error calling vault: {secret}"));
    variables.fails("{{aws_secretsmanager `a` `k`}}", "aws_secretsmanager `a` `k`", &format!("error calling aws_secretsmanager: {secret}"));

    let elsewhere = World { scope: Scope::Component { amazon: false }, ..World::default() };
    elsewhere.fails("{{clean_resource_name `a`}}", "clean_resource_name", "function \"clean_resource_name\" not defined");
    elsewhere.check("[{{user `nope`}}]", "[]");
    elsewhere.helps("{{env `HOME`}}", "read it in the `variables` section, \"name\": \"{{env `NAME`}}\", and use {{user `name`}} here");

    let core = World { scope: Scope::Core, ..World::default() };
    core.fails("{{build_type}}", "build_type", "error calling build_type: build_type not available");
    core.fails("{{env `HOME`}}", "env `HOME`", "error calling env: env vars are not allowed here");
}

#[test]
fn misspelt_functions_are_recognised() {
    let world = World::default();
    world.helps("{{usr `region`}}", "did you mean `user`?");
    world.helps("{{timestmp}}", "did you mean `timestamp`?");
    world.helps("{{clean_ami_name `x`}}", "did you mean `clean_resource_name`?");
    world.helps("{{user region}}", "text needs quotes: `region` or \"region\"");
    assert!(function_names().any(|name| name == "isotime"));
}

#[test]
fn late_data() {
    let world = World {
        data: json!({"SourceAMI": "ami-1", "SourceAMITags": {"Name": "base"}, "Count": 3, "List": ["a", "b"]}),
        strict_data: true,
        ..World::default()
    };
    world.check("{{.SourceAMI}} {{ .SourceAMITags.Name }} [{{.SourceAMITags.Nope}}]", "ami-1 base [<no value>]");
    world.check("{{.Count}} {{len .List}} {{index .List 1}} {{index .SourceAMITags `Name`}}", "3 2 b base");
    world.check("{{range $i, $e := .List}}{{$i}}={{$e}};{{end}}{{range .List}}{{.}}{{$.Count}}{{end}}", "0=a;1=b;a3b3");
    world.check("{{.List}} {{.SourceAMITags}}", "[a b] map[Name:base]");
    world.check("{{with .SourceAMITags}}{{.Name}}{{end}} {{(index .List 0) | upper}}", "base A");
    world.fails("{{.SourceAM}}", ".SourceAM", "can't evaluate field SourceAM in this place's data");
    world.helps("{{.SourceAM}}", "did you mean `.SourceAMI`?");
    world.fails("{{.SourceAMI.Id}}", ".SourceAMI.Id", "can't evaluate field Id in type string");
    let map = World { strict_data: false, ..world };
    map.check("{{.SourceAM}}", "<no value>");
}

#[test]
fn control_structures() {
    check("{{range $i, $x := 3}}{{if eq $i 1}}{{continue}}{{end}}{{$x}}{{end}}", "02");
    check("{{range 5}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}!", "01!");
    check("{{$s := ``}}{{range 3}}{{$s = print $s .}}{{end}}{{$s}}", "012");
    check("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21");
    check("{{if $x := user `region`}}{{$x}}{{end}}", "us-east-2");
    check("{{with user `empty`}}a{{else with user `region`}}{{.}}{{else}}c{{end}}", "us-east-2");
    check("{{with $x := `v`}}{{$x}}{{.}}{{end}}", "vv");
    check("{{define `T`}}{{$}}{{.}}{{end}}{{template `T` `a`}}{{range 2}}{{template `T` .}}{{end}}", "aa0011");
    check("{{and 0 (index `` 9)}}{{or 1 (index `` 9)}}", "01");
    check("{{if and (user `region`) (eq (user `list`) `a,b`)}}both{{end}}", "both");
    check("{{`x` | or ``}}", "x");
    fails("{{define `T`}}{{template `T` .}}{{end}}{{template `T` 1}}", "{{template `T` .}}", "exceeded maximum template depth (100)");
    fails("{{range 2000000}}{{end}}", "2000000", "more than 100000 rounds of range");
    fails("{{$x = 1}}", "$x", "undefined variable \"$x\"");
    fails("{{define `T`}}{{$y}}{{end}}", "$y", "undefined variable \"$y\"");
}

#[test]
fn hostile_texts_end_in_errors() {
    let deep = format!("{}x{}", "{{if true}}".repeat(5000), "{{end}}".repeat(5000));
    assert_eq!(World::default().render(&deep).unwrap_err().reason, "nested more than 100 levels deep");
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(World::default().render(&deep).unwrap_err().reason, "nested more than 100 levels deep");
    let deep = format!("{}x{}", "{{if true}}".repeat(99), "{{end}}".repeat(99));
    check(&deep, "x");
    let doubling = "{{$x := `0123456789`}}{{range 100}}{{$x = print $x $x}}{{end}}";
    assert!(World::default().render(doubling).unwrap_err().reason.ends_with("the result is too long"));
    fails("{{printf `%9999999d` 1}}{{printf `%d` }}{{len 1}}", "len 1", "error calling len: len of type int");
}

#[test]
fn rendering_until_stable() {
    let mut world = World { data: json!({"Path": "/tmp/x", "Vars": "A='1'"}), ..World::default() };
    world.user.insert("command".into(), "{{.Vars}} sh {{.Path}}".into());
    let stable = |text: &str| render_until_stable(text, &world.context());
    assert_eq!(stable("{{user `command`}}").as_deref(), Ok("A='1' sh /tmp/x"));
    assert_eq!(stable("{{`{{upper \"x\"}}`}}").as_deref(), Ok("X"));
    assert_eq!(stable("plain").as_deref(), Ok("plain"));
    assert!(stable("{{`{{`}}").is_err());
    assert_eq!(stable("{{`<<timestamp>>`}}").as_deref(), Ok("<<timestamp>>"));
    assert_eq!(stable("<<print \"{{upper `x`}}<<pwd>>\">>").as_deref(), Ok("X<<pwd>>"));
    let again = |text: &str| render_again_until_stable(text, &world.context());
    assert_eq!(again("<<timestamp>> {{user `command`}}").as_deref(), Ok("<<timestamp>> A='1' sh /tmp/x"));
    world.user.insert("grows".into(), "{{user `grows`}}x".into());
    let error = render_until_stable("{{user `grows`}}", &world.context()).unwrap_err();
    assert_eq!(error.reason, "the text still changes after 100 rounds of rendering");
}

#[test]
fn build_sees_placeholders_first_and_values_later() {
    let mut world = World { build_data: Some(placeholders(["ID", "Host"])), ..World::default() };
    world.check("echo {{build `ID`}}", "echo {{.ID}}");
    world.check("{{build `ID` | lower}}", "{{.id}}");
    world.check("{{if eq (build `ID`) `i-1`}}same{{else}}differs{{end}}", "differs");
    world.fails("{{build `Nope`}}", "build `Nope`", "error calling build: loaded data, but couldnt find Nope in it.");
    world.helps("{{build `Hosts`}}", "did you mean `Host`?");
    world.data = json!({"ID": "i-1"});
    assert_eq!(render_until_stable("echo {{build `ID`}} {{.ID}}", &world.context()).as_deref(), Ok("echo i-1 i-1"));
}

#[test]
fn printf_verbs() {
    check(
        "{{printf `%v %d %5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%U|%q` 1 2 3 4 5 6 255 255 8 5 65 65 65}}",
        "1 2     3|4    |00005|+6|ff|FF|10|101|A|U+0041|'A'",
    );
    check("{{printf `%s|%10s|%-10s|%.2s|%q|%x|% x` `a` `b` `c` `def` `g\"` `hi` `hi`}}", "a|         b|c         |de|\"g\\\"\"|6869|68 69");
    check("{{printf `%f|%.2f|%8.3f|%e|%g|%v` 1.5 1.555 2.0 1500.0 1e21 1e20}}", "1.500000|1.55|   2.000|1.500000e+03|1e+21|1e+20");
    check("{{printf `%t %v %T %T %T` true false 1 `a` 1.5}}", "true false int string float64");
    check("{{printf `%d` `a`}}{{printf `%s` 1}}", "%!d(string=a)%!s(int=1)");
    check(
        "{{printf `%d %d` 1}}{{printf `a` 1 `b`}}{{printf `%`}}{{printf `100%%`}}",
        "1 %!d(MISSING)a%!(EXTRA int=1, string=b)%!(NOVERB)100%",
    );
    check("{{printf `%*d|%v` 4 7 nil}}", "   7|<nil>");
    check("{{print 1 2 `a` 3 4}}{{print nil}}{{print true false}}", "1 2a3 4<nil>true false");
    check(
        "{{1.0}} {{1e5}} {{1e6}} {{123456789.0}} {{1e20}} {{1e21}} {{0.00001}} {{1.5e-7}} {{-3}} {{0b101}} {{0o17}} {{017}} {{1_000}}",
        "1 100000 1e+06 1.23456789e+08 1e+20 1e+21 1e-05 1.5e-07 -3 5 15 15 1000",
    );
}

#[test]
fn user_variables_are_listed_with_their_places() {
    let text = "{{user `b`}} {{user \"a\" | upper}} {{if user `b`}}{{(user `c`)}}{{end}} {{user (user `d`)}}";
    let template = Template::compile(text).unwrap();
    assert_eq!(template.user_variables(), ["a", "b", "c", "d"]);
    let places: Vec<&str> = template.user_references().iter().map(|reference| &text[reference.range.clone()]).collect();
    assert_eq!(places, ["`b`", "\"a\"", "`b`", "`c`", "`d`"]);
    assert_eq!(template.functions().len(), 7);
}

#[test]
fn secret_functions_are_never_called_for_a_plain_text() {
    assert!(Template::compile("no action").unwrap().functions().is_empty());
}

/// Found by asking Packer 1.6.6 about generated texts; `tests/it/differential.rs` goes on asking.
#[test]
fn what_packer_answered_to_unusual_texts() {
    check("{{printf `%[2]s %[1]s` `a` `b`}}{{printf `%[3]d|%[1]5d` 1}}", "b a%!d(BADINDEX)|%!d(BADINDEX)");
    check("{{printf `%.2z|%-3.0e|%#x|%#q` `abc` `d` `é` `x`}}", "%!z(string=ab)|%!e(string=   )|0xc3a9|`x`");
    check("{{printf `%x %b %#g %+.3e` 1.5 1.0 2.0 0.1}}", "0x1.8p+00 4503599627370496p-52 2.00000 +1.000e-01");
    check("{{printf `%70000d` 1 | len}} {{printf `%.70000f` 1.5 | len}}", "70000 70002");
    check("{{define `root`}}x{{end}}", "x");
    check("{{define `T`}} {{end}}{{define `T`}}x{{end}}{{template `T`}}", "x");
    check("{{`a` | $.B}}{{.A 1}}", "<no value><no value>");
    check("{{0x1p4}} {{0x.8p1}} {{1_0.5}} {{if $.A}}{{9223372036854775808}}{{end}}", "16 1 10.5 ");
    check("{{lower `İΣ`}}{{upper `ᾀ`}}", "iσᾈ");
    check("{{html nil}} {{urlquery .A}} {{eq nil `a`}}", "&lt;no value&gt; %3Cno+value%3E false");
    fails("{{define `T`}}x{{end}}{{define `T`}}y{{end}}", "{{define `T`}}y{{end}}", "template: multiple definition of template \"T\"");
    fails("{{9223372036854775808}}", "9223372036854775808", "9223372036854775808 overflows int");
    fails("{{18446744073709551616}}", "18446744073709551616", "integer overflow: \"18446744073709551616\"");
    fails("{{/*/}}", "{{/*/}}", "unclosed comment");
    let world = World { data: json!({"A": "x"}), ..World::default() };
    world.fails("{{`a` | .A}}", ".A", "A is not a method but has arguments");
}

#[test]
fn a_text_that_goes_on_and_on_is_ended() {
    let long = "{{$x := printf `%9000000s` `a`}}{{range 100000}}{{$y := print $x}}{{end}}";
    assert_eq!(World::default().render(long).unwrap_err().reason, "the text takes too much work to render");
    let many = format!("{{{{range 100000}}}}{}{{{{end}}}}", "{{$}}".repeat(1_000));
    assert_eq!(World::default().render(&many).unwrap_err().reason, "the result is too long");
}
