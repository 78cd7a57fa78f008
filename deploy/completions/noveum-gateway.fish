# made by tools/make-manuals.py; do not edit
complete -c noveum-gateway -f
complete -c noveum-gateway -l config -rF -d 'read a YAML file'
complete -c noveum-gateway -l set -x -a 'memory.max_bytes= receiver.http.listen= receiver.http.tls.cert_file= receiver.http.tls.key_file= receiver.http.tls.client_ca_file= receiver.grpc.listen= receiver.grpc.tls.cert_file= receiver.grpc.tls.key_file= receiver.grpc.tls.client_ca_file= receiver.auth.tokens_file= receiver.auth.token= receiver.max_body_bytes= receiver.max_connections= receiver.max_undecoded_bytes= receiver.head_timeout_ms= receiver.body_timeout_ms= receiver.idle_timeout_ms= receiver.threads= receiver.cors.allowed_origins= assembly.quiet_ms= assembly.quiet_distributed_ms= assembly.quiet_logs_ms= assembly.open_ms= assembly.remote_parent_ms= assembly.max_wait_ms= assembly.max_spans= assembly.max_trace_bytes= assembly.memory_bytes= assembly.on_stop= journal.directory= journal.durability= journal.max_bytes= journal.encryption= journal.key_file= journal.key_lost= exporter.noveum.endpoint= exporter.noveum.api_key= exporter.noveum.project= exporter.noveum.environment= exporter.noveum.service_version= exporter.noveum.compression= exporter.noveum.compression_level= exporter.noveum.timeout_ms= exporter.noveum.max_in_flight= exporter.noveum.max_body_bytes= exporter.noveum.queue_bytes= exporter.noveum.max_trace_bytes= exporter.noveum.batch_traces= exporter.noveum.batch_ms= exporter.noveum.trace_id= exporter.noveum.ssl_verify= exporter.noveum.ca_bundle= exporter.noveum.allow_insecure_transport= exporter.file.directory= store.file= store.max_traces= store.max_age_ms= store.max_bytes= mapping.keep_source= mapping.spans= mapping.content= mapping.prices_file= mapping.rules_file= mapping.work_per_byte= redaction.secrets= redaction.stack_traces= redaction.pii= redaction.pii_salt= redaction.pii_salt_file= redaction.patterns= redaction.pii_keys= redaction.pii_allow= redaction.phone_regions= media.mode= media.max_bytes= media.wait_ms= sampling.rate= sampling.keep_errors= admin.listen= admin.hosts= admin.token= admin.ui= terminal.color= terminal.traces= stop.deadline_ms= log.level= log.format=' -d 'set one key; comes before environment and file'
complete -c noveum-gateway -l color -x -d 'colours   auto  (on a terminal, unless NO_COLOR is set),  always  or  never '
complete -c noveum-gateway -l check-config -d 'check the configuration and exit'
complete -c noveum-gateway -l print-config -d 'print the configuration in force and where each value came from'
complete -c noveum-gateway -l version -d 'print the version'
complete -c noveum-gateway -l help -d 'print help, of a command behind it'
complete -c noveum-gateway -n __fish_use_subcommand -a 'doctor health traces explain redact journal dead version help'
complete -c noveum-gateway -n '__fish_seen_subcommand_from health' -a '--json'
complete -c noveum-gateway -n '__fish_seen_subcommand_from traces' -a 'list --color --json --limit --session --errors show --all follow search export'
complete -c noveum-gateway -n '__fish_seen_subcommand_from explain' -F
complete -c noveum-gateway -n '__fish_seen_subcommand_from redact' -a '--dry-run'
complete -c noveum-gateway -n '__fish_seen_subcommand_from redact' -F
complete -c noveum-gateway -n '__fish_seen_subcommand_from journal' -a 'check list'
complete -c noveum-gateway -n '__fish_seen_subcommand_from dead' -a 'list show retry drop'
complete -c noveum-gateway -n '__fish_seen_subcommand_from version' -a '--json'
complete -c noveum-gateway -n '__fish_seen_subcommand_from help' -a 'doctor health traces explain redact journal dead version'
