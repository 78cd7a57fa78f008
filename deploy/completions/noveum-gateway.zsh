#compdef noveum-gateway
# made by tools/make-manuals.py; do not edit
_noveum_gateway_second() {
    case $words[CURRENT-1] in
    demo) _values command --open ;;
    doctor) _values command --json ;;
    health) _values command --json ;;
    traces) _values command list --color --json --limit --session --errors show --all follow search export ;;
    journal) _values command check list ;;
    dead) _values command list show retry drop ;;
    kafka) _values command inspect ;;
    version) _values command --json ;;
    help) _values command demo lambda doctor health traces explain redact journal dead kafka version ;;
    *) _files ;;
    esac
}
_arguments \
    '--config[read a YAML file]:file:_files' \
    '*--set[set one key; comes before environment and file]:key:(memory.max_bytes= role= kafka.brokers= kafka.traces_topic= kafka.logs_topic= kafka.group= kafka.delivered_topic= kafka.dead_topic= kafka.rekey= kafka.security= kafka.ca_bundle= kafka.cert_file= kafka.key_file= kafka.sasl_mechanism= kafka.username= kafka.password= kafka.token_file= kafka.compression= kafka.idempotence= kafka.max_message_bytes= kafka.buffer_bytes= kafka.linger_ms= kafka.timeout_ms= kafka.properties= receiver.http.listen= receiver.http.tls.cert_file= receiver.http.tls.key_file= receiver.http.tls.client_ca_file= receiver.grpc.listen= receiver.grpc.tls.cert_file= receiver.grpc.tls.key_file= receiver.grpc.tls.client_ca_file= receiver.auth.tokens_file= receiver.auth.token= receiver.max_body_bytes= receiver.max_connections= receiver.max_undecoded_bytes= receiver.head_timeout_ms= receiver.body_timeout_ms= receiver.idle_timeout_ms= receiver.threads= receiver.cors.allowed_origins= assembly.quiet_ms= assembly.quiet_distributed_ms= assembly.quiet_logs_ms= assembly.open_ms= assembly.remote_parent_ms= assembly.max_wait_ms= assembly.max_spans= assembly.max_trace_bytes= assembly.memory_bytes= assembly.on_stop= journal.directory= journal.durability= journal.max_bytes= journal.encryption= journal.key_file= journal.key_lost= exporter.noveum.endpoint= exporter.noveum.api_key= exporter.noveum.project= exporter.noveum.environment= exporter.noveum.service_version= exporter.noveum.compression= exporter.noveum.compression_level= exporter.noveum.compression_threads= exporter.noveum.timeout_ms= exporter.noveum.connect_timeout_ms= exporter.noveum.max_in_flight= exporter.noveum.max_body_bytes= exporter.noveum.queue_bytes= exporter.noveum.queue_traces= exporter.noveum.spill_bytes= exporter.noveum.spill_age_ms= exporter.noveum.max_trace_bytes= exporter.noveum.batch_traces= exporter.noveum.batch_ms= exporter.noveum.retry_initial_ms= exporter.noveum.retry_max_ms= exporter.noveum.retry_after_max_ms= exporter.noveum.credit_pause_ms= exporter.noveum.credit_pause_max_ms= exporter.noveum.probe_ms= exporter.noveum.identity_ms= exporter.noveum.drain_requests_per_s= exporter.noveum.trace_id= exporter.noveum.ssl_verify= exporter.noveum.ca_bundle= exporter.noveum.ca_files= exporter.noveum.client_cert_file= exporter.noveum.client_key_file= exporter.noveum.client_key_password= exporter.noveum.proxy= exporter.noveum.no_proxy= exporter.noveum.allow_insecure_transport= exporter.file.directory= store.file= store.max_traces= store.max_age_ms= store.max_bytes= mapping.keep_source= mapping.spans= mapping.content= mapping.prices_file= mapping.rules_file= mapping.work_per_byte= redaction.secrets= redaction.stack_traces= redaction.pii= redaction.pii_salt= redaction.pii_salt_file= redaction.patterns= redaction.pii_keys= redaction.pii_allow= redaction.phone_regions= media.mode= media.max_bytes= media.wait_ms= media.directory= media.directory_max_files= media.directory_max_bytes= media.directory_max_age_ms= sampling.rate= sampling.keep_errors= lambda.budget_ms= telemetry.otlp.endpoint= telemetry.otlp.headers= telemetry.otlp.ca_bundle= telemetry.otlp.client_cert_file= telemetry.otlp.client_key_file= telemetry.otlp.timeout_ms= telemetry.otlp.allow_insecure_transport= telemetry.interval_ms= telemetry.sampling_rate= admin.listen= admin.hosts= admin.token= admin.metrics_agents_max= admin.ui= terminal.color= terminal.traces= stop.deadline_ms= log.level= log.format=)' \
    '--color[colours   auto  (on a terminal, unless NO_COLOR is set),  always  or  never ]:value:' \
    '--open[open the page in a browser, where there is one]' \
    '--check-config[check the configuration and exit]' \
    '--print-config[print the configuration in force and where each value came from]' \
    '--version[print the version]' \
    '--help[print help, of a command behind it]' \
    '1:command:(demo lambda doctor health traces explain redact journal dead kafka version help)' \
    '*::argument:_noveum_gateway_second'
