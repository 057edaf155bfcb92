//! The word lists behind [`super::keys`]: what a key name says about its value.
//!
//! A phrase is lower-case tokens with one space between them. Lists are grouped by what happens to the value, and every
//! phrase carries the sentence that `explain` shows. The index over all phrases is built at compile time, so that a
//! look-up is one hash and, nearly always, one comparison.

use super::key_filter::{Ends, Filter};
use super::keys::{KeyClass, NumericRule, Place, TextRule};

/// Phrases that share one verdict.
pub(super) struct Group {
    pub(super) class: KeyClass,
    pub(super) numeric: NumericRule,
    pub(super) place: Place,
    /// What a value must look like when the key stands inside running text.
    pub(super) text: TextRule,
    /// Phrase and the sentence for `explain`.
    pub(super) words: &'static [(&'static str, &'static str)],
}

macro_rules! group {
    ($class:ident $numeric:ident $place:ident $text:ident $label:literal: $($word:literal)*) => {
        Group {
            class: KeyClass::$class,
            numeric: NumericRule::$numeric,
            place: Place::$place,
            text: TextRule::$text,
            words: &[$(($word, concat!($label, " `", $word, "`"))),*],
        }
    };
}

pub(super) static GROUPS: &[Group] = &GROUP_LIST;

/// The longest phrase, in tokens.
pub(super) const LONGEST: usize = 4;

