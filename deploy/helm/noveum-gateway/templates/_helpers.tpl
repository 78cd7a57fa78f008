{{- define "noveum.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "noveum.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "noveum.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "noveum.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "noveum.serviceAccount" -}}
{{- default (ternary (include "noveum.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "noveum.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* Labels that select pods: of a set, told apart by component. (dict "top" . "component" "gateway") */}}
{{- define "noveum.selector" -}}
app.kubernetes.io/name: {{ include "noveum.name" .top }}
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "noveum.labels" -}}
{{ include "noveum.selector" . }}
app.kubernetes.io/version: {{ .top.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .top.Release.Service }}
helm.sh/chart: {{ .top.Chart.Name }}-{{ .top.Chart.Version }}
{{- end -}}

{{- define "noveum.podSecurity" -}}
{{- if .Values.openshift -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- else -}}
{{ toYaml .Values.podSecurityContext }}
{{- end -}}
{{- end -}}

{{- define "noveum.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "noveum.spread" -}}
{{- if .top.Values.topologySpread }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "noveum.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* One variable out of a secret that is there. (list NAME SECRET KEY) */}}
{{- define "noveum.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef: {name: {{ index . 1 | quote }}, key: {{ index . 2 | quote }}}
{{- end -}}

{{/* The environment of a gateway. (dict "top" . "component" C "role" R "keeps" bool "claim" bool) */}}
{{- define "noveum.env" -}}
{{- $v := .top.Values -}}
- {name: NOVEUM_GATEWAY_ROLE, value: {{ .role }}}
- {name: NOVEUM_GATEWAY_ADMIN_LISTEN, value: "0.0.0.0:13133"}
- {name: NOVEUM_GATEWAY_LOG_FORMAT, value: json}
- {name: NOVEUM_GATEWAY_STOP_DEADLINE_MS, value: "{{ mul $v.stop.deadlineSeconds 1000 }}"}
{{- if ne .role "assemble" }}
- {name: NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN, value: "0.0.0.0:4318"}
- {name: NOVEUM_GATEWAY_RECEIVER_GRPC_LISTEN, value: "0.0.0.0:4317"}
{{- if $v.tokens.existingSecret }}
- {name: NOVEUM_GATEWAY_RECEIVER_AUTH_TOKENS_FILE, value: /etc/noveum-gateway/tokens/tokens}
{{- end }}
{{- if $v.tls.existingSecret }}
{{- range $port := list "HTTP" "GRPC" }}
- {name: NOVEUM_GATEWAY_RECEIVER_{{ $port }}_TLS_CERT_FILE, value: /etc/noveum-gateway/tls/tls.crt}
- {name: NOVEUM_GATEWAY_RECEIVER_{{ $port }}_TLS_KEY_FILE, value: /etc/noveum-gateway/tls/tls.key}
{{- if $v.tls.clientAuthority }}
- {name: NOVEUM_GATEWAY_RECEIVER_{{ $port }}_TLS_CLIENT_CA_FILE, value: /etc/noveum-gateway/tls/{{ $v.tls.clientAuthority }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq .role "all" }}
- {name: NOVEUM_GATEWAY_JOURNAL_DIRECTORY, value: /var/lib/noveum-gateway}
- {name: NOVEUM_GATEWAY_JOURNAL_MAX_BYTES, value: {{ $v.journal.maxBytes | quote }}}
- {name: NOVEUM_GATEWAY_ASSEMBLY_ON_STOP, value: {{ ternary "keep" "send" .claim }}}
{{- if $v.journalKey.existingSecret }}
- {name: NOVEUM_GATEWAY_JOURNAL_ENCRYPTION, value: "on"}
- {name: NOVEUM_GATEWAY_JOURNAL_KEY_FILE, value: /etc/noveum-gateway/journal-key/journal.key}
{{- end }}
{{- else }}
- {name: NOVEUM_GATEWAY_KAFKA_BROKERS, value: {{ join "," $v.kafka.brokers | quote }}}
- {name: NOVEUM_GATEWAY_KAFKA_SECURITY, value: {{ $v.kafka.security }}}
- {name: NOVEUM_GATEWAY_KAFKA_SASL_MECHANISM, value: {{ $v.kafka.saslMechanism }}}
{{- if $v.kafka.username }}
- {name: NOVEUM_GATEWAY_KAFKA_USERNAME, value: {{ $v.kafka.username | quote }}}
{{- end }}
{{- if $v.kafka.password.existingSecret }}
{{ include "noveum.secretEnv" (list "NOVEUM_GATEWAY_KAFKA_PASSWORD" $v.kafka.password.existingSecret $v.kafka.password.key) }}
{{- end }}
{{- end }}
{{- if and $v.apiKey.existingSecret (ne .role "receive") }}
{{ include "noveum.secretEnv" (list "NOVEUM_API_KEY" $v.apiKey.existingSecret $v.apiKey.key) }}
{{- end }}
{{- if $v.project }}
- {name: NOVEUM_PROJECT, value: {{ $v.project | quote }}}
{{- end }}
- {name: NOVEUM_ENVIRONMENT, value: {{ $v.environment | quote }}}
{{- if $v.adminToken.existingSecret }}
{{ include "noveum.secretEnv" (list "NOVEUM_GATEWAY_ADMIN_TOKEN" $v.adminToken.existingSecret $v.adminToken.key) }}
{{- end }}
{{- with $v.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pod of a gateway; the same arguments. */}}
{{- define "noveum.pod" -}}
{{- $v := .top.Values -}}
metadata:
  labels:
    {{- include "noveum.labels" . | nindent 4 }}
    {{- with $v.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    checksum/config: {{ toJson $v.config | sha256sum | quote }}
    {{- with $v.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "noveum.serviceAccount" .top }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $v.stop.preStopSeconds $v.stop.deadlineSeconds 10 }}
  securityContext: {{- include "noveum.podSecurity" .top | nindent 4 }}
  {{- with $v.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- include "noveum.spread" . | nindent 2 }}
  containers:
    - name: gateway
      image: {{ include "noveum.image" .top | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      {{- if $v.config }}
      args: [--config, /etc/noveum-gateway/config/gateway.yaml]
      {{- end }}
      env: {{- include "noveum.env" . | nindent 8 }}
      ports:
        {{- if ne .role "assemble" }}
        - {name: otlp-grpc, containerPort: 4317}
        - {name: otlp-http, containerPort: 4318}
        {{- end }}
        - {name: admin, containerPort: 13133}
      # the journal of a long outage is read before requests are taken
      startupProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 5
        timeoutSeconds: 3
      lifecycle:
        preStop:
          sleep: {seconds: {{ $v.stop.preStopSeconds }}}
      resources: {{- toYaml $v.resources | nindent 8 }}
      securityContext: {{- include "noveum.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: journal, mountPath: /var/lib/noveum-gateway}
        {{- if $v.config }}
        - {name: config, mountPath: /etc/noveum-gateway/config, readOnly: true}
        {{- end }}
        {{- if $v.tokens.existingSecret }}
        - {name: tokens, mountPath: /etc/noveum-gateway/tokens, readOnly: true}
        {{- end }}
        {{- if $v.tls.existingSecret }}
        - {name: tls, mountPath: /etc/noveum-gateway/tls, readOnly: true}
        {{- end }}
        {{- if $v.journalKey.existingSecret }}
        - {name: journal-key, mountPath: /etc/noveum-gateway/journal-key, readOnly: true}
        {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if or (not .claim) $v.config $v.tokens.existingSecret $v.tls.existingSecret $v.journalKey.existingSecret }}
  volumes:
    {{- if not .claim }}
    - name: journal
      emptyDir: {sizeLimit: {{ $v.journal.size }}}
    {{- end }}
    {{- if $v.config }}
    - name: config
      configMap: {name: {{ include "noveum.fullname" .top }}}
    {{- end }}
    {{- if $v.tokens.existingSecret }}
    - name: tokens
      secret:
        secretName: {{ $v.tokens.existingSecret }}
        defaultMode: 0440
        items: [{key: {{ $v.tokens.key | quote }}, path: tokens}]
    {{- end }}
    {{- if $v.tls.existingSecret }}
    - name: tls
      secret: {secretName: {{ $v.tls.existingSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if $v.journalKey.existingSecret }}
    - name: journal-key
      secret:
        secretName: {{ $v.journalKey.existingSecret }}
        defaultMode: 0440
        items: [{key: {{ $v.journalKey.key | quote }}, path: journal.key}]
    {{- end }}
  {{- end }}
{{- end -}}
