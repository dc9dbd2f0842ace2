//! What must not be printed.

use amibake_template::json::Value;
use amibake_template::lang::Template;
use amibake_template::variables::evaluate;

use super::load::Loaded;
use crate::ui::screen::Screen;

/// Hides the values of sensitive variables: what they evaluate to, and each text that was given for them. Called before the first
/// finding is printed, since findings show source lines.
pub fn hide(loaded: &Loaded, screen: &mut Screen) {
    let Some(document) = &loaded.document else { return };
    if document.sensitive.is_empty() {
        return;
    }
    let (values, _) = evaluate(document, &loaded.given, &loaded.host);
    let defaults = document.variables.iter().filter(|variable| document.sensitive.contains(&variable.name));
    let defaults = defaults.filter_map(|variable| match &variable.default.as_ref()?.value {
        Value::String(text) => Some(text.value.as_str()),
        Value::Number(number) => Some(number.as_str()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    let given = loaded.given.iter().filter(|given| document.sensitive.contains(&given.name)).map(|given| given.value.as_str());
    let evaluated = values.sensitive.iter().map(|secret| secret.expose());
    // A default such as `{{env `PASSWORD`}}` is no secret itself: masking it would hide the place that findings point at.
    let raw = defaults.chain(given).filter(|text| !Template::has_actions(text));
    screen.hide(raw.chain(evaluated));
}
