//! The OpenAPI document, as JSON and as the data of the page `/docs`.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Map, Value};

/// The OpenAPI description, version 3.1.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DOCUMENT)
}

/// The operations with one tag.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    tag: String,
    /// The tag as it stands in a URL.
    pub(crate) slug: String,
    operations: Vec<Operation>,
}

/// A method of a path.
#[derive(Debug, Serialize)]
struct Operation {
    method: String,
    path: String,
    summary: String,
    description: String,
    needs_session: bool,
    inputs: Vec<Input>,
    answers: Vec<Answer>,
    /// The statuses that are described once for all operations.
    common: Vec<String>,
}

/// A field of the form, or a parameter.
#[derive(Debug, Serialize)]
struct Input {
    name: String,
    description: String,
    is_required: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    status: String,
    description: String,
}

/// The OpenAPI description by tags, in its own order.
pub(crate) fn sections() -> &'static [Section] {
    static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| {
        let document = serde_json::from_str(DOCUMENT).unwrap_or_default();
        Document(&document).sections()
    });
    &SECTIONS
}

struct Document<'a>(&'a Value);

impl Document<'_> {
    fn sections(&self) -> Vec<Section> {
        let tags = self.0.get("tags").and_then(Value::as_array);
        let names = tags.into_iter().flatten().map(|tag| text(tag, "name"));
        names
            .map(|tag| Section {
                operations: self.operations(&tag),
                slug: tag.to_lowercase().replace(' ', "-"),
                tag,
            })
            .collect()
    }

    fn operations(&self, tag: &str) -> Vec<Operation> {
        let mut found = Vec::new();
        for (path, methods) in entries(self.0, "paths") {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let tags = operation.get("tags").and_then(Value::as_array);
                if tags.is_some_and(|tags| tags.iter().any(|name| name == tag)) {
                    found.push(self.operation(path, method, operation));
                }
            }
        }
        found
    }

    fn operation(&self, path: &str, method: &str, operation: &Value) -> Operation {
        let (mut answers, mut common) = (Vec::new(), Vec::new());
        for (status, answer) in entries(operation, "responses") {
            if answer.get("$ref").is_some() {
                common.push(status.clone());
            } else {
                answers.push(Answer {
                    status: status.clone(),
                    description: text(answer, "description"),
                });
            }
        }
        let login = operation.pointer("/security/0/session");
        Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            description: text(operation, "description"),
            needs_session: login.is_some(),
            inputs: self.inputs(operation),
            answers,
            common,
        }
    }

    fn inputs(&self, operation: &Value) -> Vec<Input> {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let parameters = parameters.into_iter().flatten().map(|parameter| Input {
            name: text(parameter, "name"),
            description: text(parameter, "description"),
            is_required: parameter.get("required") == Some(&Value::Bool(true)),
        });
        let form = "/requestBody/content/application~1x-www-form-urlencoded/schema";
        let form = operation.pointer(form).unwrap_or(&Value::Null);
        let required = form.get("required").and_then(Value::as_array);
        let fields = entries(form, "properties").map(|(name, schema)| Input {
            name: name.clone(),
            description: text(self.resolved(schema), "description"),
            is_required: required.is_some_and(|required| required.iter().any(|one| one == name)),
        });
        parameters.chain(fields).collect()
    }

    /// What a `$ref` names, or the value itself.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let place = value.get("$ref").and_then(Value::as_str);
        let place = place.and_then(|place| place.strip_prefix('#'));
        place
            .and_then(|place| self.0.pointer(place))
            .unwrap_or(value)
    }
}

fn text(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(Value::as_str);
    text.unwrap_or_default().replace('`', "")
}

fn entries<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let entries = value.get(name).and_then(Value::as_object);
    entries.into_iter().flat_map(Map::iter)
}
