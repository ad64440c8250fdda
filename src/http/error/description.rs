//! The status, code and message of an error, and its response in JSON or HTML.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::http::outcome::Outcome;
use crate::http::response::{ERROR_CODE, Message, json_with};

/// The effects of an error on the client and on the metrics.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) status: StatusCode,
    /// Stable, for programs.
    pub(crate) code: &'static str,
    /// For people. Empty: the answer has no body.
    pub(crate) message: Cow<'static, str>,
    /// The field of the form that is at fault.
    pub(crate) field: Option<Cow<'static, str>>,
    /// Every field that is at fault, where there are several.
    pub(crate) faults: Vec<Fault>,
    pub(crate) retry_after: Option<Duration>,
    pub(in crate::http) outcome: Outcome,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

/// An error as RFC 9457 has it.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The ways to continue a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<[&'static str; 2]>,
}

impl Description {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        outcome: Outcome,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
            faults: Vec::new(),
            retry_after: None,
            outcome,
        }
    }

    pub(super) fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    pub(super) fn field(self, field: Option<Cow<'static, str>>) -> Self {
        Self { field, ..self }
    }

    pub(super) fn faults(self, faults: Vec<Fault>) -> Self {
        Self { faults, ..self }
    }

    /// Status and headers, the same in each form.
    pub(crate) fn head(&self) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((ERROR_CODE, self.code));
        if let Some(wait) = self.retry_after {
            answer.insert_header((RETRY_AFTER, whole_seconds(wait)));
        }
        if matches!(
            self.status,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
        ) {
            // The rest of the body is not read, so no request can follow it.
            answer.force_close();
        }
        answer
    }

    /// The response of the API, which a middleware may turn into another form.
    pub(crate) fn answer(self, mut head: HttpResponseBuilder) -> HttpResponse {
        let mut answer = if self.message.is_empty() {
            head.finish()
        } else {
            let message = &self.message;
            json_with(&mut head, &Message { message })
        };
        answer.extensions_mut().insert(self);
        answer
    }

    /// The body as RFC 9457 has it.
    pub(crate) fn problem(&self) -> String {
        let problem = Problem {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.message,
            code: self.code,
            field: self.field.as_deref(),
            errors: &self.faults,
            retry_after: self.retry_after.map(whole_seconds),
            methods: (self.code == "second_factor_required").then_some(["totp", "recovery_code"]),
        };
        // Texts and numbers can always be serialised.
        serde_json::to_string(&problem).unwrap_or_default() + "\n"
    }
}

/// Rounded up, and at least one second.
fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}
