//! Which rule a key falls under, the complaints of `PRIVACY-RULES.md` among them.

use super::*;
use KeyClass::{Content, Free, Id, Pii, Safe, Secret};

#[track_caller]
fn all(class: KeyClass, keys: &[&str]) {
    for key in keys {
        assert_eq!(classify(key).class, class, "{key}: {:?}", classify(key));
    }
}

#[test]
fn ids_of_persons_are_ids_in_every_spelling() {
    all(
        Id,
        &[
            "user.id",
            "user_id",
            "userId",
            "userID",
            "UserID",
            "USER_ID",
            "user-id",
            "userid",
            "uid",
            "enduser.id",
            "client.user.id",
            "account_id",
            "customerId",
            "tenant_id",
            "org_id",
            "organization.id",
            "member_id",
            "subscriber_id",
            "employee_id",
            "patient_id",
            "client_id",
            "device.id",
            "machine_id",
            "session.id",
            "sessionId",
            "sessionid",
            "installation_id",
            "visitor_id",
            "profile_id",
            "auth.user_id",
            "token.user_id",
            "r#user_id",
            "user_id_hash",
            "user.hash",
            "session.hash",
            "enduser.pseudo.id",
            "user id",
            "x-user-id",
            "db.user_id",
            "auth.session.user_id",
            "user_name_id_user_id",
            "email.account_id",
            "host.id",
            "service.instance.id",
        ],
    );
}

#[test]
fn secrets_are_secrets() {
    all(
        Secret,
        &[
            "password",
            "passwd",
            "pwd",
            "db.user.password",
            "user_password",
            "pass",
            "db_pass",
            "passphrase",
            "secret",
            "client_secret",
            "token",
            "accessToken",
            "access_token",
            "refresh_token",
            "credentials",
            "creds",
            "auth",
            "authorization",
            "Authorization",
            "api_key",
            "apiKey",
            "APIKey",
            "apikey",
            "x-api-key",
            "X-API-Key",
            "private_key",
            "privatekey",
            "secret_key",
            "access_key",
            "AWS_SECRET_ACCESS_KEY",
            "signing_key",
            "encryption_key",
            "master_key",
            "bearer",
            "jwt",
            "otp",
            "totp",
            "mfa",
            "pin",
            "cvv",
            "cvc",
            "csrf",
            "xsrf_token",
            "cookie",
            "set-cookie",
            "session",
            "sas",
            "signature",
            "sig",
            "dsn",
            "connection_string",
            "database_url",
            "DATABASE_URL",
            "webhook",
            "webhook_url",
            "PGPASSWORD",
            "password_hash",
            "password_reset_token",
            "http.request.header.authorization",
            "http.request.header.cookie",
            "process.environment_variable.PATH",
            "user.password",
            "r#token",
            "AWSAccessKeyId",
            "X-Amz-Signature",
            "X-Goog-Signature",
        ],
    );
}

#[test]
fn personal_words_are_personal() {
    all(
        Pii,
        &[
            "email",
            "user.email",
            "userEmail",
            "mail",
            "phone",
            "phone_number",
            "phoneNumber",
            "mobile",
            "msisdn",
            "tel",
            "fax",
            "ssn",
            "sin",
            "nin",
            "passport",
            "iban",
            "account_number",
            "card",
            "card_number",
            "pan",
            "dob",
            "date_of_birth",
            "birthday",
            "birthdate",
            "address",
            "street",
            "zip",
            "zip_code",
            "postal_code",
            "city",
            "lat",
            "lon",
            "lng",
            "latitude",
            "longitude",
            "geo",
            "location",
            "gps",
            "first_name",
            "lastName",
            "full_name",
            "display_name",
            "user_name",
            "username",
            "login",
            "customer",
            "patient",
            "employee",
            "gender",
            "race",
            "religion",
            "ip",
            "client_ip",
            "ip_address",
            "ipAddress",
            "addr",
            "peer",
            "remote_addr",
            "client.address",
            "network.peer.address",
            "forwarded_for",
            "x-forwarded-for",
            "host",
            "hostname",
            "host.name",
            "mac",
            "serial",
            "imei",
            "imsi",
            "fingerprint",
            "file",
            "filename",
            "thumbnail",
            "ssid",
            "bssid",
            "address1",
            "user",
            "db.user",
            "url.full",
            "url",
            "url.path",
            "url.query",
            "http.url",
            "http.target",
            "user_agent.original",
            "net.peer.ip",
            "net.sock.peer.addr",
            "host.ip",
            "host.mac",
            "http.client_ip",
            "file.path",
            "process.owner",
            "process.user.name",
            "server.address",
            "device.name",
            "http.request.header.x-forwarded-for",
            "http.response.header.location",
            "user.name",
            "user.full_name",
            "user.ip_address",
            "process.working_directory",
            "email_hash",
        ],
    );
}