const GROUP_LIST: [Group; 43] = [
    // Exclusions: these sequences take their words out of the game.
    group!(Safe Stays Any Never "excluded phrase":
        "tokens used" "token count" "max tokens" "prompt tokens" "completion tokens" "total tokens" "input tokens"
        "output tokens" "cached tokens" "reasoning tokens" "token type" "token bucket" "token usage" "token limit"
        "token budget" "token index" "token name" "token counts" "tokens per" "token kind" "public key token" "page token" "next token" "continuation token" "pagination token" "sync token"
        "cancellation token" "cancel token" "fencing token" "stop token" "eos token" "pad token" "publickeytoken"
        "tokenizer" "tokenized"
        "author" "authors" "authority" "authored" "authentic" "authenticated" "authenticity" "authentication method"
        "auth method" "auth type" "auth status" "auth mode" "auth scheme" "auth provider" "auth flow"
        "keyboard" "keyword" "keywords" "keyspace" "keystone" "monkey" "hotkey" "compass" "bypass" "passive" "passed"
        "passes" "passthrough" "passrate" "secretary" "primary key" "foreign key" "cache key" "partition key"
        "sort key" "routing key" "public key" "idempotency key" "object key" "row key" "key id" "key count" "key name"
        "pass through" "pass rate" "pass count" "secret name" "secret version" "secret count" "password policy"
        "password length" "password age" "password reset" "password strength" "session count" "session duration"
        "session timeout" "session store" "cookie consent" "cookie name" "message id" "message size" "message count"
        "message type" "content type" "content length" "content encoding" "content disposition" "host count"
        "host arch" "host type" "address family" "address space" "ip version" "card layout" "pin count" "pin mode"
        "email count" "email queue" "email sent" "email provider" "peer service" "code file path" "code filepath"
        "password file" "password files" "secret file" "token file" "key file" "credentials file" "credential file" "secret path"
        "token path" "key path" "private key path" "private key file" "private key id" "signing key id" "encryption key id" "master key id" "token url" "auth url" "token uri" "auth uri" "token endpoint"
        "auth endpoint" "secret ref" "secret key ref" "password field" "password input" "password prompt" "cookie path"
        "cookie domain" "process executable path" "process executable name" "code function name" "code line number" "os description" "runtime description"),
    group!(Safe Stays Any Never "machine id":
        "trace id" "span id" "request id" "correlation id" "event id" "build id" "job id" "traceparent" "trace parent"
        "parent id" "process id" "thread id" "transaction id" "operation id" "pod uid" "cluster uid" "namespace uid"
        "deployment uid" "replicaset uid" "job uid"),
    // Ids of persons and of what stands for one.
    group!(Id Goes Any Id "id rule":
        "user id" "uid" "account id" "customer id" "tenant id" "org id" "organization id" "organisation id"
        "member id" "subscriber id" "employee id" "patient id" "client id" "device id" "machine id" "session id"
        "installation id" "install id" "visitor id" "profile id" "enduser id" "enduser pseudo id" "person id"
        "student id" "player id" "guest id" "owner id" "principal id" "actor id" "author id" "creator id" "sender id"
        "recipient id" "holder id" "driver id" "passenger id" "anonymous id" "distinct id" "advertising id"
        "user uuid" "user guid" "user identifier" "customer uuid" "customer identifier" "device uuid" "host id"
        "service instance id" "messaging message id" "end user id" "anonymous user id" "user ids" "customer ids"
        "account ids" "account uuid" "patient identifier" "customer no" "user no" "contact id" "viewer id"
        "user pk" "sess id" "session identifier" "device identifier" "machine uuid" "client uuid" "session previous id"
        "user internal id" "user external id" "user login id" "user ref" "user ulid" "usr id" "account no" "account ref"
        "customer ref" "person uuid" "subject id" "staff id" "hardware id" "android id" "browser id" "anon id" "host uuid"
        "installation uuid" "install uuid" "machine guid" "device guid" "session ids" "device ids" "member ids" "tenant ids"
        "client ids" "kunden id" "benutzer id" "kafka message key" "rocketmq message keys"),
    group!(Id Goes End Id "id rule":
        "userid" "accountid" "customerid" "tenantid" "orgid" "organizationid" "memberid" "subscriberid" "employeeid"
        "patientid" "clientid" "deviceid" "machineid" "sessionid" "installationid" "visitorid" "profileid" "sid" "idfa" "idfv"
        "gaid" "aaid" "adid" "customernumber" "customer number" "member number" "employee number" "patient number" "mrn"
        "medical record number" "user number" "userids"),
    // Secrets whose value can be any word.
    group!(Secret Goes Any Password "secret word":
        "password" "passwords" "pass word" "passwd" "pwd" "passphrase" "pass phrase" "passcode" "userpassword" "dbpassword" "user password" "db password" "kennwort" "passwort" "mot de passe"
        "contrasena" "mnemonic" "seed phrase" "recovery phrase" "security answer"),
    group!(Secret Goes Any Token "secret word":
        "secret" "secrets" "client secret" "clientsecret" "shared secret" "app secret" "private key" "privatekey" "secret key"
        "secretkey" "aes key" "rsa key" "private pem" "signing key" "encryption key" "master key" "recovery code" "backup code"),
    group!(Secret Stays End Password "secret word": "pass" "pw"),
    // Secrets whose value is a made-up string; a bare number under them is a count.
    group!(Secret Stays Any Token "secret word":
        "token" "tokens" "credential" "credentials" "creds" "authorization" "apikey" "apikeys" "api key" "api keys"
        "api token" "apitoken" "access key" "accesskey" "access key id" "account key" "accountkey" "authkey" "auth key"
        "authtoken" "auth token" "accesstoken" "access token" "refreshtoken" "refresh token" "idtoken" "id token"
        "bearer" "jwt" "csrf" "xsrf" "jsessionid" "phpsessid" "connect sid" "connection string" "connectionstring"
        "database url" "databaseurl" "redis url" "mongo url" "mongodb uri" "webhook url" "webhook secret" "authheader"
        "auth header" "auth code" "authorization code" "session key" "sessionkey" "session token" "sessiontoken"
        "session data" "app key" "service key" "license key" "deploy key" "ssh key" "storage key" "subscription key"
        "bearer token" "auth cookie" "tls key" "sas token" "saskey" "oauth" "xsrftoken" "csrftoken" "sessid"
        "session secret" "integration key" "write key" "admin key" "root key" "hmac key" "shared access key"
        "shared access signature" "sharedaccesskey" "openai key" "anthropic key" "gemini key" "mistral key" "groq key"
        "stripe key" "sendgrid key" "mailgun key" "twilio key" "aws key" "requirepass" "masterauth" "psk" "pre shared key" "presharedkey" "instrumentation key" "sso token" "authorisation" "conn str" "connstr"
        "database uri" "db uri" "redis uri" "mongo uri" "postgres uri" "webhook uri" "magic link" "reset link" "code verifier"
        "saml response" "samlresponse" "pw hash" "pwhash"),
    group!(Secret Stays Any Cookie "secret word": "cookie" "cookies" "set cookie"),
    group!(Secret Stays End Token "secret word":
        "auth" "session" "sas" "signature" "sig" "dsn" "webhook" "mfa" "basic auth" "sign key" "sess" "bearer auth"),
    // Secrets that are numbers.
    group!(Secret Goes Any Digits "secret word":
        "otp" "totp" "cvv" "cvc" "otp code" "mfa code" "totp code" "fa code" "pin code" "pincode" "verification code"
        "security code" "unlock code" "door code" "two factor code" "card verification value" "one time password" "one time code" "sms code" "card pin" "login code" "tan"),
    group!(Secret Goes End Digits "secret word": "pin" "csc"),
    // Personal data by name.
    group!(Pii Stays Any Mail "personal word":
        "email" "emails" "e mail" "mail address" "email address" "emailaddress" "useremail" "user email"),
    group!(Pii Stays End Mail "personal word": "mail" "mails" "mailto"),
    group!(Pii Goes Any Phone "personal word":
        "phone number" "phonenumber" "mobile number" "mobilenumber" "cell number" "fax number" "telephone number" "msisdn"
        "telephone" "cellphone" "cell phone" "mobile phone" "home phone" "work phone" "phone numbers" "phones" "telefon"
        "telefonnummer" "rufnummer" "whatsapp number" "contact number" "phone home" "phone work" "phone mobile" "contact no"),
    group!(Pii Goes End Phone "personal word": "phone" "mobile" "tel" "fax" "whatsapp"),
    group!(Pii Goes Any Digits "personal word":
        "ssn" "social security" "social security number" "socialsecuritynumber" "passport" "passport number" "iban"
        "account number" "accountnumber" "bank account" "card number" "cardnumber" "credit card" "creditcard"
        "debit card" "creditcard number" "credit card number" "debit card number" "cc number" "ccnumber" "ccnum" "cc num"
        "tax id" "tax number" "taxid" "national id" "nationalid" "national insurance" "national insurance number"
        "imei" "imsi" "iccid" "routing number" "sort code" "driver license" "drivers license" "driver licence" "drivers licence" "driving licence" "national number" "personal number" "vat number" "health insurance number" "insurance number" "nino" "nhs number" "aadhaar" "pesel"
        "cpf" "cnpj" "bsn" "steuer id" "personnummer" "codice fiscale" "hetu" "tfn" "curp" "dni" "nie"),
    group!(Pii Goes End Digits "personal word": "sin" "nin" "pan" "mac address" "macaddress" "mac addr" "ip" "ips" "ipv"
        "card" "mac"),
    group!(Pii Goes End Serial "personal word": "serial" "serial number" "serialnumber" "serial no"),
    group!(Pii Goes End Data "personal word": "ssid" "bssid" "wifi name"),
    group!(Pii Goes End Weak "personal word": "fingerprint"),
    group!(Pii Goes Any Date "personal word":
        "dob" "date of birth" "dateofbirth" "birth date" "birthdate" "birthday" "birth day" "birth year" "year of birth"
        "geburtsdatum" "born on" "bday"),
    group!(Pii Goes End Date "personal word": "birth" "born"),
    group!(Pii Goes End Geo "personal word": "lat" "lon" "lng" "latitude" "longitude" "altitude"),
    group!(Pii Stays End Weak "personal word":
        "geo" "location" "gps" "gps position" "coordinates" "coords" "geolocation" "geo location" "geo point" "lat lon"
        "lat lng" "latlng" "latlon"),
    group!(Pii Goes End Data "personal word": "zip" "zip code" "zipcode" "postal" "postal code" "postalcode" "postcode" "plz"),
    group!(Pii Stays Any Data "personal word":
        "street address" "street name" "home address" "postal address" "billing address" "shipping address"
        "delivery address" "mailing address" "address line" "house number" "house no" "user address" "customer address"),
    group!(Pii Stays Any Data "personal word": "license plate" "licence plate" "number plate"),
    group!(Pii Stays End Weak "personal word": "address" "addr"),
    group!(Pii Stays End Person "personal word": "street"),
    group!(Pii Goes End Person "personal word": "login" "customer" "patient" "employee"),
    group!(Pii Stays Any Name "personal word":
        "first name" "firstname" "last name" "lastname" "full name" "fullname" "display name" "displayname" "user name"
        "username" "usernames" "middle name" "given name" "family name" "surname" "forename" "nickname" "nick name"
        "maiden name" "real name" "legal name" "customer name" "patient name" "employee name" "person name" "contact name"
        "owner name" "account name" "account holder" "card holder" "cardholder" "cardholder name" "holder name" "member name"
        "recipient name" "sender name" "guest name" "passenger name" "student name" "author name" "player name" "client name"
        "login name" "account owner" "mothers maiden name" "name on card" "process owner" "process user name" "db user"
        "employer name" "doctor name" "buyer name" "seller name" "profile name" "subscriber name" "visitor name"
        "city name" "town name" "geo locality name" "contact person" "birth place" "fname" "lname" "beneficiary name" "payee name" "driver name" "tenant name" "user full name" "vorname" "nachname"
        "first names" "firstnames" "last names" "lastnames" "full names" "fullnames" "display names" "displaynames" "user names"
        "middle names" "given names" "family names" "surnames" "forenames" "nicknames" "nick names" "maiden names" "real names" "legal names"
        "customer names" "patient names" "employee names" "person names" "contact names" "owner names" "account names" "account holders"
        "card holders" "cardholders" "cardholder names" "holder names" "member names" "recipient names" "sender names" "guest names"
        "passenger names" "student names" "author names" "player names" "client names" "login names" "buyer names" "seller names"
        "subscriber names" "visitor names" "fnames" "lnames" "vornamen" "nachnamen"),
    group!(Pii Goes End Weak "personal word":
        "user" "race" "username or email" "cardholder data"),
    group!(Pii Stays End Name "personal word": "city" "town"),
    group!(Pii Goes End Name "personal word":
        "gender" "sex" "religion" "ethnicity" "nationality" "sexual orientation" "diagnosis" "blood type"),
    group!(Pii Stays End Host "personal word":
        "host" "hostname" "host name" "hostnames" "computer name" "computername" "device name" "machine name" "peer name"
        "net peer name" "net sock peer name" "server address" "server name" "workstation" "node name"),
    group!(Pii Goes End Addr "personal word":
        "ip address" "ipaddress" "ip addr" "ipaddr" "client address" "remote addr" "remote address" "peer addr" "peer address"
        "peer ip" "client ip" "remote ip" "user ip" "source ip" "src ip" "client addr" "forwarded for" "real ip"
        "network peer address" "net peer ip" "net sock peer addr" "host ip" "host mac" "peer" "remoteaddr"
        "clientip" "remoteip" "local addr" "connecting ip"),
    group!(Pii Stays End File "personal word": "file" "filename" "file name" "thumbnail"),
    group!(Pii Stays End Never "personal word":
        "file path" "filepath" "user agent" "user agent original" "useragent"
        "user roles" "url" "url full" "url path" "url query" "url fragment" "http url" "http target" "http query"
        "http fragment" "process working directory" "cwd" "current dir" "tls client subject" "tls client certificate" "tls client certificate chain"
        "cloudevents event subject" "home dir" "home directory" "referer" "referrer"),
    // Content: what people wrote, and what machines were told.
    group!(Content Stays End Never "content word":
        "message" "body" "content" "contents" "text" "prompt" "completion" "input" "output" "comment" "comments" "description"
        "query" "statement" "sql" "args" "argv" "payload" "request body" "response body" "messages" "http request body data"
        "query text" "command line" "command args" "process command line" "process command args"
        "exception message" "exception stacktrace" "stacktrace" "otel status description" "graphql document"
        "graphql variables" "system instructions" "arguments" "tool call result" "retrieval documents" "log record original"
        "cmdline" "stdin" "stdout" "stderr"),
    group!(Content Stays Any Never "content word": "db params" "db sql bindings" "db redis parameters" "sql bindings" "prompt text"),
    group!(Sql Stays End Never "semantic convention": "db statement" "db query text"),
    // Words that say nothing about the value beside them: `password_value`, `ApiKey { inner: .. }`.
    group!(Free Stays Any Never "neutral word":
        "value" "val" "values" "raw" "str" "string" "plain" "plaintext" "inner" "header" "field" "param" "original" "data"
        "new" "old" "current" "hex" "encoded" "b" "base" "env" "var" "number" "num" "no" "list" "digits" "line" "prod" "dev" "test"
        "json" "expose" "exposed" "v" "self" "contents of"),
];

