#!/usr/bin/env python3
"""Write what watches a gateway and its agents from the tables below: deploy/prometheus/alerts.yaml, and dashboard.json and
agents.json of deploy/grafana/.

    tools/make-watch.py            writes them
    tools/make-watch.py --check    exit 1 when a file is not what the tables say, when they name a metric or label that
                                   docs/metrics.md has not, when a metric is on no panel, or a sign of
                                   docs/operations.md ("What to watch", "Agents in metrics") has no alert

The rules are for a gateway scraped as any job; `instance` tells gateways apart. promtool reads them in the test.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALERTS_FILE = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD_FILE = ROOT / "deploy" / "grafana" / "dashboard.json"
AGENTS_FILE = ROOT / "deploy" / "grafana" / "agents.json"
RUNBOOK = "docs/operations.md#what-to-watch"
AGENTS_RUNBOOK = "docs/operations.md#agents-in-metrics"
HEAD = """# Alerts for Prometheus, made by tools/make-watch.py; not to be edited by hand.
# What each means and what to do: docs/operations.md, "What to watch".
groups:
  - name: noveum-gateway
    rules:
"""

# name, expression, for, severity, summary. `grows` counts over 10 minutes, so that one scrape that fails hides nothing.
ALERTS = [
    ("ExporterHolds", "noveum_exporter_sending == 0", "5m", "critical",
     "The exporter holds: key, credit, endpoint or backend. Nothing is lost meanwhile; /status says why."),
    ("NotReady", "noveum_ready == 0", "2m", "critical",
     "Requests are refused: journal full or not writable, or a shard is stuck. /readyz says which."),
    ("DeadLetters", "sum by (instance, job, reason) (increase(noveum_spans_dead_lettered_total[10m])) > 0", "0m", "warning",
     "{{ printf \"%.0f\" $value }} spans became dead letters ({{ $labels.reason }}): `noveum-gateway dead list` shows why."),
    ("EveryTraceRefused", "noveum_traces_refused_in_row >= 20", "0m", "critical",
     "The backend refuses every trace: an outage in disguise, or a proxy answers for it."),
    ("TraceSetAside", "noveum_traces_set_aside > 0", "0m", "warning",
     "The process died twice over a trace, which is a dead letter now. Please report it."),
    ("ShardStuck", "noveum_shard_stuck_seconds >= 5", "0m", "critical",
     "A shard makes no progress with a trace; after 60 s /healthz fails and a restart goes on with the others."),
    ("ClientsRefused", 'sum by (instance, job, reason) (increase(noveum_requests_refused_total{reason!="busy"}[10m])) > 0', "5m", "warning",
     "Requests are refused ({{ $labels.reason }}): a client is set up wrong; the log says what to configure."),
    ("DoorBusy", 'increase(noveum_requests_total{result="busy"}[10m]) > 0', "10m", "warning",
     "Clients are told to come back: the disk is full or the backend is behind."),
    ("SpansRejected", "sum by (instance, job, reason) (increase(noveum_spans_rejected_total[10m])) > 0", "5m", "warning",
     "A client sends spans without a valid {{ $labels.reason }}; its partial-success message names the first."),
    ("TracesLate", "increase(noveum_traces_late_total[10m]) > 0.01 * increase(noveum_traces_completed_total[10m])", "15m", "info",
     "More than 1 % of traces get spans after they were sent: raise assembly.quiet_distributed_ms."),
    ("TracesIncomplete", "increase(noveum_traces_incomplete_total[10m]) > 0.05 * increase(noveum_traces_completed_total[10m])", "15m", "info",
     "More than 5 % of traces lack their root or parents: a service does not export, or sampling cuts traces apart."),
    ("TracesUntranslated", "increase(noveum_traces_untranslated_total[10m]) > 0", "0m", "warning",
     "Traces went as they came, because translating them took too much work or memory; the log has their ids."),
    ("TracesCut", "increase(noveum_traces_cut_total[10m]) > 0", "0m", "info",
     "Traces were cut into linked parts by a cap on spans, bytes or age."),
    ("JournalDamaged", "noveum_journal_damaged_records > 0", "0m", "critical",
     "The disk returned what was not written: `noveum-gateway journal check`."),
    ("JournalMissing", "noveum_journal_missing_records > 0", "0m", "critical",
     "Records of the journal are gone, acknowledged ones among them: who writes to journal.directory?"),
    ("JournalLocked", "noveum_journal_locked_records > 0", "0m", "critical",
     "Records of the journal were set aside because no key opens them: docs/operations.md, The key of the journal."),
    ("JournalFills", "noveum_journal_bytes > 0.8 * noveum_journal_capacity_bytes > 0", "5m", "warning",
     "The journal has filled four fifths of what it may; when it is full clients are told to come back. Room on the volume, journal.max_bytes, or the exporter."),
    ("KafkaDown", "noveum_kafka_up == 0 and noveum_kafka_partitions > 0", "5m", "critical",
     "The brokers do not answer. Receivers tell clients to come back; assemblers go on when they do."),
    ("KafkaLags", "noveum_kafka_mark_age_seconds > 900 and noveum_kafka_lag_messages > 0", "5m", "warning",
     "A partition's mark has stood for {{ $value | humanizeDuration }} with messages behind it: more assemblers, up to the number of partitions, or a look at the backend."),
    ("KafkaNotKeyed", "increase(noveum_kafka_messages_not_keyed_total[10m]) > 0", "0m", "warning",
     "Messages are not keyed by trace, so traces are split over members: partition_traces_by_id of the Collector that writes them, or kafka.rekey here."),
    ("KafkaDeadMessages", "increase(noveum_kafka_messages_dead_total[10m]) > 0", "0m", "warning",
     "{{ printf \"%.0f\" $value }} messages were no OTLP and are in the topic of dead ones (kafka.dead_topic), with the reason as a header."),
    ("MediaLost", 'sum by (instance, job, result) (increase(noveum_media_total{result=~"lost|dead_lettered"}[10m])) > 0', "0m", "warning",
     "{{ printf \"%.0f\" $value }} pictures or sounds did not arrive ({{ $labels.result }}); their traces did."),
    ("KafkaBehind", "increase(noveum_kafka_messages_failed_total[10m]) > 0", "5m", "warning",
     "Kafka does not take messages in time, clients send them again: brokers away, topic missing or too few replicas in sync."),
    ("DeliveryLags", "noveum_oldest_trace_age_seconds > 900", "5m", "warning",
     "The oldest trace has waited {{ $value | humanizeDuration }}: the backend is behind, or assembly.open_ms is longer than usual."),
    ("RepeatedSpans", 'sum by (instance, job) (increase(noveum_spans_dropped_total{reason="duplicate"}[10m])) '
     "> 0.2 * sum by (instance, job) (increase(noveum_spans_received_total[10m]))", "30m", "info",
     "More than a fifth of the spans repeat one that is delivered: a client or Collector sends twice."),
]

# row title, [panel title, unit, [(legend, expression)]]
ROWS = [
    ("Are traces arriving?", [
        ("Spans a second", "short", [
            ("received", 'sum(rate(noveum_spans_received_total{instance=~"$instance"}[$__rate_interval]))'),
            ("delivered", 'sum(rate(noveum_spans_delivered_total{instance=~"$instance"}[$__rate_interval]))'),
            ("dropped, {{reason}}", 'sum by (reason) (rate(noveum_spans_dropped_total{instance=~"$instance"}[$__rate_interval]))'),
            ("dead letters, {{reason}}", 'sum by (reason) (rate(noveum_spans_dead_lettered_total{instance=~"$instance"}[$__rate_interval]))'),
            ("from the journal", 'sum(rate(noveum_spans_replayed_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Spans inside", "short", [
            ("held, trace not complete", 'sum(noveum_spans_held{instance=~"$instance"})'),
            ("queued for the backend", 'sum(noveum_spans_queued{instance=~"$instance"})')]),
        ("Traces a second", "short", [
            ("completed", 'sum(rate(noveum_traces_completed_total{instance=~"$instance"}[$__rate_interval]))'),
            ("delivered", 'sum(rate(noveum_traces_delivered_total{instance=~"$instance"}[$__rate_interval]))'),
            ("incomplete", 'sum(rate(noveum_traces_incomplete_total{instance=~"$instance"}[$__rate_interval]))'),
            ("late", 'sum(rate(noveum_traces_late_total{instance=~"$instance"}[$__rate_interval]))'),
            ("cut", 'sum(rate(noveum_traces_cut_total{instance=~"$instance"}[$__rate_interval]))'),
            ("of log records", 'sum(rate(noveum_traces_of_log_records_total{instance=~"$instance"}[$__rate_interval]))'),
            ("untranslated", 'sum(rate(noveum_traces_untranslated_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Since the last delivery", "s", [
            ("{{instance}}", 'time() - (noveum_last_delivery_timestamp_seconds{instance=~"$instance"} > 0)'),
            ("oldest trace, {{instance}}", 'noveum_oldest_trace_age_seconds{instance=~"$instance"}')])]),
    ("Clients", [
        ("Requests a second", "reqps", [
            ("{{result}}", 'sum by (result) (rate(noveum_requests_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Refused, by reason", "reqps", [
            ("{{reason}}", 'sum by (reason) (rate(noveum_requests_refused_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Spans refused at the door", "short", [
            ("{{reason}}", 'sum by (reason) (rate(noveum_spans_rejected_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Bytes in", "Bps", [
            ("requests", 'sum(rate(noveum_request_bytes_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Connections", "short", [
            ("OTLP/HTTP", 'sum(noveum_connections{instance=~"$instance"})'),
            ("OTLP/gRPC", 'sum(noveum_grpc_connections{instance=~"$instance"})')]),
        ("Beside spans", "short", [
            ("log records", 'sum(rate(noveum_log_records_total{instance=~"$instance"}[$__rate_interval]))'),
            ("log records of no trace", 'sum(rate(noveum_log_records_unused_total{instance=~"$instance"}[$__rate_interval]))'),
            ("log records of spans left out", 'sum(rate(noveum_log_records_left_out_total{instance=~"$instance"}[$__rate_interval]))'),
            ("metrics requests, not kept", 'sum(rate(noveum_metric_requests_total{instance=~"$instance"}[$__rate_interval]))'),
            ("invalid UTF-8", 'sum(rate(noveum_invalid_utf8_total{instance=~"$instance"}[$__rate_interval]))'),
            ("integers out of range", 'sum(rate(noveum_integers_out_of_range_total{instance=~"$instance"}[$__rate_interval]))')])]),
    ("Backend", [
        ("Sending", "bool_yes_no", [("{{instance}}", 'noveum_exporter_sending{instance=~"$instance"}')]),
        ("Requests a second", "reqps", [
            ("attempts", 'sum(rate(noveum_send_attempts_total{instance=~"$instance"}[$__rate_interval]))'),
            ("again", 'sum(rate(noveum_send_retries_total{instance=~"$instance"}[$__rate_interval]))'),
            ("not in the page's store", 'sum(rate(noveum_store_dropped_total{instance=~"$instance"}[$__rate_interval]))'),
            ("in the page's store", 'sum(rate(noveum_store_traces_total{instance=~"$instance"}[$__rate_interval]))'),
            ("warnings in replies", 'sum(rate(noveum_send_warnings_total{instance=~"$instance"}[$__rate_interval]))'),
            ("in flight", 'sum(noveum_requests_in_flight{instance=~"$instance"})')]),
        ("Bytes out", "Bps", [
            ("bodies", 'sum(rate(noveum_send_bytes_total{instance=~"$instance"}[$__rate_interval]))'),
            ("uploads", 'sum(rate(noveum_media_bytes_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Masked before sending", "short", [
            ("{{rule}}", 'sum by (rule) (rate(noveum_redacted_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Pictures and sounds", "short", [
            ("{{result}}", 'sum by (result) (rate(noveum_media_total{instance=~"$instance"}[$__rate_interval]))'),
            ("attempts", 'sum(rate(noveum_media_attempts_total{instance=~"$instance"}[$__rate_interval]))'),
            ("files, {{result}}", 'sum by (result) (rate(noveum_media_files_total{instance=~"$instance"}[$__rate_interval]))'),
            ("waiting", 'sum(noveum_media_pending{instance=~"$instance"})')]),
        ("Refused in a row", "short", [("{{instance}}", 'noveum_traces_refused_in_row{instance=~"$instance"}')])]),
    ("Disk and memory", [
        ("Journal", "bytes", [
            ("{{instance}}", 'noveum_journal_bytes{instance=~"$instance"}'),
            ("may fill, {{instance}}", 'noveum_journal_capacity_bytes{instance=~"$instance"}')]),
        ("Records on disk", "short", [
            ("live, {{instance}}", 'noveum_journal_records{instance=~"$instance"}'),
            ("encoded, {{instance}}", 'noveum_outbox_records{instance=~"$instance"}'),
            ("damaged, {{instance}}", 'noveum_journal_damaged_records{instance=~"$instance"}'),
            ("missing, {{instance}}", 'noveum_journal_missing_records{instance=~"$instance"}'),
            ("locked, {{instance}}", 'noveum_journal_locked_records{instance=~"$instance"}')]),
        ("Held in memory", "bytes", [
            ("spans and index", 'sum(noveum_held_memory_bytes{instance=~"$instance"})'),
            ("bytes of held spans", 'sum(noveum_held_bytes{instance=~"$instance"})'),
            ("JSON that waits", 'sum(noveum_queued_bytes{instance=~"$instance"})'),
            ("requests being read", 'sum(noveum_undecoded_bytes{instance=~"$instance"})')]),
        ("Traces inside", "short", [
            ("open", 'sum(noveum_open_traces{instance=~"$instance"})'),
            ("encoded, in memory", 'sum(noveum_queued_traces{instance=~"$instance"})'),
            ("not settled", 'sum(noveum_unsettled_traces{instance=~"$instance"})')])]),
    ("Kafka (roles beside all)", [
        ("Brokers answer", "bool_yes_no", [("{{instance}}", 'noveum_kafka_up{instance=~"$instance"}')]),
        ("Messages a second", "short", [
            ("written", 'sum(rate(noveum_kafka_messages_produced_total{instance=~"$instance"}[$__rate_interval]))'),
            ("not taken in time", 'sum(rate(noveum_kafka_messages_failed_total{instance=~"$instance"}[$__rate_interval]))'),
            ("clients made anew", 'sum(rate(noveum_kafka_clients_renewed_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Bytes written", "Bps", [
            ("before compression", 'sum(rate(noveum_kafka_bytes_produced_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Read from the log, a second", "short", [
            ("messages", 'sum(rate(noveum_kafka_messages_consumed_total{instance=~"$instance"}[$__rate_interval]))'),
            ("no OTLP", 'sum(rate(noveum_kafka_messages_dead_total{instance=~"$instance"}[$__rate_interval]))'),
            ("not keyed by trace", 'sum(rate(noveum_kafka_messages_not_keyed_total{instance=~"$instance"}[$__rate_interval]))'),
            ("written again under their trace", 'sum(rate(noveum_kafka_messages_rekeyed_total{instance=~"$instance"}[$__rate_interval]))'),
            ("items sent before, left out", 'sum(rate(noveum_kafka_items_sent_before_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Lag in messages", "short", [
            ("behind the marks", 'sum(noveum_kafka_lag_messages{instance=~"$instance"})'),
            ("not read", 'sum(noveum_kafka_unread_messages{instance=~"$instance"})')]),
        ("Members", "short", [
            ("partitions, {{instance}}", 'noveum_kafka_assigned_partitions{instance=~"$instance"}'),
            ("waiting for memory, {{instance}}", 'noveum_kafka_paused_partitions{instance=~"$instance"}'),
            ("rebalances, {{instance}}", 'increase(noveum_kafka_rebalances_total{instance=~"$instance"}[$__rate_interval])'),
            ("commits {{result}}, {{instance}}", 'rate(noveum_kafka_commits_total{instance=~"$instance"}[$__rate_interval])')]),
        ("Age of the oldest mark", "s", [("{{instance}}", 'noveum_kafka_mark_age_seconds{instance=~"$instance"}')]),
        ("Waiting for the brokers", "short", [
            ("messages", 'sum(noveum_kafka_buffered_messages{instance=~"$instance"})'),
            ("bytes", 'sum(noveum_kafka_buffered_bytes{instance=~"$instance"})'),
            ("partitions of the topic", 'max(noveum_kafka_partitions{instance=~"$instance"})')])]),
    ("The program", [
        ("Ready", "bool_yes_no", [("{{instance}}", 'noveum_ready{instance=~"$instance"}')]),
        ("Up for", "s", [("{{instance}}", 'noveum_uptime_seconds{instance=~"$instance"}')]),
        ("Version", "none", [("{{instance}} {{version}}", 'noveum_build_info{instance=~"$instance"}')]),
        ("Own telemetry", "short", [
            ("requests, {{result}}", 'sum by (result) (rate(noveum_telemetry_requests_total{instance=~"$instance"}[$__rate_interval]))'),
            ("spans, {{result}}", 'sum by (result) (rate(noveum_telemetry_spans_total{instance=~"$instance"}[$__rate_interval]))')]),
        ("Trouble with single traces", "short", [
            ("stuck for s, {{instance}}", 'noveum_shard_stuck_seconds{instance=~"$instance"}'),
            ("set aside, {{instance}}", 'noveum_traces_set_aside{instance=~"$instance"}')])]),
]

# What agents do (docs/operations.md, "Agents in metrics"): the same as above. BY is who is told of. An agent is
# compared with what it did before, so one that was not there a day or an hour ago is told of by its budget alone.
BY = "job, service_name, gen_ai_agent_name"
AGENTS_HEAD = """  - name: noveum-agents
    rules:
      # US dollars that one agent may cost within 24 hours; this number is yours to change.
      - record: noveum:agent_daily_budget_usd
        expr: "vector(100)"
