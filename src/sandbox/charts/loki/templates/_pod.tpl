{{/* The pod template of one microservice: dict root, key, name, with an optional zone ("zone-a"). */}}

{{- define "loki.env" -}}
{{- $root := .root -}}{{- $own := .own -}}{{- $defaults := $root.Values.defaults -}}
{{- $memory := dig "limits" "memory" "" (.resources | default dict) -}}
{{- with concat $root.Values.global.extraEnv $defaults.extraEnv $own.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- if $memory }}
- name: GOMEMLIMIT
  value: {{ printf "%dMiB" (mulf (include "loki.mebibytes" $memory | float64) $defaults.goSettings.goMemLimitFactor | floor | int) }}
{{- end }}
- name: GOGC
  value: {{ $defaults.goSettings.gogc | quote }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end -}}

{{- define "loki.args" -}}
- -config.file=/etc/loki/config/config.yaml
- -config.expand-env=true
- -memberlist.advertise-addr=$(POD_IP)
- -target={{ .name }}
{{- if eq .name "ingester" }}
- -ingester.availability-zone={{ .zone | default "zone-default" }}
{{- if .zone }}
- -ingester.unregister-on-shutdown=false
- -ingester.tokens-file-path=/var/loki/ring-tokens
{{- end }}
{{- end }}
{{- if and (has .name (list "distributor" "querier")) .root.Values.ingester.enabled .root.Values.ingester.zoneAwareReplication.enabled }}
- -distributor.zone-awareness-enabled=true
{{- end }}
{{- with concat .root.Values.global.extraArgs .root.Values.defaults.extraArgs .own.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "loki.podLabels" -}}
{{- $root := .root -}}
{{- $labels := dict "app.kubernetes.io/component" .name "app.kubernetes.io/part-of" "memberlist" -}}
{{- with .zone -}}{{- $labels = merge $labels (dict "name" (printf "ingester-%s" .) "rollout-group" "ingester") -}}{{- end -}}
{{- mergeOverwrite (include "loki.labels" $root | fromYaml) $labels $root.Values.loki.podLabels $root.Values.defaults.podLabels .own.podLabels | toYaml -}}
{{- end -}}

{{- define "loki.affinity" -}}
{{- if .zone -}}
podAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - labelSelector:
        matchExpressions:
          - {key: rollout-group, operator: In, values: [ingester]}
          - {key: name, operator: NotIn, values: [ingester-{{ .zone }}]}
      topologyKey: kubernetes.io/hostname
{{- else -}}
{{- with .own.affinity | default .root.Values.defaults.affinity -}}
{{- tpl (toYaml .) $.root -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether /var/loki of this microservice is a claim rather than an emptyDir. */}}
{{- define "loki.claimed" -}}
{{- if and (eq .own.kind "StatefulSet") (dig "enabled" false (.own.persistence | default dict)) -}}yes{{- end -}}
{{- end -}}

{{- define "loki.pod" -}}
{{- $root := .root -}}{{- $own := .own -}}{{- $values := $root.Values -}}{{- $defaults := $values.defaults -}}
{{- $resources := $own.resources | default $defaults.resources -}}
{{- $zoneSelector := dict -}}
{{- with .zone -}}
{{- $zoneSelector = (index $own.zoneAwareReplication (printf "zone%s" (trimPrefix "zone-" . | upper))).nodeSelector -}}
{{- end -}}
metadata:
  annotations:
    checksum/config: {{ include "loki.config" $root | sha256sum }}
    kubectl.kubernetes.io/default-container: {{ .name }}
    {{- with mergeOverwrite (deepCopy $values.loki.podAnnotations) $defaults.podAnnotations $own.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "loki.podLabels" . | nindent 4 }}
spec:
  serviceAccountName: {{ include "loki.serviceAccountName" $root }}
  enableServiceLinks: {{ $defaults.enableServiceLinks }}
  automountServiceAccountToken: {{ $defaults.automountServiceAccountToken }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.priorityClassName | default $defaults.priorityClassName | default $values.global.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml $values.loki.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ $own.terminationGracePeriodSeconds | default $defaults.terminationGracePeriodSeconds }}
  {{- with include "loki.affinity" . }}
  affinity:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $own.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- tpl (toYaml .) $root | nindent 4 }}
  {{- end }}
  {{- with $zoneSelector | default $own.nodeSelector | default $defaults.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $own.tolerations | default $defaults.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.loki.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumes:
    - name: temp
      emptyDir: {}
    - name: config
      configMap:
        name: {{ include "loki.name" $root }}
        items:
          - {key: config.yaml, path: config.yaml}
    - name: runtime-config
      configMap:
        name: {{ include "loki.name" $root }}-runtime
    {{- if not (include "loki.claimed" .) }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with concat $values.global.extraVolumes $defaults.extraVolumes $own.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $own.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "loki.image" (list $root $values.loki.image $own.image) }}
      imagePullPolicy: {{ $values.loki.image.pullPolicy }}
      {{- with $own.command }}
      command: [{{ . | quote }}]
      {{- end }}
      args:
        {{- include "loki.args" . | nindent 8 }}
      ports:
        - {name: http-metrics, containerPort: 3100, protocol: TCP}
        - {name: grpc, containerPort: 9095, protocol: TCP}
        - {name: http-memberlist, containerPort: 7946, protocol: TCP}
      env:
        {{- include "loki.env" (mergeOverwrite (dict "resources" $resources) .) | trim | nindent 8 }}
      {{- with concat $values.global.extraEnvFrom $defaults.extraEnvFrom $own.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml $values.loki.containerSecurityContext | nindent 8 }}
      livenessProbe:
        httpGet: {path: /loki/api/v1/status/buildinfo, port: http-metrics}
        failureThreshold: 10
        periodSeconds: 30
        successThreshold: 1
        timeoutSeconds: 1
      readinessProbe:
        httpGet: {path: /ready, port: http-metrics}
        initialDelaySeconds: 15
        failureThreshold: 3
        periodSeconds: 10
        successThreshold: 1
        timeoutSeconds: 1
      volumeMounts:
        - {name: config, mountPath: /etc/loki/config}
        - {name: runtime-config, mountPath: /etc/loki/runtime-config}
        - {name: data, mountPath: /var/loki}
        - {name: temp, mountPath: /tmp}
        {{- with concat $values.global.extraVolumeMounts $defaults.extraVolumeMounts $own.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- with $own.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "loki.claims" -}}
{{- $persistence := .own.persistence -}}
{{- $claims := $persistence.claims | default (list (dict "name" "data" "size" $persistence.size "storageClass" $persistence.storageClass)) -}}
{{- range $claims }}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: {{ .name }}
  spec:
    accessModes: {{ .accessModes | default (list "ReadWriteOnce") | toJson }}
    {{- with .storageClass }}
    storageClassName: {{ eq . "-" | ternary "" . | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ .size | quote }}
{{- end }}
{{- end -}}
