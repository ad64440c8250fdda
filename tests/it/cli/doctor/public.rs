//! Faults that show through the public URL, with real proxies.

use rstest::rstest;

use super::deployment::{Deployment, Hosts, LOGIN, Proxy, WIKI, certify};
use super::{assert_found, wrong};

#[rstest]
fn doctor_raises_no_alarm_on_the_shipped_files(
    #[values(
        (Proxy::Nginx, Hosts::Several),
        (Proxy::Nginx, Hosts::One),
        (Proxy::Caddy, Hosts::Several),
        (Proxy::Caddy, Hosts::One),
        (Proxy::Apache, Hosts::Several),
        (Proxy::Haproxy, Hosts::Several)
    )]
    of: (Proxy, Hosts),
) {
    let Some(mut deployment) = Deployment::of(of.0, of.1) else {
        return;
    };
    deployment.start();
    let found = wrong(deployment.doctor(&[]));
    assert!(found.is_empty(), "{found:#?}");
}

/// Seeded faults: texts to replace in a good configuration, and what the doctor finds then.
struct Faults {
    edits: &'static [(&'static str, &'static str)],
    found: &'static [(&'static str, &'static str)],
}

fn find_all(deployment: &mut Deployment, faults: &[Faults]) {
    let good = deployment.config.clone();
    for Faults { edits, found } in faults {
        deployment.config.clone_from(&good);
        for (from, to) in *edits {
            deployment.edit(from, to);
        }
        deployment.start();
        assert_found(&wrong(deployment.doctor(&[])), found);
    }
}

/// Faults of nginx. The faults of one row do not hide each other.
const NGINX: [Faults; 5] = [
    Faults {
        edits: &[
            ("/good/", "/other-name/"),
            (
                "return 301 https://$host$request_uri;",
                "location / { proxy_pass http://bienvenue; }",
            ),
            ("\nproxy_set_header X-Forwarded-For $remote_addr;", ""),
            ("\nproxy_set_header Forwarded \"\";", ""),
            (
                "proxy_set_header X-Forwarded-Proto https;",
                "proxy_hide_header Strict-Transport-Security;\n\
                     proxy_hide_header Content-Security-Policy;\n\
                     proxy_cookie_flags session_id nosecure nohttponly samesite=none;\n}\n\
                     location = /forgot {\nreturn 403;",
            ),
            ("auth_request /.bienvenue/verify;", ""),
            ("location /.bienvenue/ {", "location /nothing/ {"),
        ],
        found: &[
            ("certificate", "certificate of login.example.org"),
            ("certificate", "certificate of wiki.example.net"),
            ("http-redirect", "http://login.example.org answers"),
            ("client-address", "does not send the client's address"),
            ("client-address", "sends X-Forwarded-For chooses"),
            ("client-address", "sends Forwarded chooses"),
            ("hsts", "header is missing"),
            ("headers", "content-security-policy"),
            ("cookies", "is not Secure"),
            ("cookies", "is not HttpOnly"),
            ("cookies", "is not SameSite=Lax"),
            ("public-pages", "/forgot answers 403"),
            ("applications", "shows its page without a login"),
            ("hand-over", "/.bienvenue/ does not lead"),
        ],
    },
    Faults {
        edits: &[
            ("/good/", "/expired/"),
            (
                "X-Forwarded-For $remote_addr;",
                "X-Forwarded-For $proxy_add_x_forwarded_for;",
            ),
            ("\nproxy_set_header Forwarded \"\";", ""),
            (
                "X-Original-URL https://wiki.example.net",
                "X-Original-URL https://shop.example.net",
            ),
            (
                "proxy_set_header X-Forwarded-Proto https;",
                "proxy_hide_header Cache-Control; add_header Cache-Control public;\n\
                     proxy_hide_header Strict-Transport-Security;\n\
                     add_header Strict-Transport-Security max-age=60;\n\
                     proxy_cookie_path / /login;",
            ),
        ],
        found: &[
            ("certificate", "login.example.org"),
            ("client-address", "sends X-Forwarded-For chooses"),
            (
                "client-address",
                "Forwarded is seen with the address of the proxy",
            ),
            (
                "applications",
                "instead of leading to https://login.example.org/login",
            ),
            ("headers", "cache-control"),
            ("hsts", "60 seconds"),
            ("cookies", "is not Path=/"),
        ],
    },
    Faults {
        edits: &[
            ("/good/", "/ends-soon/"),
            (
                "auth_request /.bienvenue/verify;",
                "error_page 418 = @open; if ($http_remote_user) { return 418; }\n\
                     auth_request /.bienvenue/verify;",
            ),
            (
                "location @bienvenue_login {",
                "location @open { return 200 page; }\nlocation @bienvenue_login {",
            ),
            (
                "rewrite ^ /verify/redirect break;",
                "proxy_cookie_flags ~ nohttponly;\nrewrite ^ /verify/redirect break;",
            ),
        ],
        found: &[
            ("certificate", "expires in "),
            (
                "forged-identity",
                "opens to a client that sends Remote-User",
            ),
            ("hand-over", "the cookie of the login state is not HttpOnly"),
        ],
    },
    Faults {
        edits: &[("error_page 401 403 = @bienvenue_login;", "")],
        found: &[("applications", "answers 401 instead of leading to")],
    },
    Faults {
        edits: &[(
            "server_name wiki.example.net;",
            "server_name other.example.net;",
        )],
        found: &[("applications", "wiki.example.net")],
    },
];

