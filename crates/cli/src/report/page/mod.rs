//! The page: one file with everything in it, which loads nothing.

mod sections;
mod words;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Report;

/// Notes what goes wrong from then on.
const GUARD: &str = include_str!("../../../assets/guard.js");
/// Draws the charts; `assets/README.md` has its version and licence.
const ECHARTS: &str = include_str!("../../../assets/echarts.common.min.js");
/// Tells the above what to draw.
const SCRIPT: &str = concat!(
    "(() => {\n",
    include_str!("../../../assets/report-words.js"),
    include_str!("../../../assets/report-durations.js"),
    include_str!("../../../assets/report-charts.js"),
    include_str!("../../../assets/report-draw.js"),
    "})();\n"
);
const STYLE: &str = include_str!("../../../assets/report.css");

/// The whole page.
pub(super) fn page(report: &Report) -> Result<String, serde_json::Error> {
    let data = inert(&serde_json::to_string(&report.charts)?);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "tachograph " (env!("CARGO_PKG_VERSION")) };
                title { (report.title()) }
                style { (PreEscaped(STYLE)) }
                script { (PreEscaped(GUARD)) }
            }
            body {
                (body(report))
                script id="data" type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(ECHARTS)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(markup.into_string())
}

fn body(report: &Report) -> Markup {
    html! {
        (sections::header(report))
        main {
            (sections::figures(&report.figures))
            (sections::targets(&report.targets))
            (sections::frames(report))
            (sections::stages(report))
            (sections::machine(report))
            (sections::availability(report))
            (sections::slowest(report))
            (sections::losses(&report.figures.losses))
        }
        (sections::footer(report))
        output id="status" hidden {}
    }
}

/// Nothing may be loaded, and no script may run but the three that are meant to: not even one that a name in the log brought
/// along. Styles are set by the charts' own elements, so those cannot be named.
fn policy() -> String {
    let hashes = [GUARD, ECHARTS, SCRIPT].map(|script| {
        let digest = Sha256::digest(script);
        format!("'sha256-{}'", BASE64_STANDARD.encode(digest))
    });
    let scripts = hashes.join(" ");
    format!(
        "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
}

/// JSON that nothing in it can end the element of.
fn inert(json: &str) -> String {
    // These stand in strings alone, where they may be written so.
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_end_its_element() {
        let hostile = "</script><script>alert(1)</script><!-- & ]]>";
        let json = inert(&serde_json::to_string(hostile).expect("text"));
        assert!(!json.contains(['<', '>', '&']), "{json}");
        let back: String = serde_json::from_str(&json).expect("still JSON");
        assert_eq!(back, hostile);
    }

    #[test]
    fn echarts_is_the_build_that_is_documented() {
        let hash = Sha256::digest(ECHARTS);
        let hash: Vec<_> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = hash.concat();
        let documented = include_str!("../../../assets/README.md");
        assert!(documented.contains(&hash), "{hash}");
    }

    #[test]
    fn scripts_cannot_end_their_element_either() {
        for script in [GUARD, ECHARTS, SCRIPT] {
            let lower = script.to_lowercase();
            assert!(!lower.contains("</script") && !lower.contains("<!--"));
        }
    }
}