/// A key that ends in one of these counts, times, sorts or switches something: it holds no secret and no person.
pub(super) static SAFE_SUFFIXES: [&str; 76] = [
    "algorithm",
    "alg",
    "allowed",
    "at",
    "attempt",
    "attempts",
    "bytes",
    "capacity",
    "changed",
    "color",
    "consent",
    "count",
    "counts",
    "created",
    "delay",
    "disabled",
    "duration",
    "elapsed",
    "enabled",
    "exists",
    "expired",
    "expires",
    "expiration",
    "expiry",
    "family",
    "format",
    "height",
    "idx",
    "index",
    "interval",
    "invalid",
    "issued",
    "kind",
    "latency",
    "layout",
    "len",
    "length",
    "limit",
    "max",
    "mean",
    "method",
    "min",
    "missing",
    "mode",
    "ms",
    "nanos",
    "ns",
    "offset",
    "pct",
    "percent",
    "policy",
    "present",
    "provider",
    "queue",
    "rate",
    "ratio",
    "remaining",
    "required",
    "retries",
    "rotated",
    "sec",
    "seconds",
    "secs",
    "sent",
    "size",
    "state",
    "status",
    "strength",
    "sum",
    "supported",
    "template",
    "timeout",
    "total",
    "ttl",
    "type",
    "us",
];

