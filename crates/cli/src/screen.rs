//! Whether colors are used: as Terraform, cargo and uv do it, where people look.

use crate::args::ColorArg;

/// Decides for one stream. `env`: the variables of the environment.
///
/// The order is that of <https://bixense.com/clicolors/> and <https://no-color.org>: what is typed, then `NO_COLOR`, then
/// `CLICOLOR_FORCE`, then whether it is a terminal that can show them.
pub(crate) fn colored(asked: ColorArg, is_terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str| env(name).filter(|value| !value.is_empty());
    match asked {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto if is("NO_COLOR").is_some() => false,
        ColorArg::Auto if is("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorArg::Auto => is_terminal && is("TERM").is_none_or(|term| term != "dumb") && is("CLICOLOR").is_none_or(|value| value != "0"),
    }
}

#[cfg(test)]
mod tests {
    use super::colored;
    use crate::args::ColorArg;

    #[test]
    fn what_is_typed_comes_before_the_environment_and_that_before_the_terminal() {
        // Asked, is a terminal, environment, colored.
        let rows: &[(ColorArg, bool, &[(&str, &str)], bool)] = &[
            (ColorArg::Auto, true, &[], true),
            (ColorArg::Auto, false, &[], false),
            (ColorArg::Auto, true, &[("NO_COLOR", "1")], false),
            (ColorArg::Auto, true, &[("NO_COLOR", "")], true),
            (ColorArg::Auto, true, &[("TERM", "dumb")], false),
            (ColorArg::Auto, true, &[("CLICOLOR", "0")], false),
            (ColorArg::Auto, false, &[("CLICOLOR", "1")], false),
            (ColorArg::Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (ColorArg::Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (ColorArg::Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
            (ColorArg::Auto, true, &[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true),
            (ColorArg::Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true),
            (ColorArg::Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ];
        for (asked, is_terminal, env, expected) in rows {
            let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(colored(*asked, *is_terminal, get), *expected, "{asked:?} {is_terminal} {env:?}");
        }
    }
}
