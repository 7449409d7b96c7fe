/** Hop alloy-read: log files exist, can be opened, are followed once, and are parsed in the right format. */
import { blocksNamed } from '../../../design/alloy-reading.ts';
import { getPath } from '../../../design/get-path.ts';
import type { CollectorEvidence } from './collectors-evidence.ts';
import { said, shortened } from './log-lines.ts';
import { container, judged, readsApi, readsFiles, stuck, takesPrefix } from './pipeline.ts';
import type { DoctorCheck } from './evidence.ts';
import { fail, NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

/** No error is logged: a pattern without a match is an empty list. */
export const varlogMounted: DoctorCheck = {
  id: 'alloy.varlog',
  title: "The node's /var/log is mounted into the collectors",
  at: ['doctor'],
  hop: 'alloy-read',
  async run(collected) {
    const readers = judged(collected).filter(readsFiles);
    if (readers.length === 0) return judged(collected).length === 0 ? NO_COLLECTOR : skip('no collector reads files');
    for (const collector of readers) {
      const { template, kind, name, namespace } = collector.workload;
      const paths = (container(collector)?.volumeMounts ?? []).flatMap((mount) => {
        const host = template.volumes?.find((volume) => volume.name === mount.name)?.hostPath?.path;
        return host === undefined ? [] : [{ inside: mount.mountPath.replace(/\/$/, ''), host }];
      });
      if (paths.some(({ inside }) => ['', '/var', '/var/log', '/var/log/pods'].includes(inside))) continue;
      const active = collector.counters.find(({ activeFiles }) => activeFiles !== undefined);
      const { unheeded, values } = misplacedKeys(collector);
      return fail('ALLOY_NO_VARLOG', {
        message: `${kind} ${namespace}/${name} reads /var/log/pods, but the node's /var/log is not mounted into it`,
        fix: collector.release
          ? `put this into Alloy's values${unheeded.length > 0 ? ` in place of ${unheeded.join(' and ')}, which the chart ignores,` : ''} and upgrade the release:\nalloy:\n  mounts:\n    varlog: true`
          : 'mount a hostPath volume /var/log at /var/log, read-only',
        evidence: [
          `${kind} ${namespace}/${name}: volumes ${(template.volumes ?? []).map((volume) => volume.name).join(', ') || 'none'}; no hostPath at /var/log`,
          ...(active ? [`pod ${active.pod}: loki_source_file_files_active_total ${active.activeFiles}`] : []),
          ...values,
        ],
      });
    }
    return pass();
  },
};

function misplacedKeys({ release }: CollectorEvidence): { readonly unheeded: readonly string[]; readonly values: readonly string[] } {
  const alloy = release?.values['alloy'];
  const under = typeof alloy === 'object' && alloy !== null ? Object.keys(alloy) : [];
  const unheeded = ['extraVolumes', 'extraVolumeMounts'].filter((key) => under.includes(key)).map((key) => `alloy.${key}`);
  return { unheeded, values: unheeded.map((key) => `values of release ${release?.name}: ${key} is no key of the chart`) };
}

export const filesReadable: DoctorCheck = {
  id: 'alloy.permission',
  title: 'Collectors are allowed to read the log files',
  at: ['doctor'],
  hop: 'alloy-read',
  async run(collected) {
    for (const collector of judged(collected)) {
      const evidence = said(stuck(collector), /\/var\/(log|lib\/docker)\/\S{0,400}: (permission denied|operation not permitted)/i);
      if (evidence.length === 0) continue;
      const user = container(collector)?.securityContext?.runAsUser ?? collector.workload.template.securityContext?.runAsUser;
      return fail('ALLOY_PERMISSION', {
        message: `The collectors may not open the log files${user ? `: they run as user ${user}` : ''}`,
        evidence: [...evidence, ...(user ? [`${collector.workload.kind} ${collector.workload.name}: securityContext.runAsUser ${user}`] : [])],
      });
    }
    return judged(collected).length === 0 ? NO_COLLECTOR : pass();
  },
};

export const filesFollowed: DoctorCheck = {
  id: 'alloy.files',
  title: 'Collectors tail log files',
  at: ['doctor'],
  hop: 'alloy-read',
  symptom: true,
  async run(collected) {
    const collectors = judged(collected);
    const counted = collectors.filter(readsFiles).flatMap(({ counters }) => counters.filter(({ activeFiles }) => activeFiles !== undefined));
    if (counted.length === 0) return collectors.length === 0 ? NO_COLLECTOR : skip('file metrics could not be read');
    const still = new Set(collectors.flatMap(({ stuck: all }) => all.map(({ pod }) => pod)));
    const idle = counted.filter(({ activeFiles, pod }) => activeFiles === 0 && !still.has(pod));
    if (idle.length === 0) return pass(`${counted.reduce((sum, { activeFiles = 0 }) => sum + activeFiles, 0)} files on ${counted.length} collectors`);
    // A node may have no pod whose logs are wanted; nodes with printing pods are covered by the next hop.
    if (idle.length < counted.length && collected.reading?.status === 200)
      return pass(`${counted.length - idle.length}/${counted.length} collectors tail files`);
    return fail('ALLOY_NO_FILES', {
      message: `${idle.length} of ${counted.length} collectors follow no file`,
      evidence: idle.slice(0, 4).map(({ pod, node }) => `pod ${pod} on ${node}: loki_source_file_files_active_total 0`),
    });
  },
};

const positionsPath = (collector: CollectorEvidence): string => {
  if (collector.software === 'promtail') return String(getPath(collector.scrapes, 'positions.filename') ?? '/tmp/positions.yaml');
  return (
    container(collector)
      ?.args?.map((word) => /^--storage\.path=(.+)$/.exec(word)?.[1])
      .find(Boolean) ?? ''
  );
};

export const positionsKept: DoctorCheck = {
  id: 'alloy.positions',
  title: 'Collectors persist their read positions',
  at: ['doctor'],
  hop: 'alloy-read',
  async run(collected) {
    const readers = judged(collected).filter(readsFiles);
    if (readers.length === 0) return skip('no collector reads files');
    const lost = readers.find((collector) => {
      const own = container(collector);
      const path = positionsPath(collector);
      const mount = own?.volumeMounts?.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`));
      const volume = collector.workload.template.volumes?.find(({ name }) => name === mount?.name);
      return !volume?.hostPath && !volume?.persistentVolumeClaim && !collector.workload.claims.includes(volume?.name ?? mount?.name ?? '-');
    });
    return lost
      ? warn('ALLOY_POSITIONS_LOST', {
          evidence: [`${lost.workload.kind} ${lost.workload.name}: ${positionsPath(lost) || 'the default path'} is in no hostPath and no claim`],
        })
      : pass();
  },
};

export const prefixTaken: DoctorCheck = {
  id: 'alloy.cri',
  title: "The container runtime's line prefix is removed",
  at: ['doctor'],
  hop: 'alloy-read',
  async run(collected) {
    const { reading } = collected;
    const readers = judged(collected).filter(readsFiles);
    if (readers.length === 0) return skip('no collector reads files');
    const bad = readers.find((one) => one.text !== undefined && !takesPrefix(one));
    // A stage for another runtime leaves the prefix in as well: the line shows it.
    const prefixed = reading?.newest && /^\d{4}-\d\d-\d\dT\S+ (stdout|stderr) [FP] /.test(reading.newest.line) ? reading.newest.line : undefined;
    if (!bad && prefixed === undefined) return pass();
    return warn('ALLOY_NO_CRI', {
      evidence: [...(bad ? [`${bad.configFrom}: no stage.cri`] : []), ...(prefixed ? [`a returned log line: ${shortened(prefixed, 120)}`] : [])],
    });
  },
};

/** Its tailer drops lines older than the previous one: stdout and stderr of one container alternate. */
export const notByApi: DoctorCheck = {
  id: 'alloy.api-tail',
  title: 'Logs are read from files, not through the API server',
  at: ['doctor'],
  hop: 'alloy-read',
  partial: true,
  async run(collected) {
    const bad = judged(collected).find(readsApi);
    if (!bad) return judged(collected).length === 0 ? NO_COLLECTOR : pass();
    const [source] = blocksNamed(bad.blocks, /^loki\.source\.(kubernetes|podlogs)$/);
    return warn('ALLOY_API_TAIL', {
      message: `${bad.workload.kind} ${bad.workload.namespace}/${bad.workload.name} reads logs through the API server, which loses lines that overtake each other`,
      evidence: [`${bad.configFrom}, line ${source?.line}: ${source?.name} "${source?.label ?? ''}"`],
    });
  },
};

/** Each line once: not by two collectors, and not by every replica of one. */
export const readOnce: DoctorCheck = {
  id: 'alloy.once',
  title: 'Each log line is read by exactly one collector',
  at: ['doctor'],
  hop: 'alloy-read',
  async run(collected) {
    const all = judged(collected);
    if (all.length === 0) return NO_COLLECTOR;
    const here = all.filter((one) => one.writers.some(({ ours }) => ours) && (readsFiles(one) || readsApi(one)) && one.pods.some(({ ready }) => ready));
    const named = ({ workload: { kind, namespace, name } }: CollectorEvidence) => `${kind} ${namespace}/${name}`;
    const daemons = here.filter(({ workload }) => workload.kind === 'DaemonSet');
    const [first, second] = daemons;
    if (first && second)
      return warn('DUPLICATE_COLLECTORS', {
        message: `${named(first)} and ${named(second)} both read the logs of every node and write them to this Loki`,
        evidence: daemons.map((one) => `${named(one)}: ${one.configFrom}`),
      });
    const repeated = here.find(
      (one) =>
        readsApi(one) && one.workload.wanted > 1 && !/clustering\s*\{\s*enabled\s*=\s*true/.test(one.text ?? '') && !/spec\.nodeName/.test(one.text ?? ''),
    );
    if (!repeated) return pass();
    return warn('DUPLICATE_COLLECTORS', {
      message: `Each of ${repeated.workload.wanted} pods of ${named(repeated)} reads all pods of the cluster, so that every line comes ${repeated.workload.wanted} times`,
      fix: 'clustering { enabled = true } in loki.source.kubernetes and alloy.clustering.enabled: true; or a node filter in discovery.kubernetes',
      evidence: [`${repeated.configFrom}: loki.source.kubernetes without clustering and without a node filter`],
    });
  },
};