/// Two more suffix words that only the OpenTelemetry keys and the complaints need.
pub(super) static MORE_SAFE_SUFFIXES: [&str; 9] =
    ["used", "valid", "verified", "version", "width", "updated", "success", "space", "usec"];

/// What a struct is called beside the thing it holds: `CreateUserRequest { id: .. }` is about a user.
pub(super) static STRUCT_SUFFIXES: [&str; 28] = [
    "request", "req", "response", "resp", "dto", "model", "entity", "row", "record", "input", "params", "args", "data",
    "info", "details", "view", "event", "payload", "form", "command", "cmd", "proto", "inner", "ref", "context", "ctx",
    "config", "item",
];

/// OpenTelemetry keys that end in a free name. Compared without regard to case, before the words.
pub(super) static PREFIXES: [(&str, KeyClass, &str); 21] = [
    ("http.request.header.", KeyClass::Pii, "semantic convention `http.request.header.<key>`"),
    ("http.response.header.", KeyClass::Pii, "semantic convention `http.response.header.<key>`"),
    ("db.query.parameter.", KeyClass::Content, "semantic convention `db.query.parameter.<key>`"),
    ("url.path.parameter.", KeyClass::Pii, "semantic convention `url.path.parameter.<key>`"),
    ("process.environment_variable.", KeyClass::Secret, "semantic convention `process.environment_variable.<key>`"),
    ("sentry.message.parameter.", KeyClass::Content, "semantic convention `sentry.message.parameter.<key>`"),
    ("grpc.error.", KeyClass::Content, "semantic convention `grpc.error.<key>`"),
    ("rpc.request.metadata.", KeyClass::Pii, "semantic convention `rpc.request.metadata.<key>`"),
    ("rpc.response.metadata.", KeyClass::Pii, "semantic convention `rpc.response.metadata.<key>`"),
    ("rpc.grpc.request.metadata.", KeyClass::Pii, "semantic convention `rpc.grpc.request.metadata.<key>`"),
    ("rpc.grpc.response.metadata.", KeyClass::Pii, "semantic convention `rpc.grpc.response.metadata.<key>`"),
    (
        "rpc.connect_rpc.request.metadata.",
        KeyClass::Pii,
        "semantic convention `rpc.connect_rpc.request.metadata.<key>`",
    ),
    (
        "rpc.connect_rpc.response.metadata.",
        KeyClass::Pii,
        "semantic convention `rpc.connect_rpc.response.metadata.<key>`",
    ),
    ("db.operation.parameter.", KeyClass::Content, "semantic convention `db.operation.parameter.<key>`"),
    ("db.elasticsearch.path_parts.", KeyClass::Content, "semantic convention `db.elasticsearch.path_parts.<key>`"),
    ("mcp.request.argument.", KeyClass::Content, "semantic convention `mcp.request.argument.<key>`"),
    ("mcp.prompt.result.", KeyClass::Content, "semantic convention `mcp.prompt.result.<key>`"),
    ("mcp.tool.result.", KeyClass::Content, "semantic convention `mcp.tool.result.<key>`"),
    ("mcp.", KeyClass::Content, "semantic convention `mcp.*`"),
    ("params.", KeyClass::Content, "semantic convention `params.<key>`"),
    ("query.", KeyClass::Content, "semantic convention `query.<key>`"),
];

