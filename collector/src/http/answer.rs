//! Answers and their headers.

use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use http_body_util::Full;

/// What is sent back.
pub(super) type Answer = Response<Full<Bytes>>;

/// What an answer is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Json,
    Text,
    /// What Prometheus reads.
    Exposition,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Exposition => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Headers of every answer. Nobody may frame it, guess at its form, keep it unasked, or take it into another page.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// An answer.
pub(super) fn answer(status: StatusCode, form: Form, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.name()));
    let policy = match form {
        Form::Html => HeaderValue::try_from(alive_report::render::html::live::policy()),
        _ => Ok(HeaderValue::from_static("default-src 'none'")),
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.expect("a policy is plain ASCII"));
    answer
}

/// A sentence as an answer.
pub(super) fn sentence(status: StatusCode, sentence: &str) -> Answer {
    answer(status, Form::Text, format!("{sentence}\n"))
}

/// Whether whoever asks has the version of this tag already.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let told = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    told.flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_tag_alone_or_in_a_list() {
        let known = |told: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, told.parse().unwrap());
            is_known(&headers, "\"abc\"")
        };
        for told in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(known(told), "{told}");
        }
        for told in ["\"ab\"", "abc", "", "\"x\""] {
            assert!(!known(told), "{told}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"abc\""));
    }
}