#[test]
fn doctor_finds_what_is_wrong_with_nginx() {
    let Some(mut deployment) = Deployment::of(Proxy::Nginx, Hosts::Several) else {
        return;
    };
    let root = deployment.root().to_owned();
    certify(&root, "other-name", &["other.example.org"], 60);
    certify(&root, "expired", &[LOGIN, WIKI], -1);
    certify(&root, "ends-soon", &[LOGIN, WIKI], 5);
    find_all(&mut deployment, &NGINX);
}

#[test]
fn doctor_finds_what_is_wrong_with_caddy() {
    let Some(mut deployment) = Deployment::of(Proxy::Caddy, Hosts::Several) else {
        return;
    };
    let faults = [
        Faults {
            edits: &[
                (
                    "request_header -Forwarded\nreverse_proxy",
                    "header {\n-Strict-Transport-Security\n-Content-Security-Policy\n\
                     Set-Cookie Secure Insecure\n\
                     Date \"Mon, 05 Jan 2026 00:00:00 GMT\"\ndefer\n}\n\
                     respond /forgot 401\n\
                     reverse_proxy",
                ),
                ("handle /.bienvenue/* {", "handle /nothing/* {"),
            ],
            found: &[
                (
                    "client-address",
                    "Forwarded is seen with the address of the proxy",
                ),
                ("hsts", "header is missing"),
                ("headers", "content-security-policy"),
                ("cookies", "is not Secure"),
                ("clock", "differ by"),
                ("public-pages", "/forgot answers 401"),
                ("hand-over", "/.bienvenue/ does not lead"),
            ],
        },
        Faults {
            edits: &[
                ("uri /verify/redirect", "uri /healthz"),
                (
                    "\nlogin.example.org {",
                    "\nhttp://login.example.org {\nrespond hello\n}\nlogin.example.org {",
                ),
            ],
            found: &[
                ("applications", "shows its page without a login"),
                ("http-redirect", "http://login.example.org answers 200"),
            ],
        },
    ];
    find_all(&mut deployment, &faults);
}