#[test]
fn content_words_are_content() {
    all(
        Content,
        &[
            "message",
            "body",
            "content",
            "text",
            "prompt",
            "completion",
            "input",
            "output",
            "comment",
            "description",
            "query",
            "statement",
            "sql",
            "args",
            "argv",
            "payload",
            "request_body",
            "response.body",
            "db.query.parameter.name",
            "exception.message",
            "exception.stacktrace",
            "process.command_args",
            "process.command_line",
            "gen_ai.input.messages",
            "graphql.document",
            "otel.status_description",
            "http.request.body.data",
            "query.page",
            "params.q",
        ],
    );
}

#[test]
fn sql_is_known_by_its_semantic_conventions() {
    all(KeyClass::Sql, &["db.query.text", "db.statement", "db_statement", "r#db_query_text"]);
    all(Content, &["query_text", "statement", "sql", "query", "db.statement.body"]);
    all(Safe, &["db.statement.count", "db.query.text.length"]);
}

#[test]
fn exclusions_win_over_words() {
    all(
        Safe,
        &[
            "tokens_used",
            "token_count",
            "max_tokens",
            "prompt_tokens",
            "completionTokens",
            "total_tokens",
            "input_tokens",
            "output_tokens",
            "token_type",
            "tokenizer",
            "token_bucket",
            "author",
            "authority",
            "authored",
            "authenticated",
            "auth_method",
            "auth_type",
            "auth_status",
            "keyboard",
            "keyword",
            "keyspace",
            "keystone",
            "monkey",
            "hotkey",
            "primary_key",
            "foreign_key",
            "cache_key",
            "partition_key",
            "sort_key",
            "routing_key",
            "public_key",
            "key_id",
            "key_count",
            "passed",
            "passes",
            "passthrough",
            "pass_rate",
            "compass",
            "bypass",
            "passive",
            "secretary",
            "secret_name",
            "secret_version",
            "secret_count",
            "password_policy",
            "password_length",
            "password_age",
            "password_reset",
            "password_reset_at",
            "session_count",
            "session_duration",
            "session_timeout",
            "cookie_consent",
            "message_id",
            "message_size",
            "message_count",
            "message_type",
            "content_type",
            "content_length",
            "http.request.header.content-length",
            "host_count",
            "address_family",
            "address_space",
            "ip_version",
            "card_layout",
            "pin_count",
            "email_count",
            "email_queue",
            "email_sent",
            "password_changed_at",
            "token_ms",
            "user_kind",
            "session_enabled",
            "email_len",
            "phone_total",
            "trace_id",
            "span_id",
            "request_id",
            "requestId",
            "correlation_id",
            "event_id",
            "build_id",
            "job_id",
            "http.request.header.accept",
            "host.arch",
            "peer.service",
            "code.file.path",
        ],
    );
}

#[test]
fn ordinary_keys_are_free() {
    all(
        Free,
        &[
            "id",
            "name",
            "order_id",
            "plan",
            "items",
            "path",
            "accept",
            "Accept",
            "rapid",
            "api",
            "success",
            "cc_list",
            "occupation",
            "shipping",
            "hostess",
            "http.route",
            "service.name",
            "db.system",
            "",
            ".",
            "__",
            "42",
            "r#type",
            "größe",
            "名前",
            "session.plan",
            "user.plan",
        ],
    );
    all(Free, &["status"]);
    all(Safe, &["error.type", "api_version"]);
}

