//! The addresses.

use std::net::SocketAddr;
use std::sync::Arc;

use alive_report::render::html;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use serde_json::json;

use super::answer::{Answer, Form, answer as made, is_known, sentence};
use super::documents::{Document, Documents};
use super::gate::Gate;
use super::health::Health;
use super::metrics::Metrics;
use super::{Subject, stored::Stored};

/// Everything that answers are made of.
#[derive(Debug)]
pub(super) struct Site {
    gate: Gate,
    documents: Documents,
    metrics: Metrics,
    pub(super) health: Health,
}

impl Site {
    /// Of a server at this address.
    pub(super) fn new(address: SocketAddr, subject: Subject) -> Self {
        Self {
            gate: Gate::new(address),
            documents: Documents::new(&subject),
            health: Health::new(Arc::clone(&subject.shared)),
            metrics: Metrics::new(Stored::new(&subject), subject),
        }
    }
}

/// Answers a request. What it may carry in its body is not read.
pub(super) async fn answer<B>(request: Request<B>, site: &Site) -> Answer {
    let (parts, _) = request.into_parts();
    if let Err(refusal) = site.gate.check(&parts) {
        let mut answer = sentence(refusal.status, &refusal.sentence);
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        return answer;
    }
    match parts.uri.path() {
        "/" => document(site, Document::Page, &parts.headers).await,
        "/api/report.json" => document(site, Document::Report, &parts.headers).await,
        "/api/taps.json" => document(site, Document::Taps, &parts.headers).await,
        "/metrics" => made(StatusCode::OK, Form::Exposition, site.metrics.text().await),
        "/healthz" => match site.health.trouble() {
            None => sentence(StatusCode::OK, "ok"),
            Some(trouble) => sentence(StatusCode::SERVICE_UNAVAILABLE, &trouble),
        },
        _ => sentence(
            StatusCode::NOT_FOUND,
            "there is nothing here: see /, /api/report.json, /api/taps.json, /metrics and /healthz",
        ),
    }
}

/// A document, or that it has not changed, or why there is none.
async fn document(site: &Site, document: Document, headers: &HeaderMap) -> Answer {
    let form = if document == Document::Page { Form::Html } else { Form::Json };
    let written = match site.documents.get(document).await {
        Ok(written) => written,
        Err(reason) => {
            let mut answer = made(StatusCode::SERVICE_UNAVAILABLE, form, without(document, &reason));
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            return answer;
        }
    };
    let tag = HeaderValue::try_from(written.tag()).expect("a tag is plain ASCII");
    let mut answer = if is_known(headers, written.tag()) {
        made(StatusCode::NOT_MODIFIED, form, Bytes::new())
    } else {
        made(StatusCode::OK, form, written.text())
    };
    answer.headers_mut().insert(header::ETAG, tag);
    answer
}

/// What stands where a document should.
fn without(document: Document, reason: &str) -> Vec<u8> {
    if document != Document::Page {
        return format!("{}\n", json!({ "error": reason })).into_bytes();
    }
    let mut page = Vec::new();
    html::live::without_report(reason, &mut page).expect("memory takes everything");
    page
}