#[test]
fn doctor_finds_what_is_wrong_with_apache() {
    let Some(mut deployment) = Deployment::of(Proxy::Apache, Hosts::Several) else {
        return;
    };
    let service = deployment.server.address.clone();
    deployment.edit(
        "Redirect permanent / https://login.example.org/",
        "ProxyPass / http://HERE/",
    );
    deployment.edit("HERE", &service);
    let faults = [
        Faults {
            edits: &[
                ("RequestHeader set X-Forwarded-For expr=%{REMOTE_ADDR}", ""),
                (
                    "\nProxyPreserveHost On",
                    "\nHeader unset Strict-Transport-Security\n\
                     Header edit Set-Cookie \"; (HttpOnly|Secure)\" \"\"\nProxyPreserveHost On",
                ),
                ("LuaHookAccessChecker", "# LuaHookAccessChecker"),
            ],
            found: &[
                ("client-address", "does not send the client's address"),
                ("client-address", "sends X-Forwarded-For chooses"),
                ("http-redirect", "http://login.example.org answers"),
                ("hsts", "header is missing"),
                ("cookies", "the session cookie is not"),
                ("applications", "shows its page without a login"),
            ],
        },
        Faults {
            edits: &[("BIENVENUE_SERVICE=", "BIENVENUE_OTHER=")],
            found: &[("applications", "wiki.example.net answers 500")],
        },
    ];
    find_all(&mut deployment, &faults);
}

#[test]
fn doctor_finds_what_is_wrong_with_haproxy() {
    let Some(mut deployment) = Deployment::of(Proxy::Haproxy, Hosts::Several) else {
        return;
    };
    let faults = [
        Faults {
            edits: &[
                (
                    "http-request redirect scheme https code 301 unless { ssl_fc }",
                    "",
                ),
                (
                    "\nhttp-request set-header X-Forwarded-For %[src]",
                    "\noption forwardfor",
                ),
                (
                    "\nhttp-request del-header Forwarded\n",
                    "\nhttp-response del-header Strict-Transport-Security\n",
                ),
                ("http-request lua.bienvenue", "# http-request lua.bienvenue"),
                ("http-request deny", "# http-request deny"),
            ],
            found: &[
                ("client-address", "sends X-Forwarded-For chooses"),
                (
                    "client-address",
                    "Forwarded is seen with the address of the proxy",
                ),
                ("http-redirect", "http://login.example.org answers"),
                ("hsts", "header is missing"),
                ("applications", "shows its page without a login"),
            ],
        },
        Faults {
            // Without the answer of the script, no request passes on.
            edits: &[("http-request lua.bienvenue", "# http-request lua.bienvenue")],
            found: &[("applications", "wiki.example.net answers 503")],
        },
        Faults {
            edits: &[(" https://wiki.example.net\n", " https://shop.example.net\n")],
            found: &[(
                "applications",
                "instead of leading to https://login.example.org/login",
            )],
        },
    ];
    find_all(&mut deployment, &faults);
}

#[test]
fn doctor_finds_a_service_that_is_not_behind_its_url() {
    let Some(mut deployment) = Deployment::of(Proxy::Nginx, Hosts::Several) else {
        return;
    };
    let found = wrong(deployment.doctor(&[]));
    assert_found(
        &found,
        &[
            ("public-url", "cannot be reached"),
            ("certificate", "login.example.org:"),
        ],
    );
    let found = wrong(deployment.doctor(&["--public-url=https://login.invalid:444"]));
    assert_found(&found, &[("public-url", ":444 cannot be reached")]);
    let service = deployment.server.address.clone();
    for (from, to, words) in [
        (service.as_str(), "127.0.0.1:1", "answers 502"),
        (
            "proxy_pass http://bienvenue;",
            "return 200 hello;",
            "is not this service",
        ),
        (":443 ssl http2", ":443", "does not speak TLS"),
    ] {
        let good = deployment.config.clone();
        deployment.edit(from, to);
        deployment.start();
        assert_found(&wrong(deployment.doctor(&[])), &[("public-url", words)]);
        deployment.config = good;
    }
    let mut command = super::doctor(
        deployment.place.folder(),
        &["--public-url=https://login.invalid"],
    );
    command.env("SSL_CERT_FILE", deployment.root().join("ca.pem"));
    assert_found(&wrong(command), &[("public-url", "has no address")]);
}

