//! Error types as Lambda's logs and metrics have them, which is not always what a runtime or an extension called its error.
//!
//! The caller's error document keeps its own `errorType`; what is normalised is the header beside it. The rules are those of Lambda's
//! emulator (<https://github.com/aws/aws-lambda-runtime-interface-emulator>), with one difference: the emulator looks for the form
//! anywhere in the name, and here the whole name must have it, so that what is kept here is kept there too.

/// The error type of an invocation or an init that the runtime failed. A missing header is an empty `given`.
pub(crate) fn of_runtime(given: &str) -> String {
    if ["Runtime.", "Function."].iter().any(|family| has_form(given, family)) {
        given.to_owned()
    } else if given.starts_with("Function.") {
        "Function.Unknown".to_owned()
    } else {
        "Runtime.Unknown".to_owned()
    }
}

/// The error type of an extension's `init/error` or `exit/error` on managed instances; `otherwise` for a name of another form.
pub(crate) fn of_extension(given: &str, otherwise: &str) -> String {
    if has_form(given, "Extension.") { given } else { otherwise }.to_owned()
}

/// The family, a capital letter, and at least one more letter.
fn has_form(name: &str, family: &str) -> bool {
    let own = name.strip_prefix(family).unwrap_or_default();
    own.len() >= 2
        && own.starts_with(|first: char| first.is_ascii_uppercase())
        && own.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_types_of_lambdas_forms_are_kept() {
        for name in ["Runtime.ExitError", "Function.LongContentNotFound", "Function.OK", "Runtime.ImportModuleError"] {
            assert_eq!(of_runtime(name), name);
        }
        assert_eq!(of_extension("Extension.ConfigInvalid", "Extension.InitError"), "Extension.ConfigInvalid");
    }

    #[test]
    fn a_function_error_of_another_form_is_unknown() {
        for name in ["Function.", "Function.X", "Function.lower", "Function.LongContent.NotFound", "Function.Error1"] {
            assert_eq!(of_runtime(name), "Function.Unknown", "{name}");
        }
    }

    #[test]
    fn every_other_error_type_is_an_unknown_error_of_the_runtime() {
        for name in ["", "Error", "LongContent.NotFound", "Runtime.", "Runtime.x", "Extension.Crash", "function.Own"] {
            assert_eq!(of_runtime(name), "Runtime.Unknown", "{name}");
        }
        for name in ["Extension.x", "Own.Init", "Function.Own"] {
            assert_eq!(of_extension(name, "Extension.InitError"), "Extension.InitError", "{name}");
        }
    }
}