/// The tables in words: name, how many entries, and what happens to a text under such a key.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, usize, &'static str)> {
    let count = |class| GROUPS.iter().filter(|group| group.class == class).map(|group| group.words.len()).sum();
    [
        ("exclusions and machine ids", count(KeyClass::Safe), "kept, its text scanned"),
        (
            "suffixes of counts, times, sorts and switches",
            SAFE_SUFFIXES.len() + MORE_SAFE_SUFFIXES.len(),
            "kept, its text scanned",
        ),
        ("ids of persons and devices", count(KeyClass::Id), "hashed"),
        ("secret words", count(KeyClass::Secret), "dropped; truth values stay, and so do numbers that can be counts"),
        ("personal words", count(KeyClass::Pii), "dropped; truth values stay, and so do numbers that can be counts"),
        ("content words", count(KeyClass::Content), "dropped; numbers and truth values stay"),
        ("semantic conventions with a free name at their end", PREFIXES.len(), "dropped or hashed"),
        ("semantic conventions of SQL", count(KeyClass::Sql), "without its literals"),
    ]
    .into_iter()
}

/// Headers that hold no person and no secret.
pub(super) static PLAIN_HEADERS: [&str; 9] = [
    "content-length",
    "content-type",
    "content-encoding",
    "accept",
    "accept-encoding",
    "cache-control",
    "traceparent",
    "etag",
    "vary",
];

