/** A chart small enough to read, with one of everything helm waits for. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TEMPLATE = `
apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Release.Name }}-config" }
data: { text: {{ .Values.text | quote }}{{ with .Values.extra }}, extra: {{ . | quote }}{{ end }} }
---
apiVersion: v1
kind: Service
metadata: { name: "{{ .Release.Name }}" }
spec: { selector: { app: tiny }, ports: [{ name: http, port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}" }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: tiny } }
  template:
    metadata: { labels: { app: tiny } }
    spec:
      containers:
        - name: main
          image: "example/tiny:1"
          env: [{ name: TEXT, value: {{ .Values.text | quote }} }{{ with .Values.extra }}, { name: EXTRA, value: {{ . | quote }} }{{ end }}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: "{{ .Release.Name }}-store" }
spec:
  serviceName: {{ .Values.serviceName }}
  selector: { matchLabels: { app: store } }
  template:
    metadata: { labels: { app: store } }
    spec: { containers: [{ name: main, image: "example/store:1" }] }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: "{{ .Release.Name }}-each" }
spec:
  selector: { matchLabels: { app: each } }
  template:
    metadata: { labels: { app: each } }
    spec: { containers: [{ name: main, image: "example/each:1" }] }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: "{{ .Release.Name }}" }
spec: { maxUnavailable: 1, selector: { matchLabels: { app: tiny } } }
`;

const HOOK = `
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-hook"
  annotations: { helm.sh/hook: post-install, helm.sh/hook-delete-policy: hook-succeeded }
spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: main, image: "busybox:1", command: [sh, -c, "exit 0"] }] }
`;

const MONITOR = `
{{- if .Values.monitor }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: "{{ .Release.Name }}" }
spec: { selector: { matchLabels: { app: tiny } }, endpoints: [{ port: http }] }
{{- end }}
`;

/** Gives the chart's directory. */
export function writeTinyChart(home: string): string {
  const chart = join(home, 'tiny');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: tiny\nversion: 0.1.0\n');
  writeFileSync(join(chart, 'values.yaml'), 'replicas: 1\ntext: one\nextra: ""\nserviceName: store\nmonitor: false\n');
  writeFileSync(join(chart, 'templates', 'all.yaml'), TEMPLATE);
  writeFileSync(join(chart, 'templates', 'hook.yaml'), HOOK);
  writeFileSync(join(chart, 'templates', 'monitor.yaml'), MONITOR);
  return chart;
}
