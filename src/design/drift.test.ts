import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../ports/kubernetes.ts';
import { driftOf, objectsIn, renderedApart } from './drift.ts';

const manifest = `---
# Source: alloy/templates/daemonset.yaml
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: alloy
  labels: {loki-eks.dev/install-id: 3e552630}
spec:
  template:
    spec:
      hostNetwork: false
      tolerations: [{operator: Exists}]
      containers:
        - name: alloy
          env: []
          resources: {requests: {cpu: 1000m, memory: 1024Mi}}
          volumeMounts: [{name: config, mountPath: /etc/alloy}, {name: varlog, mountPath: /var/log}]
---
apiVersion: v1
kind: Secret
metadata: {name: salted}
data: {hash: b25l}
---
`;
const [wanted] = objectsIn(manifest);
/** As a server would return it: defaults added, empty fields left out, quantities in their shortest form. */
const standing = (change: (container: Record<string, any>, spec: Record<string, any>) => void = () => {}): KubeObject => {
  const container = {
    name: 'alloy',
    imagePullPolicy: 'Always',
    resources: { requests: { cpu: '1', memory: '1Gi' } },
    volumeMounts: [
      { name: 'varlog', mountPath: '/var/log' },
      { name: 'config', mountPath: '/etc/alloy' },
      { name: 'added', mountPath: '/added' },
    ],
  };
  const spec = { dnsPolicy: 'ClusterFirst', tolerations: [{ operator: 'Exists' }], containers: [container] };
  change(container, spec);
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'alloy', uid: 'x', labels: { 'loki-eks.dev/install-id': '3e552630' } },
    spec: { template: { spec } },
  };
};
const drift = (found: KubeObject | undefined) => driftOf(wanted!, found, 'DaemonSet alloy/alloy');

describe('driftOf', () => {
  it('is blind to what the server adds, orders or writes in another form', () => {
    expect(drift(standing())).toBeUndefined();
  });

  it('tells what was taken away or changed, by name', () => {
    expect(drift(standing((container) => void container['volumeMounts'].shift()))?.diff).toEqual([
      '+ spec.template.spec.containers.alloy.volumeMounts.varlog.mountPath: /var/log',
    ]);
    expect(drift(standing((_, spec) => void delete spec['tolerations']))?.diff).toEqual(['+ spec.template.spec.tolerations[0].operator: Exists']);
    expect(drift(standing((container) => void (container['resources'].requests.cpu = '2')))?.diff).toEqual([
      '- spec.template.spec.containers.alloy.resources.requests.cpu: "2"',
      '+ spec.template.spec.containers.alloy.resources.requests.cpu: "1000m"',
    ]);
  });

  it('tells what is gone', () => {
    expect(drift(undefined)).toEqual({ action: 'create', target: 'DaemonSet alloy/alloy', detail: 'it is gone' });
  });
});

describe('renderedApart', () => {
  it('compares objects, but neither hashes nor hooks nor CRDs', () => {
    const other = manifest.replace('b25l', 'dHdv').replace('3e552630', 'f00');
    const more = `${other}apiVersion: v1\nkind: Pod\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\n---\napiVersion: x/v1\nkind: CustomResourceDefinition\nmetadata: {name: y}\n`;
    expect(renderedApart(manifest, more, 'alloy')).toEqual([
      {
        action: 'update',
        target: 'DaemonSet alloy/alloy',
        diff: ['- metadata.labels."loki-eks.dev/install-id": "3e552630"', '+ metadata.labels."loki-eks.dev/install-id": f00'],
      },
    ]);
  });
});
