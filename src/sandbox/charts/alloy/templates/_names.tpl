{{- define "alloy.name" -}}
{{- .Values.nameOverride | default "alloy" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "alloy.fullname" -}}
{{- $name := include "alloy.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "alloy.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "alloy.account" -}}
{{- $own := .Values.serviceAccount -}}
{{- $own.name | default ($own.create | ternary (include "alloy.fullname" .) "default") -}}
{{- end -}}

{{- define "alloy.selector" -}}
app.kubernetes.io/name: {{ include "alloy.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* list(root, "rbac") -> labels of an object; the component may be empty */}}
{{- define "alloy.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: alloy-{{ $root.Chart.Version }}
{{ include "alloy.selector" $root }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: alloy
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "alloy.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- $registry := $root.Values.global.image.registry | default $image.registry -}}
{{- if $image.digest -}}
{{- printf "%s/%s@%s" $registry $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s/%s:%s" $registry $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "alloy.configName" -}}
{{- .Values.alloy.configMap.name | default (include "alloy.fullname" .) -}}
{{- end -}}

{{- define "alloy.configKey" -}}
{{- .Values.alloy.configMap.key | default "config.alloy" -}}
{{- end -}}
