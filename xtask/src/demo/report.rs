//! What the demonstration's report must hold.

use serde_json::Value;

use crate::failure::Failure;

/// Late loads of two workers or more that must be there, each with who asked.
pub(super) const ENOUGH: usize = 10;

/// Paths that two workers or more loaded late, and of which the report says who asked.
pub(super) fn shared_loads(json: &[u8]) -> Result<Vec<String>, Failure> {
    let report: Value = serde_json::from_slice(json).map_err(|error| {
        Failure::Findings(vec![format!("alive report --format json gave no JSON: {error}")])
    })?;
    let programs = report["programs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let loads = programs.iter().filter_map(|program| program["loads"].as_array()).flatten();
    Ok(loads
        .filter(|load| load["processes"].as_u64().is_some_and(|processes| processes >= 2))
        .filter(|load| load["caller"].is_object())
        .filter_map(|load| load["path"].as_str().map(String::from))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_of_one_worker_or_of_nobody_known_does_not_count() {
        let json = br#"{"programs":[{"loads":[
            {"path":"/a","processes":2,"caller":{"file":"x.pl","line":1}},
            {"path":"/b","processes":1,"caller":{"file":"x.pl","line":2}},
            {"path":"/c","processes":3,"caller":null}
        ]}]}"#;
        assert_eq!(shared_loads(json).unwrap(), ["/a"]);
    }

    #[test]
    fn what_is_no_report_is_a_failure_or_nothing() {
        assert!(shared_loads(b"table").is_err());
        assert!(shared_loads(b"{}").unwrap().is_empty());
    }
}
