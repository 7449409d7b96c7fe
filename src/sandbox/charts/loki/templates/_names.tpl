{{/* Names, labels, images: what every object of the chart shares. */}}

{{- define "loki.name" -}}
{{- .Values.nameOverride | default "loki" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "loki.fullname" -}}
{{- $name := include "loki.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "loki.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* list(root, "querier") -> its DNS name inside the cluster */}}
{{- define "loki.address" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s.%s.svc.%s" (include "loki.fullname" $root) (index . 1) (include "loki.namespace" $root) $root.Values.global.clusterDomain -}}
{{- end -}}

{{- define "loki.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "loki.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "loki.selector" -}}
app.kubernetes.io/name: {{ include "loki.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "loki.labels" -}}
helm.sh/chart: loki-{{ .Chart.Version }}
{{ include "loki.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* list(root, image, override) -> reference; the registry is always put in front, as since 14.0 */}}
{{- define "loki.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}{{- $own := index . 2 | default dict -}}
{{- $registry := $root.Values.global.imageRegistry | default $own.registry | default $image.registry -}}
{{- $tag := $own.tag | default $image.tag | default $root.Chart.AppVersion -}}
{{- $repository := $own.repository | default $image.repository -}}
{{- with $image.digest -}}
{{- printf "%s/%s@%s" $registry $repository . -}}
{{- else -}}
{{- printf "%s/%s:%s" $registry $repository $tag -}}
{{- end -}}
{{- end -}}

{{/* "1536Mi", "2Gi", "500M", 1048576 -> MiB */}}
{{- define "loki.mebibytes" -}}
{{- $text := toString . -}}
{{- if hasSuffix "Gi" $text -}}{{ mulf (trimSuffix "Gi" $text | float64) 1024 }}
{{- else if hasSuffix "Mi" $text -}}{{ trimSuffix "Mi" $text | float64 }}
{{- else if hasSuffix "Ki" $text -}}{{ divf (trimSuffix "Ki" $text | float64) 1024 }}
{{- else if hasSuffix "G" $text -}}{{ divf (mulf (trimSuffix "G" $text | float64) 1e9) 1048576 }}
{{- else if hasSuffix "M" $text -}}{{ divf (mulf (trimSuffix "M" $text | float64) 1e6) 1048576 }}
{{- else -}}{{ divf (float64 $text) 1048576 }}
{{- end -}}
{{- end -}}

{{/* The microservices: values key, component name */}}
{{- define "loki.components" -}}
distributor: distributor
querier: querier
queryFrontend: query-frontend
queryScheduler: query-scheduler
ingester: ingester
indexGateway: index-gateway
compactor: compactor
ruler: ruler
patternIngester: pattern-ingester
{{- end -}}
