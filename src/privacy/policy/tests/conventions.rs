//! The attributes of OpenTelemetry's semantic conventions and of sentry's that can hold personal data, one by one.

use super::*;

/// Key, what happens to its text under the standard policy, and the key under which it leaves.
const CONVENTIONS: &[(&str, Action, &str)] = &[
    // What sentry-conventions mark `apply_scrubbing = auto`, as far as Rust services have it.
    ("client.address", Action::Drop, ""),
    ("network.peer.address", Action::Drop, ""),
    ("net.peer.ip", Action::Drop, ""),
    ("net.peer.name", Action::Drop, ""),
    ("net.sock.peer.addr", Action::Drop, ""),
    ("net.sock.peer.name", Action::Drop, ""),
    ("http.client_ip", Action::Drop, ""),
    ("http.url", Action::Drop, ""),
    ("http.target", Action::Drop, ""),
    ("http.query", Action::Drop, ""),
    ("http.fragment", Action::Drop, ""),
    ("url", Action::Drop, ""),
    ("url.full", Action::Drop, ""),
    ("url.path", Action::Drop, ""),
    ("url.query", Action::Drop, ""),
    ("url.fragment", Action::Drop, ""),
    ("url.path.parameter.name", Action::Drop, ""),
    ("url.path.parameter.plan", Action::Drop, ""),
    ("http.request.header.x-custom", Action::Drop, ""),
    ("http.request.header.authorization", Action::Drop, ""),
    ("http.request.header.cookie", Action::Drop, ""),
    ("http.request.header.content-length", Action::Keep, ""),
    ("http.response.header.x-custom", Action::Drop, ""),
    ("http.response.header.set-cookie", Action::Drop, ""),
    ("http.response.header.content-length", Action::Keep, ""),
    ("http.request.body.data", Action::Drop, ""),
    ("db.statement", Action::Parameterize, ""),
    ("db.query.parameter.name", Action::Drop, ""),
    ("db.query.parameter.0", Action::Drop, ""),
    ("db.sql.bindings", Action::Drop, ""),
    ("db.params", Action::Drop, ""),
    ("db.redis.parameters", Action::Drop, ""),
    ("exception.message", Action::Drop, ""),
    ("exception.stacktrace", Action::Drop, ""),
    ("file.path", Action::Drop, ""),
    ("process.command_args", Action::Drop, ""),
    ("device.name", Action::Drop, ""),
    ("otel.status_description", Action::Drop, ""),
    ("graphql.document", Action::Drop, ""),
    ("grpc.error.name", Action::Drop, ""),
    ("grpc.error.message", Action::Drop, ""),
    ("gen_ai.input.messages", Action::Drop, ""),
    ("gen_ai.output.messages", Action::Drop, ""),
    ("gen_ai.request.messages", Action::Drop, ""),
    ("gen_ai.system.message", Action::Drop, ""),
    ("gen_ai.user.message", Action::Drop, ""),
    ("gen_ai.tool.message", Action::Drop, ""),
    ("mcp.request.argument.city", Action::Drop, ""),
    ("mcp.tool.result.content", Action::Drop, ""),
    ("mcp.prompt.result.message_content", Action::Drop, ""),
    ("mcp.resource.uri", Action::Drop, ""),
    ("mcp.client.name", Action::Drop, ""),
    ("mcp.session.id", Action::Hash, "mcp.session.hash"),
    ("user.id", Action::Hash, "user.hash"),
    ("user.name", Action::Drop, ""),
    ("user.email", Action::Drop, ""),
    ("user.full_name", Action::Drop, ""),
    ("user.hash", Action::Hash, "user.hash"),
    ("user.roles", Action::Drop, ""),
    ("user.ip_address", Action::Drop, ""),
    ("params.name", Action::Drop, ""),
    ("query.page", Action::Drop, ""),
    ("sentry.message.parameter.0", Action::Drop, ""),
    // What they leave to their users, and we do not.
    ("host.name", Action::Drop, ""),
    ("host.id", Action::Hash, "host.hash"),
    ("host.ip", Action::Drop, ""),
    ("host.mac", Action::Drop, ""),
    ("code.file.path", Action::Keep, ""),
    ("db.query.text", Action::Parameterize, ""),
    ("db.user", Action::Drop, ""),
    ("user_agent.original", Action::Drop, ""),
    ("session.id", Action::Hash, "session.hash"),
    ("messaging.message.id", Action::Hash, "messaging.message.hash"),
    ("process.command_line", Action::Drop, ""),
    ("process.owner", Action::Drop, ""),
    ("process.user.name", Action::Drop, ""),
    ("process.working_directory", Action::Drop, ""),
    ("process.environment_variable.PATH", Action::Drop, ""),
    ("process.environment_variable.lang", Action::Drop, ""),
    ("process.executable.path", Action::Keep, ""),
    ("server.address", Action::Drop, ""),
    ("service.instance.id", Action::Hash, "service.instance.hash"),
    ("device.id", Action::Hash, "device.hash"),
    ("enduser.id", Action::Hash, "enduser.hash"),
    ("enduser.pseudo.id", Action::Hash, "enduser.pseudo.hash"),
    // What dashboards are made of stays.
    ("http.route", Action::Keep, ""),
    ("http.request.method", Action::Keep, ""),
    ("http.response.status_code", Action::Keep, ""),
    ("http.request.body.size", Action::Keep, ""),
    ("url.scheme", Action::Keep, ""),
    ("db.system.name", Action::Keep, ""),
    ("db.operation.name", Action::Keep, ""),
    ("db.collection.name", Action::Keep, ""),
    ("db.response.returned_rows", Action::Keep, ""),
    ("rpc.service", Action::Keep, ""),
    ("rpc.method", Action::Keep, ""),
    ("messaging.system", Action::Keep, ""),
    ("messaging.operation.name", Action::Keep, ""),
    ("messaging.destination.name", Action::Keep, ""),
    ("messaging.batch.message_count", Action::Keep, ""),
    ("error.type", Action::Keep, ""),
    ("exception.type", Action::Keep, ""),
    ("exception.escaped", Action::Keep, ""),
    ("network.protocol.name", Action::Keep, ""),
    ("network.protocol.version", Action::Keep, ""),
    ("network.transport", Action::Keep, ""),
    ("server.port", Action::Keep, ""),
    ("service.name", Action::Keep, ""),
    ("service.version", Action::Keep, ""),
    ("deployment.environment.name", Action::Keep, ""),
    ("telemetry.sdk.name", Action::Keep, ""),
    ("os.type", Action::Keep, ""),
    ("os.version", Action::Keep, ""),
    ("host.arch", Action::Keep, ""),
    ("process.pid", Action::Keep, ""),
    ("process.runtime.name", Action::Keep, ""),
    ("thread.id", Action::Keep, ""),
    ("thread.name", Action::Keep, ""),
    ("code.function.name", Action::Keep, ""),
    ("code.line.number", Action::Keep, ""),
    ("feature_flag.key", Action::Keep, ""),
    ("feature_flag.result.variant", Action::Keep, ""),
    ("gen_ai.request.model", Action::Keep, ""),
    ("gen_ai.usage.input_tokens", Action::Keep, ""),
    ("gen_ai.usage.output_tokens", Action::Keep, ""),
    ("gen_ai.request.max_tokens", Action::Keep, ""),
    ("cloud.region", Action::Keep, ""),
    ("container.image.name", Action::Keep, ""),
    ("k8s.namespace.name", Action::Keep, ""),
    ("rpc.grpc.status_code", Action::Keep, ""),
];

#[test]
fn each_semantic_convention_has_its_verdict() {
    let policy = Policy::standard();
    let mut wrong = Vec::new();
    for (key, action, renamed) in CONVENTIONS {
        // Where a span and an event differ, as with `otel.status_description`, the attribute is meant.
        let explained = policy.explain_in(Site::event("an.event"), key);
        let renamed = if renamed.is_empty() { key } else { renamed };
        if explained.action() != *action || explained.renamed() != *renamed {
            wrong.push(explained.to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_convention_drops_is_dropped_by_a_rule_that_has_a_name() {
    let policy = Policy::standard();
    for (key, ..) in CONVENTIONS.iter().filter(|(_, action, _)| *action != Action::Keep) {
        assert!(!policy.explain(key).rule().is_empty(), "{key}");
    }
}