"""
AGENT_ALERTS = [
    ("CostBudget", f"sum by ({BY}) (increase(noveum_agent_cost_usd_total[1d])) > scalar(noveum:agent_daily_budget_usd)", "0m", "warning",
     "{{ $labels.gen_ai_agent_name }} of {{ $labels.service_name }} has cost {{ printf \"%.2f\" $value }} US dollars within 24 hours, more than noveum:agent_daily_budget_usd."),
    ("CostRises", f"sum by ({BY}) (rate(noveum_agent_cost_usd_total[30m])) > 3 * sum by ({BY}) (rate(noveum_agent_cost_usd_total[1d] offset 30m))"
     f" and sum by ({BY}) (increase(noveum_agent_cost_usd_total[30m])) > 1"
     f" and sum by ({BY}) (noveum_agent_cost_usd_total offset 1d) >= 0", "5m", "warning",
     "{{ $labels.gen_ai_agent_name }} of {{ $labels.service_name }} costs more than three times what it did on average in the last day."),
    ("TokensRise", f"sum by ({BY}) (rate(noveum_agent_tokens_total[10m])) > 4 * sum by ({BY}) (rate(noveum_agent_tokens_total[1h] offset 10m))"
     f" and sum by ({BY}) (increase(noveum_agent_tokens_total[10m])) > 100000"
     f" and sum by ({BY}) (noveum_agent_tokens_total offset 1h) >= 0", "5m", "info",
     "{{ $labels.gen_ai_agent_name }} of {{ $labels.service_name }} uses more than four times the tokens that it did on average in the last hour: a loop, or a context that grows?"),
    ("RunsFail", f"sum by ({BY}) (increase(noveum_agent_run_errors_total[15m])) > 0.2 * sum by ({BY}) (increase(noveum_agent_runs_total[15m]))"
     f" and sum by ({BY}) (increase(noveum_agent_runs_total[15m])) >= 10", "0m", "warning",
     "More than a fifth of the runs of {{ $labels.gen_ai_agent_name }} of {{ $labels.service_name }} fail."),
    ("ToolFails", f"sum by ({BY}, gen_ai_tool_name) (increase(noveum_agent_tool_errors_total[15m])) > 0.5 * sum by ({BY}, gen_ai_tool_name) (increase(noveum_agent_tool_calls_total[15m]))"
     f" and sum by ({BY}, gen_ai_tool_name) (increase(noveum_agent_tool_calls_total[15m])) >= 10", "0m", "warning",
     "More than half of the calls of {{ $labels.gen_ai_tool_name }} by {{ $labels.gen_ai_agent_name }} of {{ $labels.service_name }} fail."),
    ("SeriesFull", 'sum by (instance, job) (increase(noveum_agent_spans_total{gen_ai_agent_name="_other"}[10m])) > 0', "0m", "info",
     "More agents than admin.metrics_agents_max: further ones are counted together as _other. Are there ids in their names?"),
]

PICK = 'instance=~"$instance",service_name=~"$service",gen_ai_agent_name=~"$agent"'
AGENT = "{{service_name}} {{gen_ai_agent_name}}"


def picked(by, function, metric, more=""):
    """The sum of a function of what the dashboard has chosen."""
    return f"sum by ({by}) ({function}({metric}{{{PICK}{more}}}[$__rate_interval]))"


OF = "service_name, gen_ai_agent_name"
TOOL, MODEL = OF + ", gen_ai_tool_name", OF + ", gen_ai_request_model"
AGENT_ROWS = [
    ("What do agents cost?", [
        ("US dollars within 24 hours", "currencyUSD", [
            (AGENT, f"sum by ({OF}) (increase(noveum_agent_cost_usd_total{{{PICK}}}[1d]))"),
            ("budget of one", "max(noveum:agent_daily_budget_usd)")]),
        ("US dollars an hour", "currencyUSD", [(AGENT, f"3600 * {picked(OF, 'rate', 'noveum_agent_cost_usd_total')}")]),
        ("US dollars a run", "currencyUSD", [
            (AGENT, f"{picked(OF, 'rate', 'noveum_agent_cost_usd_total')} / {picked(OF, 'rate', 'noveum_agent_runs_total')}")]),
        ("US dollars an hour, by model", "currencyUSD", [
            ("{{gen_ai_request_model}}", f"3600 * {picked('gen_ai_request_model', 'rate', 'noveum_agent_model_cost_usd_total')}")]),
        ("Tokens a second", "short", [
            (AGENT + " {{gen_ai_token_type}}", picked(OF + ", gen_ai_token_type", "rate", "noveum_agent_tokens_total"))]),
        ("Share of tokens", "percentunit", [
            ("input from a cache, " + AGENT, f"{picked(OF, 'rate', 'noveum_agent_cached_tokens_total')} / "
             + picked(OF, "rate", "noveum_agent_tokens_total", ',gen_ai_token_type="input"')),
            ("output of reasoning, " + AGENT, f"{picked(OF, 'rate', 'noveum_agent_reasoning_tokens_total')} / "
             + picked(OF, "rate", "noveum_agent_tokens_total", ',gen_ai_token_type="output"'))])]),
    ("Do they work?", [
        ("Runs a second", "short", [(AGENT, picked(OF, "rate", "noveum_agent_runs_total"))]),
        ("Runs that fail", "percentunit", [
            (AGENT, f"{picked(OF, 'rate', 'noveum_agent_run_errors_total')} / {picked(OF, 'rate', 'noveum_agent_runs_total')}")]),
        ("How long 95 of 100 runs take at most", "s", [
            (AGENT, f"histogram_quantile(0.95, {picked(OF + ', le', 'rate', 'noveum_agent_run_duration_seconds_bucket')})")]),
        ("How long a run takes on average", "s", [
            (AGENT, f"{picked(OF, 'rate', 'noveum_agent_run_duration_seconds_sum')} / {picked(OF, 'rate', 'noveum_agent_run_duration_seconds_count')}")]),
        ("Spans a second", "short", [
            (AGENT, picked(OF, "rate", "noveum_agent_spans_total")),
            ("failed, " + AGENT, picked(OF, "rate", "noveum_agent_span_errors_total"))])]),
    ("Tools", [
        ("Calls a second", "short", [(AGENT + " {{gen_ai_tool_name}}", picked(TOOL, "rate", "noveum_agent_tool_calls_total"))]),
        ("Calls that fail", "percentunit", [
            (AGENT + " {{gen_ai_tool_name}}", f"{picked(TOOL, 'rate', 'noveum_agent_tool_errors_total')} / {picked(TOOL, 'rate', 'noveum_agent_tool_calls_total')}")]),
        ("How long a call takes on average", "s", [
            (AGENT + " {{gen_ai_tool_name}}", f"{picked(TOOL, 'rate', 'noveum_agent_tool_seconds_total')} / {picked(TOOL, 'rate', 'noveum_agent_tool_calls_total')}")])]),
    ("Models", [
        ("Calls a second", "short", [(AGENT + " {{gen_ai_request_model}}", picked(MODEL, "rate", "noveum_agent_model_calls_total"))]),
        ("Calls that fail", "percentunit", [
            (AGENT + " {{gen_ai_request_model}}", f"{picked(MODEL, 'rate', 'noveum_agent_model_errors_total')} / {picked(MODEL, 'rate', 'noveum_agent_model_calls_total')}")]),
        ("How long a call takes on average", "s", [
            (AGENT + " {{gen_ai_request_model}}", f"{picked(MODEL, 'rate', 'noveum_agent_model_seconds_total')} / {picked(MODEL, 'rate', 'noveum_agent_model_calls_total')}")]),
        ("Tokens a second", "short", [
            ("{{gen_ai_request_model}} {{gen_ai_token_type}}", picked("gen_ai_request_model, gen_ai_token_type", "rate", "noveum_agent_model_tokens_total"))])]),
]


def rules_text(prefix, runbook, alerts):
    """The rules of a group; every text is quoted, so that no character of it means anything to YAML."""
    out = ""
    for name, expression, held_for, severity, summary in alerts:
        out += (f"      - alert: {prefix}{name}\n        expr: {json.dumps(expression)}\n        for: {held_for}\n"
                f"        labels:\n          severity: {severity}\n        annotations:\n"
                f"          summary: {json.dumps(summary)}\n          runbook: {json.dumps(runbook)}\n")
    return out


def alerts_text():
    """alerts.yaml."""
    return (HEAD + rules_text("NoveumGateway", RUNBOOK, ALERTS)
            + AGENTS_HEAD + rules_text("NoveumAgent", AGENTS_RUNBOOK, AGENT_ALERTS))


def panel(number, place, title, unit, queries):
    """One time series of Grafana's."""
    targets = [{"refId": chr(ord("A") + i), "expr": expression, "legendFormat": legend,
                "datasource": {"type": "prometheus", "uid": "${datasource}"}} for i, (legend, expression) in enumerate(queries)]
    return {"id": number, "type": "timeseries", "title": title, "gridPos": place, "targets": targets,
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []}}