#[test]
fn a_struct_lends_its_name_to_its_fields() {
    let class = |parent, key| classify_in(parent, key).class;
    assert_eq!(class("User", "id"), Id);
    assert_eq!(class("CreateUserRequest", "id"), Id);
    assert_eq!(class("User", "name"), Pii);
    assert_eq!(class("CreditCard", "number"), Pii);
    assert_eq!(class("ApiKey", "value"), Secret);
    assert_eq!(class("Session", "id"), Id);
    assert_eq!(class("Session", "plan"), Free);
    assert_eq!(class("Token", "plan"), Free);
    assert_eq!(class("Token", "kind"), Safe);
    assert_eq!(class("Order", "id"), Free);
    assert_eq!(class("Order", "password"), Secret);
    assert_eq!(class("", "id"), Free);
}

#[test]
fn numbers_under_counting_words_stay() {
    for key in ["token", "session", "auth", "api_key", "email", "username"] {
        assert_eq!(classify(key).numeric, NumericRule::Stays, "{key}");
    }
    for key in ["pin", "otp", "ssn", "phone", "card", "cvv", "lat", "lon", "zip", "dob", "password", "user_id"] {
        assert_eq!(classify(key).numeric, NumericRule::Goes, "{key}");
    }
    // Beside a word under which numbers stay.
    for key in [
        "user_address_zip",
        "auth_token_pin",
        "api_key_password",
        "customer_email_ssn",
        "token_pin",
        "client_name_iban",
        "access_token_otp",
        "home_address_lat",
        "contact_email_phone",
        "access_token_phone",
    ] {
        assert_eq!(classify(key).numeric, NumericRule::Goes, "{key}");
    }
    for key in ["token_count", "password_length", "card_count", "user_address_count", "phone_count", "user_email"] {
        assert_eq!(classify(key).numeric, NumericRule::Stays, "{key}");
    }
}

#[test]
fn more_names_than_one_are_names() {
    for (one, many) in [
        ("first_name", "first_names"),
        ("lastName", "lastNames"),
        ("fullname", "fullnames"),
        ("surname", "surnames"),
        ("nickname", "nicknames"),
        ("customer_name", "customer_names"),
        ("display_name", "display_names"),
    ] {
        assert_eq!(classify(many).class, classify(one).class, "{many}");
        assert_eq!(classify(many).class, Pii, "{many}");
    }
}

#[test]
fn only_keys_of_pseudonyms_may_hold_one() {
    for key in ["user_id_hash", "user.hash", "session.hash", "customer_id_hash", "email_hash", "deviceIdHash"] {
        assert!(is_pseudonym_key(key), "{key}");
    }
    for key in ["password_hash", "user_id", "hash", "git_hash", "commit.hash", "token_hash"] {
        assert!(!is_pseudonym_key(key), "{key}");
    }
}

#[test]
fn long_and_odd_keys_are_judged_by_their_end() {
    let long = "segment.".repeat(200);
    assert_eq!(classify(&format!("{long}user.password")).class, Secret);
    assert_eq!(classify(&format!("{}password", "a.".repeat(40))).class, Secret);
    assert_eq!(classify(&"é".repeat(300)).class, Free);
    assert_eq!(classify(&"aB".repeat(300)).class, Free);
    assert_eq!(classify_in(&"aB".repeat(300), "password").class, Secret);
    assert_eq!(classify_in(&"é.".repeat(300), &"x1".repeat(300)).class, Free);
}

#[test]
fn no_key_is_ruled_out_that_a_rule_speaks_about() {
    let phrases: Vec<&str> = key_tables::GROUPS.iter().flat_map(|group| group.words).map(|(words, _)| *words).collect();
    let mut number = 7_u64;
    let mut draw = |below: usize| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) as usize % below
    };
    let others = ["status", "rows", "x", "ms", "Http", "9", "2x", "é", "my", "db", "hash", "value", "data", "", "URL"];
    let (mut ruled_out, mut known) = (0, 0);
    for _ in 0..200_000 {
        let mut key = String::new();
        for place in 0..1 + draw(3) {
            if place > 0 {
                key.push_str(["_", ".", "-", "", " "][draw(5)]);
            }
            let piece = if draw(3) == 0 { phrases[draw(phrases.len())] } else { others[draw(others.len())] };
            match draw(4) {
                0 => key.extend(piece.split(' ').flat_map(|word| {
                    let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
                    [first.to_uppercase(), rest.to_owned()]
                })),
                1 => key.push_str(&piece.replace(' ', "_")),
                2 => key.push_str(&piece.replace(' ', "")),
                _ => key.push_str(piece),
            }
        }
        if draw(8) == 0 {
            key.push_str(GLUED[draw(GLUED.len())].escape_ascii().to_string().as_str());
        }
        let out = rules_out(key.as_bytes());
        ruled_out += u32::from(out);
        for (parent, relation) in [("", Parent::Prose), ("user ", Parent::Prose), ("ApiKey", Parent::Struct)] {
            let rule = in_text(parent.as_bytes(), key.as_bytes(), relation);
            known += u32::from(rule.is_some());
            assert!(!out || rule.is_none(), "{parent} {key}");
        }
    }
    assert!(ruled_out > 10_000 && known > 10_000, "{ruled_out} {known}");
}

