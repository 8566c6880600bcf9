//! The files of the page, which are part of this program.

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! script {
    ($name:literal) => {
        (concat!("/page/", $name), SCRIPT, include_str!($name))
    };
}

/// Path, media type and text of each file.
const FILES: &[(&str, &str, &str)] = &[
    ("/page", HTML, include_str!("index.html")),
    ("/page/style.css", CSS, include_str!("style.css")),
    script!("api.js"),
    script!("app.js"),
    script!("content.js"),
    ("/page/cost.js", SCRIPT, include_str!("../../../docs/calculator/cost.js")),
    script!("detail.js"),
    script!("dom.js"),
    script!("events.js"),
    script!("executions.js"),
    script!("graph.js"),
    script!("history.js"),
    script!("json.js"),
    script!("layout.js"),
    script!("listing.js"),
    script!("parts.js"),
    script!("reading.js"),
    script!("references.js"),
    script!("retries.js"),
    script!("run.js"),
    script!("sorting.js"),
    script!("status.js"),
    script!("steps.js"),
    script!("summary.js"),
    script!("timeline.js"),
    script!("viewer.js"),
];

/// Media type and text of the file at a path.
pub(super) fn find(path: &str) -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(known, ..)| *known == path).map(|(_, kind, text)| (*kind, *text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_a_file_names_is_served() {
        let named = FILES
            .iter()
            .flat_map(|(_, _, file)| file.split(['"', '\'']))
            .filter(|text| text.starts_with("./") || text.starts_with("/page/") && text.contains('.'));
        let mut count = 0;
        for name in named {
            let path = name.replacen("./", "/page/", 1);
            assert!(find(&path).is_some(), "{path}");
            count += 1;
        }
        assert!(count > 40, "{count} names");
    }

    #[test]
    fn every_file_is_short_and_writes_no_markup() {
        for (path, kind, text) in FILES {
            assert!(text.lines().count() <= 400, "{path}");
            let writes = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"];
            assert!(*kind != SCRIPT || !writes.iter().any(|way| text.contains(way)), "{path}");
        }
    }
}
