/** The columns of pods and of workloads. */
import { AGE, age, count, isTrue, NAME, selector, text } from './column.ts';
import type { Column } from './column.ts';
import { reach } from './document.ts';
import type { Doc } from './document.ts';
import { podReady, podRestarts, podStatus } from './pod-summary.ts';

const CONTAINERS: readonly Column[] = (['name', 'image'] as const).map((field) => ({
  name: field === 'name' ? 'Containers' : 'Images',
  wide: true,
  cell: (doc) => (reach(doc, 'spec.template.spec.containers') ?? []).map((container: Doc) => container[field]).join(','),
}));

function jobStatus(doc: Doc): string {
  if (isTrue(doc, 'Complete')) return 'Complete';
  if (isTrue(doc, 'Failed')) return 'Failed';
  return doc.metadata.deletionTimestamp ? 'Terminating' : isTrue(doc, 'Suspended') ? 'Suspended' : 'Running';
}

export const WORKLOAD_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  Pod: [
    NAME,
    { name: 'Ready', cell: podReady },
    { name: 'Status', cell: podStatus },
    { name: 'Restarts', cell: (doc, now) => podRestarts(doc, (from) => age(from, now)) },
    AGE,
    text('IP', 'status.podIP', '<none>', true),
    text('Node', 'spec.nodeName', '<none>', true),
    text('Nominated Node', 'status.nominatedNodeName', '<none>', true),
    { name: 'Readiness Gates', wide: true, cell: () => '<none>' },
  ],
  Deployment: [
    NAME,
    { name: 'Ready', cell: (doc) => `${doc.status?.readyReplicas ?? 0}/${doc.spec?.replicas ?? 0}` },
    count('Up-to-date', 'status.updatedReplicas'),
    count('Available', 'status.availableReplicas'),
    AGE,
    ...CONTAINERS,
    selector('spec.selector'),
  ],
  ReplicaSet: [
    NAME,
    count('Desired', 'spec.replicas'),
    count('Current', 'status.replicas'),
    count('Ready', 'status.readyReplicas'),
    AGE,
    ...CONTAINERS,
    selector('spec.selector'),
  ],
  StatefulSet: [NAME, { name: 'Ready', cell: (doc) => `${doc.status?.readyReplicas ?? 0}/${doc.spec?.replicas ?? 0}` }, AGE, ...CONTAINERS],
  DaemonSet: [
    NAME,
    count('Desired', 'status.desiredNumberScheduled'),
    count('Current', 'status.currentNumberScheduled'),
    count('Ready', 'status.numberReady'),
    count('Up-to-date', 'status.updatedNumberScheduled'),
    count('Available', 'status.numberAvailable'),
    {
      name: 'Node Selector',
      cell: (doc) =>
        Object.entries(reach(doc, 'spec.template.spec.nodeSelector') ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(',') || '<none>',
    },
    AGE,
    ...CONTAINERS,
    selector('spec.selector'),
  ],
  Job: [
    NAME,
    { name: 'Status', cell: jobStatus },
    { name: 'Completions', cell: (doc) => `${doc.status?.succeeded ?? 0}/${doc.spec?.completions ?? 1}` },
    {
      name: 'Duration',
      cell: (doc, now) => (doc.status?.startTime ? age(doc.status.startTime, doc.status.completionTime ? new Date(doc.status.completionTime) : now) : ''),
    },
    AGE,
    ...CONTAINERS,
  ],
  CronJob: [
    NAME,
    text('Schedule', 'spec.schedule'),
    text('Timezone', 'spec.timeZone'),
    text('Suspend', 'spec.suspend'),
    { name: 'Active', type: 'integer', cell: (doc) => doc.status?.active?.length ?? 0 },
    { name: 'Last Schedule', cell: (doc, now) => (doc.status?.lastScheduleTime ? age(doc.status.lastScheduleTime, now) : '<none>') },
    AGE,
  ],
};
