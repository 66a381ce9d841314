//! What caused an error.

use aws_smithy_types::error::ErrorMetadata;

/// The first cause of this type.
pub(crate) fn find<'e, T: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and what caused it, outermost first. A chain is short; the limit guards against a loop in it.
fn causes<'e>(error: &'e (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source()).take(32)
}

/// The last cause: it names the host, the file or the profile; what is around it only repeats itself.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let Some(last) = causes(error).last() else { return String::new() };
    // It shows its fields, as for a programmer.
    let Some(service) = last.downcast_ref::<ErrorMetadata>() else { return last.to_string() };
    match (service.code(), service.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "an error without a code".to_owned(),
    }
}
