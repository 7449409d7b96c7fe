/** Faults of what pods depend on: nodes, volumes, images, and the Helm releases that created them. */
import { quantity } from '../cluster/quantity.ts';
import type { Node } from '../cluster/shapes.ts';
import type { Doc } from '../kube/document.ts';
import { ALLOY, ALLOY_LABEL, type FaultApi, type ClusterFault, collector, GATEWAY, LOKI_LABEL, part, templateOf } from './fault-api.ts';
import { changeRelease } from './helm-release.ts';

const nodesOf = ({ place: { store } }: FaultApi): readonly Node[] => store.list('Node') as readonly Node[];
const plain = (node: Node): boolean => (node.spec?.taints ?? []).length === 0;

/** One GiB more than the biggest node's allocatable memory. */
function tooMuch(api: FaultApi): string {
  const most = Math.max(...nodesOf(api).map((node) => quantity(String(node.status?.allocatable?.['memory'] ?? '0'))));
  return `${Math.max(9830, Math.ceil(most / 2 ** 20) + 1024)}Mi`;
}

export const schedulingBreaks: readonly ClusterFault[] = [
  {
    name: 'cache-memory',
    hop: 'scheduling',
    does: 'The chunks cache asks for more memory than any node has.',
    make: (api) =>
      api.change({ kind: 'StatefulSet', name: '*chunks-cache' }, (set) => {
        const memory = tooMuch(api);
        for (const container of templateOf(set)['containers'] as Doc[])
          if (container['name'] === 'memcached') container['resources'] = { ...container['resources'], requests: { memory }, limits: { memory } };
      }),
  },
  {
    name: 'pvc-storage',
    hop: 'scheduling',
    does: 'The EBS driver is gone, and the volumes of the ingesters have to be made anew.',
    make: (api) => {
      api.remove({ kind: 'CSIDriver', name: 'ebs.csi.aws.com' });
      const { store } = api.place;
      const claims = store.list('PersistentVolumeClaim').filter(({ metadata }) => /ingester|write/.test(metadata.name));
      for (const { metadata } of claims) store.delete('PersistentVolumeClaim', metadata.namespace, metadata.name);
      for (const component of ['ingester', 'write']) api.kill({ component });
    },
  },
  {
    name: 'anti-affinity',
    hop: 'scheduling',
    does: 'The gateway wants more replicas than there are nodes, each on a node of its own.',
    make: (api) =>
      api.change(part('Deployment', 'gateway'), (deployment) => {
        const labelSelector = { matchLabels: { 'app.kubernetes.io/component': 'gateway' } };
        deployment['spec'].replicas = nodesOf(api).length + 1;
        templateOf(deployment)['affinity'] = {
          podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector, topologyKey: 'kubernetes.io/hostname' }] },
        };
      }),
  },
  {
    name: 'image-pull',
    hop: 'scheduling',
    does: "The registry does not give out the gateway's image.",
    make: (api) => {
      const { deniedImages } = api.place.cluster;
      deniedImages.add('nginx-unprivileged');
      api.later(() => void deniedImages.delete('nginx-unprivileged'));
      api.kill(GATEWAY);
    },
  },
  {
    name: 'collector-coverage',
    hop: 'scheduling',
    does: 'A node is tainted for GPU work, and the collector does not tolerate it.',
    make: (api) => {
      const tainted = nodesOf(api).find(plain)?.metadata.name ?? '';
      api.change(collector, (set) => void delete templateOf(set)['tolerations']);
      api.change({ kind: 'Node', name: tainted }, (node) => {
        node['spec'] = { ...node['spec'], taints: [...(node['spec']?.taints ?? []), { key: 'nvidia.com/gpu', value: 'true', effect: 'NoSchedule' }] };
      });
    },
  },
  {
    name: 'collector-resources',
    hop: 'scheduling',
    does: 'Alloy has no memory limit, fills its nodes, and is killed by them.',
    make: (api) => {
      api.change(collector, (set) => {
        for (const container of templateOf(set)['containers'] as Doc[]) if ((container['args'] ?? []).includes('run')) container['resources'] = {};
      });
      api.inject({
        events: [
          {
            about: { kind: 'Node' },
            reason: 'SystemOOM',
            message: 'System OOM encountered, victim process: alloy, pid: 41233',
          },
        ],
      });
      api.behave(ALLOY, (_, container) => (container === 'alloy' ? { ready: false, lines: [], crash: { exitCode: 137 } } : undefined));
    },
  },
  {
    name: 'helm-unknown-keys',
    hop: 'scheduling',
    does: "The values of Alloy's release have volumes under a key that the chart does not know.",
    make: (api) =>
      changeRelease(api, 'alloy', (release) => {
        const alloy = (release['config'].alloy ??= {});
        alloy.extraVolumes = [{ name: 'varlog', hostPath: { path: '/var/log' } }];
        alloy.extraVolumeMounts = [{ name: 'varlog', mountPath: '/var/log', readOnly: true }];
      }),
  },
  {
    name: 'helm-pending',
    hop: 'scheduling',
    does: 'An upgrade of Loki was killed, and its release is still pending.',
    make: (api) =>
      changeRelease(api, 'loki', (release) => {
        release['info'].status = 'pending-upgrade';
      }),
  },
  {
    name: 'pvc-lifecycle',
    hop: 'scheduling',
    does: 'Volumes of ingesters that are no more are still there, and cost.',
    make: (api) => {
      const made = new Set<string>();
      api.change(part('StatefulSet', 'ingester'), ({ metadata, spec }) => {
        if (made.has(metadata.namespace)) return false;
        made.add(metadata.namespace);
        delete spec.persistentVolumeClaimRetentionPolicy;
        for (const ordinal of [7, 8])
          api.create({
            apiVersion: 'v1',
            kind: 'PersistentVolumeClaim',
            metadata: {
              name: `data-${metadata.name}-${ordinal}`,
              namespace: metadata.namespace,
              labels: { 'app.kubernetes.io/name': 'loki', 'app.kubernetes.io/instance': 'loki', 'app.kubernetes.io/component': 'ingester' },
            },
            spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'gp2', resources: { requests: { storage: '20Gi' } }, volumeName: `pvc-left-${ordinal}` },
            status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '20Gi' } },
          } as never);
      });
    },
  },
  {
    name: 'duplicates-positions',
    hop: 'alloy-read',
    does: 'Alloy keeps its positions where they are lost with the pod.',
    make: (api) =>
      api.change({ kind: 'DaemonSet', selector: ALLOY_LABEL }, (set) => {
        for (const volume of templateOf(set)['volumes'] as Doc[])
          if (volume['hostPath'] && volume['hostPath'].path !== '/var/log') {
            delete volume['hostPath'];
            volume['emptyDir'] = {};
          }
      }),
  },
  {
    name: 'wal-loss',
    hop: 'loki-runtime',
    does: 'The ingesters have no volumes: what is not yet in S3 is lost with the pod.',
    make: (api) =>
      api.change({ kind: 'StatefulSet', selector: `${LOKI_LABEL},app.kubernetes.io/component=ingester` }, (set) => {
        const names = ((set['spec'].volumeClaimTemplates ?? []) as Doc[]).map(({ metadata }) => metadata.name as string);
        delete set['spec'].volumeClaimTemplates;
        templateOf(set)['volumes'] = [...(templateOf(set)['volumes'] ?? []), ...names.map((name) => ({ name, emptyDir: {} }))];
      }),
  },
];
