//! What holds for any text: an answer, never a panic; and a fixed template is one that needs no fixing.

use crate::fixed;
use crate::generate::{Random, template};

#[test]
fn a_fixed_template_stays_as_it_is() {
    for seed in 0..500 {
        let template = template(&mut Random::new(seed), 8, false);
        let Ok(once) = fixed(&template.to_string()) else { continue };
        assert_eq!(fixed(&once).as_ref(), Ok(&once), "seed {seed}: {template}");
    }
}

/// So it is with Packer: two escapes become one, and that one is taken for another.
#[test]
fn powershell_escapes_shrink_with_every_run() {
    let template = |text: &str| format!(r#"{{"builders": null, "provisioners": [{{"type": "powershell", "elevated_user": "{text}"}}]}}"#);
    let once = fixed(&template("````$")).unwrap();
    assert!(once.contains("\"``$\""), "{once}");
    assert!(fixed(&once).unwrap().contains("\"`$\""));
}

/// One byte of a good template changed, taken out or put in: mostly no JSON, sometimes another template.
#[test]
fn any_text_has_an_answer() {
    let mut random = Random::new(7);
    let mut taken = 0;
    for _ in 0..5000 {
        let mut text = template(&mut random, 2, true).to_string().into_bytes();
        for _ in 0..=random.below(2) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => text[at] = b"{}[]\":,0truenl\\ "[random.below(16)],
                1 => drop(text.remove(at)),
                _ => text.insert(at, b"{}[]\":,0truenl\\ "[random.below(16)]),
            }
        }
        taken += u32::from(fixed(&String::from_utf8_lossy(&text)).is_ok());
    }
    assert!(taken > 500, "the generator makes too few good texts: {taken}");
}

#[test]
fn bombs_are_refused() {
    for bomb in ["[", "{\"a\":", "{\"builders\":[", "[{\"a\":["] {
        let error = fixed(&bomb.repeat(1_000_000)).unwrap_err();
        assert!(error.contains("nested too deep"), "{bomb}: {}", &error[..error.len().min(200)]);
    }
    let deep = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(fixed(&deep(400)).is_ok());
    assert!(fixed(&deep(20_000)).is_err());
}

#[test]
fn huge_texts_are_refused() {
    let error = fixed(&" ".repeat(100 << 20)).unwrap_err();
    assert!(error.contains("larger than 32 MiB"), "{error}");
}
