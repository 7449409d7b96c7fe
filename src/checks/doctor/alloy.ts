/** Hops alloy-discovery, alloy-read and alloy-push: collectors start, find pods, read their files, and deliver. */
import { blocksNamed, type AlloyBlock } from '../../design/alloy-reading.ts';
import { freshSince, said, shortened } from './log-lines.ts';
import type { CollectorSeen, Container, DoctorCheck, PodSeen, Survey, WriterSeen } from './survey.ts';
import { fail, NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

const container = ({ workload: { template } }: CollectorSeen): Container | undefined =>
  template.containers.find(({ args = [] }) => args.includes('run')) ?? template.containers[0];
const podsOf = ({ collectors }: Survey): readonly PodSeen[] => collectors.flatMap(({ pods }) => pods);
/** Collectors that may still suffer from what their log tells: those that follow files are over it. */
const stuck = ({ pods, counters }: CollectorSeen): readonly PodSeen[] =>
  pods.filter(({ name }) => !counters.some(({ pod, activeFiles = 0 }) => pod === name && activeFiles > 0));
/** The settings that fix what is found, where a release says which they are. */
const where = ({ release, workload: { kind, namespace, name } }: CollectorSeen): string =>
  release ? `the values of Helm release ${release.namespace}/${release.name}` : `${kind} ${namespace}/${name}`;

export const pipelineLoads: DoctorCheck = {
  id: 'alloy.config',
  title: 'Alloy accepts its configuration',
  at: ['doctor'],
  hop: 'alloy-discovery',
  async run(survey) {
    for (const collector of survey.collectors) {
      const evidence = said(
        collector.pods.filter(({ ready, containers }) => !ready || containers.some(({ restarts }) => restarts > 0)),
        /^Error: .*config\S*:\d+:\d+|could not perform the initial load|failed to reload config|failed to build component/,
      );
      const position = evidence.map((line) => /:(\d+):(\d+): (.+)$/.exec(line)).find(Boolean);
      const bad = collector.pods.some(({ ready }) => !ready) || evidence.some((line) => line.includes('failed to reload'));
      if (evidence.length === 0 || !bad) continue;
      const line = position && collector.text?.split('\n')[Number(position[1]) - 1];
      return fail('ALLOY_CONFIG_INVALID', {
        message: position ? `Alloy refuses its configuration at line ${position[1]}: ${shortened(position[3]!, 120)}` : 'Alloy refuses its configuration',
        fix: `correct ${collector.configFrom}, in ${where(collector)}`,
        evidence: [...evidence, ...(line ? [`${collector.configFrom}, line ${position?.[1]}: ${line.trim()}`] : [])],
      });
    }
    return survey.collectors.length === 0 ? NO_COLLECTOR : pass();
  },
};

export const collectorsUp: DoctorCheck = {
  id: 'alloy.up',
  title: 'No collector crashes',
  at: ['doctor'],
  hop: 'alloy-discovery',
  symptom: true,
  async run(survey) {
    const pods = podsOf(survey);
    if (pods.length === 0) return NO_COLLECTOR;
    const bad = pods.filter(
      ({ containers, ready }) => !ready && containers.some(({ waiting, restarts }) => waiting?.reason === 'CrashLoopBackOff' || restarts > 1),
    );
    const [first] = bad;
    if (!first) return pass(`${pods.filter(({ ready }) => ready).length} of ${pods.length} ready`);
    const killed = bad.some(({ containers }) => containers.some(({ ended }) => ended?.reason === 'OOMKilled'));
    const lines = said(bad, /level=error|Error:|panic/);
    return fail('COLLECTOR_CRASHES', {
      message: `${bad.length} of ${pods.length} collectors crash${killed ? ': they run out of memory' : ''}`,
      fix: killed ? "raise alloy.resources.limits.memory in Alloy's values" : `kubectl -n ${first.namespace} logs ${first.name} --previous --tail 50`,
      evidence: lines.length > 0 ? lines : [`pod ${first.name}: ${first.containers.map(({ waiting, ended }) => ended?.reason ?? waiting?.reason).join(', ')}`],
    });
  },
};

export const podsListed: DoctorCheck = {
  id: 'alloy.rbac',
  title: 'Alloy may list pods',
  at: ['doctor'],
  hop: 'alloy-discovery',
  async run(survey) {
    for (const collector of survey.collectors) {
      const evidence = said(stuck(collector), /is forbidden: User|pods is forbidden|cannot (list|watch) resource "pods"/);
      if (evidence.length === 0) continue;
      const account = collector.workload.template.serviceAccountName ?? 'default';
      return fail('ALLOY_RBAC', {
        message: `ServiceAccount ${collector.workload.namespace}/${account} may not list pods, so Alloy finds none`,
        fix: `set rbac.create: true in Alloy's values and upgrade the release; the ClusterRoleBinding must name ServiceAccount ${account} in namespace ${collector.workload.namespace}`,
        evidence,
      });
    }
    return survey.collectors.length === 0 ? NO_COLLECTOR : pass();
  },
};

/** The name a node filter takes for the node's must come from the node, not from the pod. */
export const nodeFilterRight: DoctorCheck = {
  id: 'alloy.node-filter',
  title: 'Each collector looks for the pods of its own node',
  at: ['doctor'],
  hop: 'alloy-discovery',
  async run(survey) {
    for (const collector of survey.collectors) {
      const field = blocksNamed(blocksNamed(collector.blocks, 'discovery.kubernetes'), 'selectors')
        .map(({ attributes }) => attributes['field'] ?? '')
        .find((text) => text.includes('spec.nodeName'));
      const variable = /env\("(\w+)"\)/.exec(field ?? '')?.[1];
      if (!field || !variable) continue;
      const given = container(collector)?.env?.find(({ name }) => name === variable);
      if (given?.valueFrom?.fieldRef?.fieldPath === 'spec.nodeName') continue;
      return fail('ALLOY_NODE_FILTER', {
        message: `Alloy takes ${variable} for the name of its node, but it is ${given ? (given.value ?? given.valueFrom?.fieldRef?.fieldPath ?? 'something else') : "not set, so it is the pod's name"}`,
        fix: `add to alloy.extraEnv in Alloy's values:\n- name: ${variable}\n  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}`,
        evidence: [
          `${collector.configFrom}: field = ${field}`,
          `${collector.workload.kind} ${collector.workload.name}: env ${variable} is not fieldRef spec.nodeName`,
        ],
      });
    }
    return survey.collectors.length === 0 ? NO_COLLECTOR : pass();
  },
};

const readsFiles = ({ blocks }: CollectorSeen) => blocksNamed(blocks, 'loki.source.file').length > 0;

/** No error tells of it: a pattern that matches nothing is an empty list. */
export const varlogMounted: DoctorCheck = {
  id: 'alloy.varlog',
  title: "The node's /var/log is mounted into the collectors",
  at: ['doctor'],
  hop: 'alloy-read',
  async run(survey) {
    const readers = survey.collectors.filter(readsFiles);
    if (readers.length === 0) return survey.collectors.length === 0 ? NO_COLLECTOR : skip('no collector reads files');
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

function misplacedKeys({ release }: CollectorSeen): { readonly unheeded: readonly string[]; readonly values: readonly string[] } {
  const alloy = release?.values['alloy'];
  const under = typeof alloy === 'object' && alloy !== null ? Object.keys(alloy) : [];
  const unheeded = ['extraVolumes', 'extraVolumeMounts'].filter((key) => under.includes(key)).map((key) => `alloy.${key}`);
  return { unheeded, values: unheeded.map((key) => `values of release ${release?.name}: ${key} is no key of the chart`) };
}

export const filesReadable: DoctorCheck = {
  id: 'alloy.permission',
  title: 'The collectors may read the files',
  at: ['doctor'],
  hop: 'alloy-read',
  async run(survey) {
    for (const collector of survey.collectors) {
      const evidence = said(stuck(collector), /\/var\/log\/\S*: permission denied/);
      if (evidence.length === 0) continue;
      const user = container(collector)?.securityContext?.runAsUser ?? collector.workload.template.securityContext?.runAsUser;
      return fail('ALLOY_PERMISSION', {
        message: `The collectors may not open the log files${user ? `: they run as user ${user}` : ''}`,
        evidence: [...evidence, ...(user ? [`${collector.workload.kind} ${collector.workload.name}: securityContext.runAsUser ${user}`] : [])],
      });
    }
    return survey.collectors.length === 0 ? NO_COLLECTOR : pass();
  },
};

export const filesFollowed: DoctorCheck = {
  id: 'alloy.files',
  title: 'The collectors follow files',
  at: ['doctor'],
  hop: 'alloy-read',
  symptom: true,
  async run({ collectors }) {
    const counted = collectors.filter(readsFiles).flatMap(({ counters }) => counters.filter(({ activeFiles }) => activeFiles !== undefined));
    if (counted.length === 0) return collectors.length === 0 ? NO_COLLECTOR : skip('no counters of files could be read');
    const idle = counted.filter(({ activeFiles }) => activeFiles === 0);
    if (idle.length === 0) return pass(`${counted.reduce((sum, { activeFiles = 0 }) => sum + activeFiles, 0)} files by ${counted.length} collectors`);
    return fail('ALLOY_NO_FILES', {
      message: `${idle.length} of ${counted.length} collectors follow no file`,
      evidence: idle.slice(0, 4).map(({ pod, node }) => `pod ${pod} on ${node}: loki_source_file_files_active_total 0`),
    });
  },
};

export const prefixTaken: DoctorCheck = {
  id: 'alloy.cri',
  title: "The container runtime's prefix is taken off",
  at: ['doctor'],
  hop: 'alloy-read',
  async run({ collectors, reading }) {
    const readers = collectors.filter(readsFiles);
    if (readers.length === 0) return skip('no collector reads files');
    const bad = readers.find(({ blocks }) => blocksNamed(blocks, /^stage\.(cri|docker)$/).length === 0);
    const prefixed = reading?.newest && /^\d{4}-\d\d-\d\dT\S+ (stdout|stderr) [FP] /.test(reading.newest.line);
    if (!bad) return pass();
    return warn('ALLOY_NO_CRI', {
      evidence: [`${bad.configFrom}: no stage.cri`, ...(prefixed ? [`a line that came back: ${shortened(reading.newest!.line, 120)}`] : [])],
    });
  },
};

export const positionsKept: DoctorCheck = {
  id: 'alloy.positions',
  title: 'Collectors remember where they stopped',
  at: ['doctor'],
  hop: 'alloy-read',
  async run({ collectors }) {
    const readers = collectors.filter(readsFiles);
    if (readers.length === 0) return skip('no collector reads files');
    const lost = readers.find((collector) => {
      const own = container(collector);
      const path = own?.args?.map((word) => /^--storage\.path=(.+)$/.exec(word)?.[1]).find(Boolean) ?? '';
      const mount = own?.volumeMounts?.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`));
      const volume = collector.workload.template.volumes?.find(({ name }) => name === mount?.name);
      return !volume?.hostPath && !volume?.persistentVolumeClaim && !collector.workload.claims.includes(volume?.name ?? mount?.name ?? '-');
    });
    return lost
      ? warn('ALLOY_POSITIONS_LOST', { evidence: [`${lost.workload.kind} ${lost.workload.name}: --storage.path is in no hostPath and no claim`] })
      : pass();
  },
};

function addressFault({ url }: WriterSeen, { services }: Pick<Survey, 'services'>): string | undefined {
  if (url === undefined) return undefined;
  if (!/^https?:\/\//.test(url)) return 'it has no http:// or https:// in front';
  if (!URL.canParse(url)) return 'it is no URL';
  const { pathname, port, protocol, host } = new URL(url);
  if (pathname.includes('//')) return 'its path has a double slash, which Loki answers with a redirect that loses the lines';
  if (!/\/(loki\/api\/v1|api\/prom)\/push$/.test(pathname)) return `its path is ${pathname}, not /loki/api/v1/push`;
  if (!services.has(url)) return undefined;
  const service = services.get(url);
  if (!service) return `there is no Service ${host.split(':')[0]}`;
  const wanted = Number(port || (protocol === 'https:' ? 443 : 80));
  return service.ports.includes(wanted) ? undefined : `Service ${service.namespace}/${service.name} has no port ${wanted}, only ${service.ports.join(', ')}`;
}

export const pushAddress: DoctorCheck = {
  id: 'alloy.push-url',
  title: 'Collectors push to an address of Loki',
  at: ['doctor'],
  hop: 'alloy-push',
  async run(survey) {
    const { collectors, loki } = survey;
    if (collectors.length === 0) return NO_COLLECTOR;
    const all = collectors.flatMap((collector) => collector.writers.map((writer) => ({ collector, writer })));
    const gateway = loki?.gateway && `http://${loki.gateway.workload.name}.${loki.namespace}.svc.cluster.local/loki/api/v1/push`;
    for (const { collector, writer } of all) {
      const wrong = addressFault(writer, survey);
      if (wrong === undefined) continue;
      return fail('ALLOY_PUSH_URL', {
        message: `The collector pushes to ${writer.url}: ${wrong}`,
        ...(gateway && { fix: `url = "${gateway}"` }),
        evidence: [
          `${collector.configFrom}, ${writer.component} (line ${writer.line}): url = "${writer.url}"`,
          ...said(collector.pods, /final error sending batch|error sending batch/, 1),
        ],
      });
    }
    const read = collectors.some(({ text }) => text !== undefined);
    if (all.length === 0 && read)
      return fail('ALLOY_NO_WRITE', { evidence: collectors.map(({ configFrom }) => `${configFrom}: no loki.write with an endpoint`) });
    return all.length === 0 ? skip("the collectors' configuration could not be read") : pass(all.map(({ writer }) => writer.url ?? 'computed').join(', '));
  },
};

/** Receivers that nothing hands lines to, or sources that hand them to nobody. */
export const pipelineJoined: DoctorCheck = {
  id: 'alloy.joined',
  title: 'Every source leads to a loki.write',
  at: ['doctor'],
  hop: 'alloy-push',
  async run({ collectors }) {
    if (collectors.length === 0) return NO_COLLECTOR;
    for (const { blocks, configFrom } of collectors) {
      const sources = blocksNamed(blocks, /^loki\.source\.(file|kubernetes|podlogs)$/);
      const lost = sources.find((source) => !leadsOut(source, blocks, 8));
      if (lost)
        return fail('ALLOY_NO_WRITE', {
          message: `What ${lost.name} "${lost.label}" reads is handed to no loki.write`,
          evidence: [`${configFrom}, line ${lost.line}: forward_to = ${lost.attributes['forward_to'] ?? 'nothing'}`],
        });
    }
    return pass();
  },
};

function leadsOut(block: AlloyBlock, all: readonly AlloyBlock[], left: number): boolean {
  const to = block.attributes['forward_to'] ?? '';
  if (to.includes('loki.write.') || left === 0) return true;
  const receivers = [...to.matchAll(/([\w.]+)\.(\w+)\.receiver/g)].map(([, name, label]) => all.find((one) => one.name === name && one.label === label));
  // A component that is not in this file (a module, an import) may do anything.
  return receivers.some((receiver) => receiver === undefined || leadsOut(receiver, all, left - 1));
}

const PUSH_ERROR = /error sending batch|status=(4\d\d|5\d\d|-1)|server returned HTTP status/;

export const pushesAccepted: DoctorCheck = {
  id: 'alloy.pushes',
  title: 'What collectors push is accepted',
  at: ['doctor'],
  hop: 'alloy-push',
  symptom: true,
  async run(survey) {
    const { collectors, reading } = survey;
    if (collectors.length === 0) return NO_COLLECTOR;
    const evidence = said(podsOf(survey), PUSH_ERROR, 3, freshSince(survey));
    const dropped = collectors.flatMap(({ counters }) => counters).filter(({ droppedEntries }) => droppedEntries > 0);
    const numbers = dropped.slice(0, 2).map(({ pod, droppedEntries }) => `pod ${pod}: loki_write_dropped_entries_total ${droppedEntries}`);
    if (evidence.length === 0 && dropped.length === 0) return pass();
    const status = /status(?:=| )(-1|\d{3})/.exec(evidence[0] ?? '')?.[1];
    const message = `Pushes are refused${status && status !== '-1' ? ` with HTTP ${status}` : status ? ': no answer comes' : ''}`;
    // What comes back now speaks for the present; the log tells of the past as well.
    const arrives = reading?.newest && reading.asked.getTime() - reading.newest.time.getTime() < 120_000;
    return arrives
      ? warn('ALLOY_PUSH_REFUSED', {
          message: `Pushes were refused a while ago${status && status !== '-1' ? ` with HTTP ${status}` : ''}`,
          evidence: [...evidence, ...numbers],
        })
      : fail('ALLOY_PUSH_REFUSED', { message, evidence: [...evidence, ...numbers] });
  },
};
