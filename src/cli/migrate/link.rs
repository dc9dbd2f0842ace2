//! What `migrate` writes as `$schema`: the way from the template to a schema file that is there, or a URL that was given.

use std::path::{Path, PathBuf};

use amibake_template::finding::Finding;

use crate::cli::load::without_place;

/// What `amibake schema` is redirected to, by its own help.
const NAMES: [&str; 2] = ["packer-template.schema.json", "schema/packer-template.schema.json"];

/// The link for a template. None where none is wished, or where nothing was said and there is no file: a link that leads nowhere is
/// worse than none.
pub(super) fn find(wish: Option<&str>, template: &str) -> Result<Option<String>, Finding> {
    let folder = folder_of(template);
    match wish {
        Some("false") => Ok(None),
        Some("true") => found(&folder).map(Some).ok_or_else(|| {
            without_place("no-schema", format!("there is no {} beside the template or above it", NAMES[0]))
                .with_help(format!("write one, `amibake schema > {}`, or say where it is: -schema=PATH", NAMES[0]))
        }),
        Some(url) if url.contains("://") => Ok(Some(url.to_owned())),
        Some(path) => relative(&folder, Path::new(path)).map(Some).ok_or_else(|| {
            without_place("no-schema", format!("there is no schema `{path}`")).with_help(format!("write it: `amibake schema > {path}`"))
        }),
        None => Ok(found(&folder)),
    }
}

/// Where a template stands; one from standard input in the current directory.
fn folder_of(template: &str) -> PathBuf {
    match Path::new(template).parent() {
        Some(folder) if template != "-" && !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The nearest schema, up to the top of the repository; outside of one, only beside the template.
fn found(folder: &Path) -> Option<String> {
    let absolute = folder.canonicalize().ok()?;
    let top = absolute.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&absolute);
    let folders = absolute.ancestors().take_while(|folder| folder.starts_with(top));
    folders.flat_map(|folder| NAMES.map(|name| folder.join(name))).find_map(|path| relative(folder, &path))
}

/// The way from a folder to a file, with `/` and a dot in front, as every editor reads it. None where the file is not there.
fn relative(folder: &Path, file: &Path) -> Option<String> {
    let (from, to) = (folder.canonicalize().ok()?, file.canonicalize().ok()?);
    if !to.is_file() {
        return None;
    }
    let shared = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let steps: Vec<String> = up.chain(down).collect();
    Some(if steps.first().is_some_and(|step| step == "..") { steps.join("/") } else { format!("./{}", steps.join("/")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wish: Option<&str>, template: &Path, expected: Option<&str>) {
        let link = find(wish, &template.to_string_lossy()).map_err(|finding| finding.message);
        assert_eq!(link.as_ref().map(Option::as_deref), Ok(expected));
    }

    #[test]
    fn the_link_leads_from_the_template_to_a_schema_that_is_there() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("packer/web");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir(top.path().join("schema")).unwrap();
        let template = deep.join("t.json");
        check(None, &template, None);
        check(Some("false"), &template, None);
        assert!(find(Some("true"), &template.to_string_lossy()).is_err());
        let schema = top.path().join("schema/packer-template.schema.json");
        assert!(find(Some(&schema.to_string_lossy()), &template.to_string_lossy()).is_err());
        std::fs::write(&schema, "{}").unwrap();
        // Whether what stands above belongs to the template, only a repository says.
        check(None, &template, None);
        check(Some(&schema.to_string_lossy()), &template, Some("../../schema/packer-template.schema.json"));
        std::fs::create_dir(top.path().join(".git")).unwrap();
        check(None, &template, Some("../../schema/packer-template.schema.json"));
        std::fs::write(deep.join("packer-template.schema.json"), "{}").unwrap();
        check(Some("true"), &template, Some("./packer-template.schema.json"));
        check(Some("https://example.com/s.json"), &template, Some("https://example.com/s.json"));
    }
}