#[test]
fn a_key_of_one_word_is_judged_as_any_other() {
    let words = key_tables::GROUPS.iter().flat_map(|group| group.words).flat_map(|(words, _)| words.split(' '));
    for word in words.chain(["mytoken", "hash", "status", "pgpassword", ""]).filter(|word| word.is_ascii()) {
        // A digit ends a word and is none, and so it takes the long way.
        let (short, long) = (in_text(b"", word.as_bytes(), Parent::Prose), format!("{word}1"));
        let long = in_text(b"", long.as_bytes(), Parent::Prose);
        assert_eq!(format!("{short:?}"), format!("{long:?}"), "{word}");
    }
}

#[test]
fn keys_that_a_hostile_reader_found_open_are_not() {
    all(
        Id,
        &[
            "session.previous_id",
            "user_internal_id",
            "user_external_id",
            "usr_id",
            "person_uuid",
            "subject_id",
            "staff_id",
            "hardware_id",
            "android_id",
            "idfv",
            "host_uuid",
            "installation_uuid",
            "machine_guid",
            "account_no",
            "session_ids",
            "kunden_id",
            "messaging.kafka.message.key",
        ],
    );
    all(
        Secret,
        &[
            "passWord",
            "pass_word",
            "authorisation",
            "conn_str",
            "database_uri",
            "db_uri",
            "rsa_key",
            "magic_link",
            "saml_response",
            "pwhash",
            "unlock_code",
            "two_factor_code",
        ],
    );
    all(
        Pii,
        &[
            "city_name",
            "geo.locality.name",
            "fname",
            "lname",
            "house_no",
            "phone_home",
            "birth_place",
            "driver_licence",
            "tls.client.subject",
            "tls.client.certificate",
            "cloudevents.event_subject",
            "rpc.response.metadata.x-tag",
            "rpc.grpc.request.metadata.x-tag",
            "rpc.connect_rpc.response.metadata.x-tag",
        ],
    );
    all(
        Content,
        &[
            "gen_ai.system_instructions",
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.call.result",
            "gen_ai.retrieval.documents",
            "graphql.variables",
            "db.operation.parameter.name",
            "db.elasticsearch.path_parts.doc",
            "log.record.original",
            "cmdline",
            "stdin",
        ],
    );
    // Machines and builds, of which nobody is told apart.
    all(Safe, &["k8s.pod.uid", "k8s.cluster.uid", "os.description", "process.runtime.description"]);
    all(Free, &["container.image.name", "gen_ai.tool.name", "host.cpu.vendor.id"]);
}

#[test]
fn a_word_ends_where_another_script_or_a_sign_begins() {
    let keys = [
        "用户user_id",
        "“user_id",
        "«user_id",
        "→user_id",
        "…user_id",
        "\u{a0}user_id",
        "\u{feff}user_id",
        "ไทยuser_id",
    ];
    all(Id, &keys);
    for key in keys {
        let rule = in_text(b"", key.as_bytes(), Parent::Prose).expect(key);
        assert_eq!(rule.class, Id, "{key}");
        assert!(!rules_out(key.as_bytes()), "{key}");
    }
    // Letters of words are none: neither `grö ß e` nor `ti ế ng`.
    all(Free, &["größe_pin_x", "tiếng_pin_x", "übercard", "épass"]);
    assert_eq!(phrase("größeTiếng 用户Konto konto用户"), "größe tiếng 用户 konto konto用户");
}
