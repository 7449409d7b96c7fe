{{/* nginx.conf of the gateway: a table of routes, rendered one location each. */}}

{{/* "=" exact, "^~" prefix; the last word is the component, or "internal" */}}
{{- define "loki.routes" -}}
- "^~ /ui querier"
- "= /api/prom/push distributor"
- "= /loki/api/v1/push distributor"
- "= /distributor/ring distributor"
- "= /otlp/v1/logs distributor"
- "= /flush ingester"
- "^~ /ingester/ ingester"
- "= /ingester internal"
- "= /ring ingester"
- "= /memberlist ingester"
- "= /config ingester"
- "= /ruler/ring ruler"
- "= /api/prom/rules ruler"
- "^~ /api/prom/rules/ ruler"
- "= /loki/api/v1/rules ruler"
- "^~ /loki/api/v1/rules/ ruler"
- "= /prometheus/api/v1/alerts ruler"
- "= /prometheus/api/v1/rules ruler"
- "= /compactor/ring compactor"
- "= /loki/api/v1/delete compactor"
- "= /loki/api/v1/cache/generation_numbers compactor"
- "= /indexgateway/ring index-gateway"
- "= /scheduler/ring query-scheduler"
- "= /api/prom/tail query-frontend"
- "= /loki/api/v1/tail query-frontend"
- "^~ /api/prom/ query-frontend"
- "= /api/prom internal"
- "^~ /loki/api/v1/ query-frontend"
- "= /loki/api/v1 internal"
{{- end -}}

{{- define "loki.nginxGenerated" -}}
{{- $nginx := .Values.gateway.nginxConfig -}}
{{- $snippet := tpl ($nginx.locationSnippet | default "") . -}}
{{- $dns := printf "%s.%s.svc.%s." .Values.global.dnsService .Values.global.dnsNamespace .Values.global.clusterDomain -}}
worker_processes 5;
error_log /dev/stderr;
pid /tmp/nginx.pid;

events {
  worker_connections 4096;
}

http {
  client_body_temp_path /tmp/client_temp;
  proxy_temp_path /tmp/proxy_temp_path;
  client_max_body_size {{ $nginx.clientMaxBodySize }};
  proxy_http_version 1.1;
  default_type application/octet-stream;
  log_format {{ $nginx.logFormat }}
  {{- if .Values.gateway.verboseLogging }}
  access_log /dev/stderr main;
  {{- else }}
  map $status $loggable {
    ~^[23] 0;
    default 1;
  }
  access_log /dev/stderr main if=$loggable;
  {{- end }}
  resolver {{ $nginx.resolver | default $dns }};
  {{- with $nginx.httpSnippet }}
  {{- tpl . $ | nindent 2 }}
  {{- end }}

  server {
    listen {{ .Values.gateway.containerPort }};
    {{- if $nginx.enableIPv6 }}
    listen [::]:{{ .Values.gateway.containerPort }};
    {{- end }}
    {{- if .Values.gateway.basicAuth.enabled }}
    auth_basic "Loki";
    auth_basic_user_file /etc/nginx/secrets/.htpasswd;
    {{- end }}

    location = / {
      {{- with $snippet }}
      {{ . }}
      {{- end }}
      return 200 'OK';
      auth_basic off;
    }

    location = /stub_status {
      stub_status on;
      satisfy any;
      access_log off;
      allow 127.0.0.1;
      deny all;
    }
    {{- range include "loki.routes" . | fromYamlArray }}
    {{- $parts := splitList " " . }}
    {{- $target := index $parts 2 }}

    location {{ index $parts 0 }} {{ index $parts 1 }} {
      {{- with $snippet }}
      {{ . }}
      {{- end }}
      {{- if eq $target "internal" }}
      internal;
      {{- else }}
      {{- if hasSuffix "/tail" (index $parts 1) }}
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      {{- end }}
      set $backend "{{ $nginx.schema }}://{{ include "loki.address" (list $ $target) }}:3100";
      proxy_pass $backend$request_uri;
      {{- end }}
    }
    {{- end }}
    {{- with $nginx.serverSnippet }}
    {{- tpl . $ | nindent 4 }}
    {{- end }}
  }
}
{{- end -}}

{{- define "loki.nginx" -}}
{{- if .Values.gateway.nginxConfig.file -}}
{{- tpl .Values.gateway.nginxConfig.file . -}}
{{- else -}}
{{- include "loki.nginxGenerated" . -}}
{{- end -}}
{{- end -}}