const SLOTS: usize = 2048;

/// Group and word of each occupied slot, `u16::MAX` for none.
static INDEX: [u16; SLOTS] = index();

const fn index() -> [u16; SLOTS] {
    let mut slots = [u16::MAX; SLOTS];
    let mut group = 0;
    while group < GROUP_LIST.len() {
        let words = GROUP_LIST[group].words;
        let mut word = 0;
        while word < words.len() {
            let mut slot = slot_of(hash(words[word].0.as_bytes())) % SLOTS;
            while slots[slot] != u16::MAX {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = ((group as u16) << 8) | word as u16;
            word += 1;
        }
        group += 1;
    }
    slots
}

/// The hash of a phrase, word by word.
pub(super) const fn hash(phrase: &[u8]) -> u64 {
    let (mut hash, mut rest) = (0, phrase);
    loop {
        let mut end = 0;
        while end < rest.len() && rest[end] != b' ' {
            end += 1;
        }
        let (word, next) = rest.split_at(end);
        hash = Ends::of(word).after(hash);
        match next {
            [_, next @ ..] => rest = next,
            [] => return hash,
        }
    }
}

const fn slot_of(hash: u64) -> usize {
    (hash >> 40) as usize
}

/// Last words of the phrases that count in text: what is not in it ends no phrase.
pub(super) static LAST_WORDS: Filter = last_words();

/// More of them: those of the keys in other languages that the scanner knows, as far as they are ASCII.
const MORE_LAST_WORDS: [&str; 23] = [
    "senha",
    "passe",
    "wachtwoord",
    "adgangskode",
    "salasana",
    "heslo",
    "parola",
    "nutzername",
    "benutzername",
    "completo",
    "apellido",
    "apellidos",
    "anschrift",
    "nacimiento",
    "naissance",
    "urodzenia",
    "nascita",
    "nascimento",
    "geboortedatum",
    "breitengrad",
    "latitud",
    "longitud",
    // `session.hash` is what `session.id` becomes.
    "hash",
];

const fn last_words() -> Filter {
    let mut filter = Filter::new();
    let mut group = 0;
    while group < GROUP_LIST.len() {
        let counts = !matches!(GROUP_LIST[group].class, KeyClass::Safe | KeyClass::Content | KeyClass::Sql)
            && (matches!(GROUP_LIST[group].class, KeyClass::Free)
                || !matches!(GROUP_LIST[group].text, TextRule::Never));
        let words = GROUP_LIST[group].words;
        let mut word = if counts { 0 } else { words.len() };
        while word < words.len() {
            let phrase = words[word].0.as_bytes();
            let mut start = phrase.len();
            while start > 0 && phrase[start - 1] != b' ' {
                start -= 1;
            }
            filter = filter.with(phrase.split_at(start).1);
            word += 1;
        }
        group += 1;
    }
    let mut word = 0;
    while word < MORE_LAST_WORDS.len() {
        filter = filter.with(MORE_LAST_WORDS[word].as_bytes());
        word += 1;
    }
    filter
}

/// First words of all phrases.
pub(super) static FIRST_WORDS: Filter = first_words();

const fn first_words() -> Filter {
    let mut filter = Filter::new();
    let mut group = 0;
    while group < GROUP_LIST.len() {
        let words = GROUP_LIST[group].words;
        let mut word = 0;
        while word < words.len() {
            let phrase = words[word].0.as_bytes();
            let mut end = 0;
            while end < phrase.len() && phrase[end] != b' ' {
                end += 1;
            }
            filter = filter.with(phrase.split_at(end).0);
            word += 1;
        }
        group += 1;
    }
    filter
}

/// [`SAFE_SUFFIXES`] and [`MORE_SAFE_SUFFIXES`].
pub(super) static SAFE_WORDS: Filter = safe_words();

const fn safe_words() -> Filter {
    let mut filter = Filter::new();
    let mut word = 0;
    while word < SAFE_SUFFIXES.len() {
        filter = filter.with(SAFE_SUFFIXES[word].as_bytes());
        word += 1;
    }
    word = 0;
    while word < MORE_SAFE_SUFFIXES.len() {
        filter = filter.with(MORE_SAFE_SUFFIXES[word].as_bytes());
        word += 1;
    }
    filter
}

/// The group and sentence of a phrase, given its [`hash`].
pub(super) fn find(phrase: &[u8], hash: u64) -> Option<(&'static Group, &'static str)> {
    let mut slot = slot_of(hash) % SLOTS;
    loop {
        let entry = INDEX[slot];
        if entry == u16::MAX {
            return None;
        }
        let group = &GROUPS[usize::from(entry >> 8)];
        let (word, rule) = group.words[usize::from(entry & 0xff)];
        if word.as_bytes() == phrase {
            return Some((group, rule));
        }
        slot = (slot + 1) % SLOTS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_found_under_its_own_group() {
        let mut seen = std::collections::HashSet::new();
        for group in GROUPS {
            for (word, rule) in group.words {
                assert!(seen.insert(*word), "{word} is listed twice");
                assert!(word.split(' ').count() <= LONGEST, "{word} is too long to be tried");
                let (_, found) = find(word.as_bytes(), hash(word.as_bytes())).expect(word);
                assert_eq!(found, *rule);
            }
        }
        assert!(find(b"plan", hash(b"plan")).is_none());
    }
}
