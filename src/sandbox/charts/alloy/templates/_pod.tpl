{{/* The collector's pod template. */}}
{{- define "alloy.pod" -}}
{{- $alloy := .Values.alloy -}}{{- $controller := .Values.controller -}}
metadata:
  annotations:
    kubectl.kubernetes.io/default-container: alloy
    {{- /* Without a reloader beside it, a pod learns of a new pipeline only by being replaced. */}}
    {{- $pipeline := .Values.alloy.configMap }}
    {{- if and $pipeline.create $pipeline.content (not .Values.configReloader.enabled) }}
    checksum/config: {{ tpl $pipeline.content . | sha256sum | trunc 63 | quote }}
    {{- end }}
    {{- with $controller.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "alloy.selector" . | nindent 4 }}
    {{- with $controller.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- with .Values.global.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  serviceAccountName: {{ include "alloy.account" . }}
  {{- with concat .Values.global.image.pullSecrets .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: alloy
      image: {{ include "alloy.image" (list . .Values.image) }}
      imagePullPolicy: {{ .Values.global.image.pullPolicy | default .Values.image.pullPolicy }}
      {{- with $alloy.command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args:
        - run
        - /etc/alloy/{{ include "alloy.configKey" . }}
        - --storage.path={{ $alloy.storagePath }}
        - --server.http.listen-addr={{ $alloy.listenAddr }}:{{ int $alloy.listenPort }}
        - --server.http.ui-path-prefix={{ $alloy.uiPathPrefix }}
        {{- if not $alloy.enableReporting }}
        - --disable-reporting
        {{- end }}
        {{- if $alloy.clustering.enabled }}
        - --cluster.enabled=true
        - --cluster.join-addresses={{ include "alloy.fullname" . }}-cluster
        {{- with $alloy.clustering.name }}
        - --cluster.name={{ . }}
        {{- end }}
        {{- end }}
        - --stability.level={{ $alloy.stabilityLevel }}
        {{- with $alloy.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - {name: ALLOY_DEPLOY_MODE, value: helm}
        - {name: HOSTNAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        - {name: K8S_NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        {{- with $alloy.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $alloy.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- if $alloy.enableHttpServerPort }}
        - {containerPort: {{ int $alloy.listenPort }}, name: http-metrics}
        {{- end }}
        {{- with $alloy.extraPorts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      readinessProbe:
        httpGet: {path: /-/ready, port: {{ int $alloy.listenPort }}, scheme: {{ $alloy.listenScheme }}}
        initialDelaySeconds: {{ $alloy.initialDelaySeconds }}
        timeoutSeconds: {{ $alloy.timeoutSeconds }}
      {{- with $alloy.livenessProbe }}
      livenessProbe:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $alloy.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $alloy.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $alloy.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: config, mountPath: /etc/alloy}
        {{- if $alloy.mounts.varlog }}
        - {name: varlog, mountPath: /var/log, readOnly: true}
        {{- end }}
        {{- if $alloy.mounts.dockercontainers }}
        - {name: dockercontainers, mountPath: /var/lib/docker/containers, readOnly: true}
        {{- end }}
        {{- with $alloy.mounts.extra }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.configReloader }}
    {{- if .enabled }}
    - name: config-reloader
      image: {{ include "alloy.image" (list $ .image) }}
      imagePullPolicy: {{ .image.pullPolicy }}
      args:
        {{- if .customArgs }}
        {{- toYaml .customArgs | nindent 8 }}
        {{- else }}
        - --watched-dir=/etc/alloy
        - --reload-url=http://localhost:{{ int $alloy.listenPort }}/-/reload
        {{- end }}
      volumeMounts:
        - {name: config, mountPath: /etc/alloy}
      {{- with .resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- end }}
    {{- with $controller.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if $controller.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if $controller.hostPID }}
  hostPID: true
  {{- end }}
  dnsPolicy: {{ $controller.dnsPolicy }}
  {{- range $field := list "priorityClassName" "terminationGracePeriodSeconds" }}
  {{- with get $controller $field }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- range $field := list "affinity" "nodeSelector" "tolerations" "topologySpreadConstraints" }}
  {{- with get $controller $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $alloy.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "alloy.configName" . }}}
    {{- if $alloy.mounts.varlog }}
    - name: varlog
      hostPath: {path: /var/log}
    {{- end }}
    {{- if $alloy.mounts.dockercontainers }}
    - name: dockercontainers
      hostPath: {path: /var/lib/docker/containers}
    {{- end }}
    {{- with $controller.volumes.extra }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
