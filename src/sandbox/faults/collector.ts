/** Faults of the collectors: what they discover, read and push. */
import { stamp, type Doc } from '../kube/document.ts';
import { ALLOY, ALLOY_LABEL, type FaultApi, type ClusterFault, changePipeline, collector, templateOf } from './fault-api.ts';

const PODS = 'discovery.relabel.pods.output';

/** An application that logs nothing readable; it has been up for an hour, so it had time to log something. */
function quietApplication(api: FaultApi): void {
  const container = {
    name: 'writer',
    image: 'public.ecr.aws/docker/library/busybox:1.36',
    command: ['sh', '-c', 'while true; do sleep 3600; done'],
    volumeMounts: [{ name: 'logs', mountPath: '/app/log' }],
  };
  const creationTimestamp = stamp(new Date(api.place.clock.now().getTime() - 3_600_000));
  for (const name of ['report-writer-0', 'report-writer-1'])
    api.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'reports', labels: { app: 'report-writer' }, creationTimestamp },
      spec: { containers: [container], volumes: [{ name: 'logs', emptyDir: {} }] },
    } as never);
}

export const collectorBreaks: readonly ClusterFault[] = [
  {
    name: 'alloy-syntax',
    hop: 'alloy-discovery',
    does: "Alloy's configuration has a field that does not exist.",
    make: (api) => changePipeline(api, (text) => text.replace(/(loki\.write "[^"]*" \{\n)/, '$1  endpiont = 1\n')),
  },
  {
    name: 'rbac',
    hop: 'alloy-discovery',
    does: "Alloy's ClusterRoleBinding names a service account of another namespace.",
    make: (api) =>
      api.change(
        { kind: 'ClusterRoleBinding', selector: ALLOY_LABEL },
        ({ subjects }) => {
          for (const subject of subjects as Doc[]) subject['namespace'] = 'default';
        },
        ALLOY,
      ),
  },
  {
    name: 'discovery-scope',
    hop: 'alloy-discovery',
    does: "Alloy takes its pod's name for the name of its node, and looks for pods there.",
    make: (api) =>
      api.change(collector, (set) => {
        for (const container of templateOf(set)['containers'] as Doc[])
          for (const variable of (container['env'] ?? []) as Doc[])
            if (variable['valueFrom']?.fieldRef?.fieldPath === 'spec.nodeName') variable['valueFrom'].fieldRef.fieldPath = 'metadata.name';
      }),
  },
  {
    name: 'varlog-mount',
    hop: 'alloy-read',
    does: "The node's /var/log is not mounted into the collectors.",
    make: (api) =>
      api.change(collector, (set) => {
        const template = templateOf(set);
        const gone = (template['volumes'] as Doc[]).filter(({ hostPath }) => hostPath?.path === '/var/log').map(({ name }) => name as string);
        template['volumes'] = (template['volumes'] as Doc[]).filter(({ name }) => !gone.includes(name));
        for (const container of template['containers'] as Doc[])
          container['volumeMounts'] = ((container['volumeMounts'] ?? []) as Doc[]).filter(({ name }) => !gone.includes(name));
      }),
  },
  {
    name: 'read-permission',
    hop: 'alloy-read',
    does: 'The collectors run as a user who may not read the files of root.',
    make: (api) =>
      api.change(collector, (set) => {
        const template = templateOf(set);
        for (const container of template['containers'] as Doc[]) container['securityContext'] = { ...container['securityContext'], runAsUser: 473 };
        // The kubelet creates a hostPath folder for positions as root; a non-root collector gets an emptyDir that it can write to.
        for (const volume of template['volumes'] as Doc[])
          if (volume['hostPath'] && volume['hostPath'].path !== '/var/log') {
            delete volume['hostPath'];
            volume['emptyDir'] = {};
          }
      }),
  },
  {
    name: 'cri-parse',
    hop: 'alloy-read',
    does: "The pipeline leaves the container runtime's prefix on each line.",
    make: (api) => changePipeline(api, (text) => text.replace(/^\s*stage\.cri \{[^}]*\}\n/m, '')),
  },
  {
    name: 'collector-noise',
    hop: 'alloy-read',
    does: 'Alloy says what sounds bad and is harmless; nothing is broken.',
    make: (api) =>
      api.inject({
        logs: [
          {
            component: 'alloy',
            lines: [
              'ts={time} level=info msg="failed to register collector with remote server" service=remotecfg id=7a1c name="" err="noop client"',
              'ts={time} level=error msg="position timer: error getting tail position and/or size, stopping tailer" component_id=loki.source.file.pods path=/var/log/pods/shop_gone-1_0d7c/web/0.log error="file does not exist"',
            ],
            every: '30s',
          },
        ],
      }),
  },
  {
    name: 'api-tail-loss',
    hop: 'alloy-read',
    does: 'Lines are read through the Kubernetes API, which loses some where stdout and stderr mix.',
    make: (api) => {
      api.change({ kind: 'ClusterRole', selector: ALLOY_LABEL }, (role) => {
        role['rules'] = [...(role['rules'] as Doc[]), { apiGroups: [''], resources: ['pods/log'], verbs: ['get', 'list', 'watch'] }];
      });
      changePipeline(api, (text) =>
        text
          .replace(/loki\.source\.file "(\w+)" \{\s*targets\s*=\s*[\w.]+/, `loki.source.kubernetes "$1" {\n  targets    = ${PODS}`)
          .replace(/^\s*stage\.cri \{[^}]*\}\n/m, ''),
      );
    },
  },
  {
    name: 'app-not-on-stdout',
    hop: 'alloy-read',
    does: 'An application writes its log into a file of its container, and nothing to stdout.',
    make: quietApplication,
  },
  {
    name: 'push-url',
    hop: 'alloy-push',
    does: 'The address that Alloy pushes to has a double slash in its path.',
    make: (api) => changePipeline(api, (text) => text.replace(/([^:/])\/loki\/api\/v1\/push/, '$1//loki/api/v1/push')),
  },
  {
    name: 'collector-stuck',
    hop: 'alloy-push',
    does: 'One collector has stopped reading, without a word.',
    // A line counts as missing half a minute after it was printed.
    showsAfterMs: 40_000,
    make: (api) => {
      const node = api.place.store.list('Node')[0]?.metadata.name ?? '';
      api.stall({ ...ALLOY, node });
      api.inject({
        logs: [{ component: 'alloy', node, lines: ['ts={time} level=info msg="reload requested via /-/reload endpoint" service=http'], every: '30s' }],
      });
    },
  },
  {
    name: 'connected-no-labels',
    hop: 'query',
    does: 'The pipeline drops every line: Loki answers, and has nothing to tell.',
    make: (api) => {
      changePipeline(api, (text) => text.replace(/(loki\.process "[^"]*" \{\n)/, '$1  stage.drop {\n    expression = ".*"\n  }\n\n'));
      // Labels from before the fault would be found for hours.
      api.inject({ answers: [{ component: 'query-frontend', path: '/loki/api/v1/label*', status: 200, body: { status: 'success' } }] });
    },
  },
];
