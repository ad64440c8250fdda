//! Rules of `multipart/form-data`.

use super::{MALFORMED, MULTIPART, closed, created, field, multipart, part, refused, users};
use crate::support::app::app;

const FILE: &str = r#"400 {"message":"the form contains a file; send text fields only"}"#;

#[actix_web::test]
async fn in_multipart_nothing_is_decoded() {
    let app = app().await;
    let answer = app
        .send(users(
            MULTIPART,
            multipart("a+%62@x.org", "p%20+\r\n--\r\n\r\nq\r"),
        ))
        .await;
    assert_eq!(answer.line(), created("a+%62@x.org"));
    let logged_in = app.log_in("a+%62@x.org", "p%20+\r\n--\r\n\r\nq\r").await;
    assert_eq!(logged_in.status, 200);
    let base64 = "Content-Transfer-Encoding: base64\r\n";
    let parts = [
        field("email", "b@x.org"),
        part("form-data; name=password", base64, "cGFzcw=="),
    ];
    assert_eq!(app.send(users(MULTIPART, closed(&parts))).await.status, 201);
    assert_eq!(app.log_in("b@x.org", "cGFzcw==").await.status, 200);
}

#[actix_web::test]
async fn a_file_in_the_form_is_400() {
    let app = app().await;
    for disposition in [
        "form-data; name=\"password\"; filename=\"p.txt\"",
        "form-data; name=\"password\"; filename=\"\"",
        "form-data; filename=p; name=password",
        "form-data; name=\"password\"; filename*=UTF-8''p.txt",
    ] {
        let parts = [field("email", "a@x.org"), part(disposition, "", "p")];
        let answer = app.send(users(MULTIPART, closed(&parts))).await;
        assert_eq!(answer.line(), FILE, "{disposition}");
    }
}

#[actix_web::test]
async fn a_part_without_one_plain_name_is_400() {
    let app = app().await;
    for (disposition, headers) in [
        ("form-data", ""),
        ("attachment; name=x", ""),
        ("form-data; name*=UTF-8''x", ""),
        ("", ""),
        ("form-data; name=\"x", ""),
        ("form-data; name=x; name=y", ""),
        (
            "form-data; name=x",
            "Content-Disposition: form-data; name=y\r\n",
        ),
        (
            "form-data; name=x",
            "Content-Type: multipart/mixed; boundary=z\r\n",
        ),
        ("form-data; name=x", "no colon\r\n"),
        ("form-data; name=x", "Content-Length: 2\r\n"),
        ("form-data; name=x", "Content-Length: 6\r\n"),
        ("form-data; name=x", "Content-Length: 9999\r\n"),
        ("form-data; name=x", "Content-Length: -1\r\n"),
    ] {
        let body = closed(&[
            field("email", "a@x.org"),
            field("password", "p"),
            part(disposition, headers, "12345"),
        ]);
        let answer = app.send(users(MULTIPART, body)).await;
        assert_eq!(answer.line(), MALFORMED, "{disposition} {headers}");
    }
    let exact = part("form-data; name=password", "Content-Length: 5\r\n", "12345");
    let body = closed(&[field("email", "a@x.org"), exact]);
    assert_eq!(
        app.send(users(MULTIPART, body)).await.line(),
        created("a@x.org")
    );
}

#[actix_web::test]
async fn a_boundary_that_is_missing_or_wrong_is_400() {
    let app = app().await;
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=boundary",
        "multipart/form-data; boundary=Boundar",
        "multipart/form-data; boundary=BoundarYY",
        "multipart/form-data; boundary=\"BoundarY",
        "multipart/form-data; bound=BoundarY",
    ] {
        let answer = app
            .send(users(content_type, multipart("a@x.org", "p")))
            .await;
        assert_eq!(answer.line(), MALFORMED, "{content_type}");
    }
}

#[actix_web::test]
async fn truncated_multipart_body_registers_no_user() {
    let app = app().await;
    let body = multipart("a@x.org", "secret");
    for cut in 0..body.len() - 2 {
        let answer = app.send(users(MULTIPART, &body[..cut])).await;
        assert_eq!(answer.line(), MALFORMED, "cut at {cut}");
    }
    // The last line break belongs to nothing (RFC 2046, section 5.1.1).
    let answer = app.send(users(MULTIPART, &body[..body.len() - 2])).await;
    assert_eq!(answer.line(), created("a@x.org"));
}

#[actix_web::test]
async fn empty_multipart_body_has_no_fields() {
    let app = app().await;
    let answer = app.send(users(MULTIPART, closed(&[]))).await;
    assert_eq!(answer.line(), refused("email missing"));
}

#[actix_web::test]
async fn a_multipart_body_with_broken_lines_is_400() {
    let app = app().await;
    let whole = String::from_utf8(multipart("a@x.org", "p")).unwrap();
    for body in [
        whole.replace("\r\n", "\n"),
        whole.replace("\r\n", "\r"),
        whole.replace("p\r\n--", "p\r--"),
        whole.replace("p\r\n--", "p\r--") + "--BoundarY--\r\n",
        whole.replace("p\r\n--", "p\r\n--BoundarYx\r\n--"),
        whole.replace("--BoundarY--", "--BoundarY-"),
        whole.replace("--BoundarY--", "--BoundarY--x"),
        whole.replace("\r\n\r\np", "\r\np"),
        "--BoundarY\r\n\r\n".to_owned(),
        "--BoundarY\r\nContent-Disposition: form-data; name=email\r\n\r\n".to_owned(),
    ] {
        let answer = app.send(users(MULTIPART, body.clone())).await;
        assert_eq!(answer.line(), MALFORMED, "{body:?}");
    }
}