#[test]
fn doctor_finds_listeners_that_evade_the_proxy() {
    // The page for new passwords is missing at the application.
    let page = "--reset-page=https://login.example.org/set-password";
    let flags = [
        "--bind=0.0.0.0:0",
        "--operator-bind=0.0.0.0:0",
        "--trusted-proxies=192.0.2.1",
    ];
    let Some(mut deployment) = Deployment::with(Proxy::Nginx, Hosts::Several, &flags) else {
        return;
    };
    deployment.start();
    let mail = "--mail=smtp://127.0.0.1:9";
    let found = wrong(deployment.doctor(&[flags[2], page, mail]));
    assert_found(
        &found,
        &[
            ("direct-access", "the service is reachable"),
            ("direct-access", "the ops listener is reachable"),
            ("client-address", "127.0.0.1 is not trusted"),
            ("applications", "does not know which URL"),
            ("public-pages", "--reset-page answers 404"),
        ],
    );
}

#[rstest]
fn attack_finds_nothing_on_the_shipped_files(
    #[values(
        (Proxy::Nginx, Hosts::Several),
        (Proxy::Nginx, Hosts::One),
        (Proxy::Caddy, Hosts::Several),
        (Proxy::Caddy, Hosts::One),
        (Proxy::Apache, Hosts::Several),
        (Proxy::Haproxy, Hosts::Several)
    )]
    of: (Proxy, Hosts),
) {
    let Some(mut deployment) = Deployment::of(of.0, of.1) else {
        return;
    };
    deployment.start();
    let users = || {
        deployment
            .place
            .texts("SELECT count(*) || '' AS value FROM sessions")
    };
    let found = wrong(deployment.doctor(&["--attack"]));
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(users(), ["0"]);
    assert!(
        deployment
            .place
            .texts("SELECT key AS value FROM throttle")
            .is_empty()
    );
}

#[test]
fn attack_finds_what_a_proxy_lets_a_stranger_do() {
    let Some(mut deployment) = Deployment::of(Proxy::Nginx, Hosts::Several) else {
        return;
    };
    let ops = deployment.ops().to_owned();
    let edits = [
        (
            "return 301 https://$host$request_uri;",
            "location / { proxy_pass http://bienvenue; }".to_owned(),
        ),
        (
            "proxy_set_header X-Forwarded-Proto https;",
            format!(
                "proxy_set_header Origin \"\";\nproxy_set_header Sec-Fetch-Site \"\";\n}}\n\
                 merge_slashes off;\n\
                 location /metrics {{ proxy_pass http://{ops}; }}\n\
                 location = /account {{ return 302 https://$http_x_forwarded_host/; }}\n\
                 location = /forgot {{ return 302 https://$http_host/; }}\n\
                 location ~ ^/(/.*) {{ return 301 $1;"
            ),
        ),
        (
            "    internal;\n",
            "proxy_intercept_errors on; error_page 401 =200 /empty;\n".to_owned(),
        ),
        (
            "server_name login.example.org;",
            "server_name login.example.org attacker.invalid;".to_owned(),
        ),
    ];
    for (from, to) in edits {
        deployment.edit(from, &to);
    }
    deployment.start();
    let found = wrong(deployment.doctor(&["--attack"]));
    assert_found(
        &found,
        &[
            ("plain-http", "http://login.example.org"),
            ("cross-site-post", "Origin: https://attacker.invalid"),
            ("cross-site-post", "Origin: null"),
            ("cross-site-post", "Sec-Fetch-Site"),
            ("hidden-paths", "login.example.org/metrics"),
            ("host-header", "in X-Forwarded-Host"),
            ("host-header", "in Host"),
            ("open-redirect", "//attacker.invalid/ leads"),
        ],
    );
}