def panels_of(rows):
    """All panels of the rows, three beside each other."""
    panels, y = [], 0
    for title, items in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        y += 1
        for i, (name, unit, queries) in enumerate(items):
            place = {"h": 8, "w": 8, "x": 8 * (i % 3), "y": y + 8 * (i // 3)}
            panels.append(panel(len(panels) + 1, place, name, unit, queries))
        y += 8 * ((len(items) + 2) // 3)
    return panels


def chosen(name, label, query):
    """A variable whose values are a label's; all of them, the empty one too, unless some are chosen."""
    every = {"allValue": ".*"} if name != "instance" else {}
    return {"name": name, "type": "query", "label": label, "multi": True, "includeAll": True, "refresh": 2, **every,
            "datasource": {"type": "prometheus", "uid": "${datasource}"}, "query": query,
            "current": {"text": "All", "value": "$__all"}}


def dashboard(title, uid, rows, more):
    """A dashboard for Grafana 9 and later; the data source and the gateways are chosen on it."""
    variables = [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
                 chosen("instance", "Gateway", "label_values(noveum_build_info, instance)"), *more]
    return json.dumps({"title": title, "uid": uid, "schemaVersion": 37, "editable": True,
                       "tags": ["noveum", "opentelemetry"], "time": {"from": "now-3h", "to": "now"}, "refresh": "30s",
                       "templating": {"list": variables}, "panels": panels_of(rows)}, indent=1) + "\n"


def dashboard_text():
    """dashboard.json."""
    return dashboard("Noveum OpenTelemetry gateway", "noveum-gateway", ROWS, [])


def agents_text():
    """agents.json."""
    spans = 'noveum_agent_spans_total{instance=~"$instance"'
    return dashboard("Agents (Noveum OpenTelemetry gateway)", "noveum-agents", AGENT_ROWS, [
        chosen("service", "Service", f"label_values({spans}}}, service_name)"),
        chosen("agent", "Agent", f'label_values({spans},service_name=~"$service"}}, gen_ai_agent_name)')])


def known_metrics():
    """{metric: set of `label="value"` that it has} of docs/metrics.md."""
    rows = re.findall(r"^\| `(noveum_\w+)` \| \w+ \| (.*?) \|", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.M)
    return {name: set(re.findall(r'`(\w+="[^"]*")`', labels)) for name, labels in rows}


def problems():
    """What the tables have wrong against docs/metrics.md and docs/operations.md."""
    known = known_metrics()
    shown = " ".join(e for _, items in ROWS + AGENT_ROWS for _, _, queries in items for _, e in queries)
    shown = re.sub(r"(_seconds)_(?:bucket|sum|count)\b", r"\1", shown)  # of a histogram
    watched = " ".join(row[1] for row in ALERTS + AGENT_ALERTS)
    for name in sorted(set(re.findall(r"noveum_\w+", shown + watched)) - set(known)):
        yield f"{name}: no such metric in docs/metrics.md"
    for name, label, _, value in re.findall(r'(noveum_\w+)\{(\w+)(!?=)"(\w+)"', shown + watched):
        if not {f'{label}="{value}"', f'{label}="..."'} & known.get(name, set()):
            yield f'{name}: has no {label}="{value}"'
    for name in sorted(set(known) - set(re.findall(r"noveum_\w+", shown))):
        yield f"{name}: on no panel"
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = "".join(page.partition(f"## {head}\n")[2].partition("\n## ")[0] for head in ("What to watch", "Agents in metrics"))
    for sign in re.findall(r"^\| ([^|]*) \|", table, re.M):
        for name in re.findall(r"`(noveum_\w+)", sign):
            if name not in watched:
                yield f"{name}: is a sign to watch in docs/operations.md and no alert asks for it"


def main():
    """Command line."""
    wrong = list(problems())
    for path, text in ((ALERTS_FILE, alerts_text()), (DASHBOARD_FILE, dashboard_text()), (AGENTS_FILE, agents_text())):
        if sys.argv[1:] != ["--check"]:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            wrong.append(f"{path} is out of date: tools/make-watch.py")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
