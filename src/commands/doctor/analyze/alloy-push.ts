/** Hop alloy-push: what is read is forwarded, to an address of Loki, and accepted there. */
import { blocksNamed } from '../../../design/alloy-reading.ts';
import type { WriterEvidence } from './collectors-evidence.ts';
import { cutOff } from './alloy-nodes.ts';
import { LIMIT_WORDS } from './limits.ts';
import { core, freshSince, said, toldOnce } from './log-lines.ts';
import { judged, leadsOut } from './pipeline.ts';
import { counted, podsPushed } from './pushes.ts';
import { failing, refusals } from './refusals.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

function addressFault({ url }: WriterEvidence, { services, loki }: Pick<Evidence, 'services' | 'loki'>): string | undefined {
  if (url === undefined) return undefined;
  if (!/^https?:\/\//.test(url)) return 'it has no http:// or https:// in front';
  if (!URL.canParse(url)) return 'it is not a URL';
  const { pathname, port, protocol, host } = new URL(url);
  if (pathname.includes('//')) return 'its path has a double slash, which Loki answers with a redirect that loses the lines';
  if (!/\/(loki\/api\/v1|api\/prom)\/push$/.test(pathname)) return `its path is ${pathname}, not /loki/api/v1/push`;
  if (!services.has(url)) return undefined;
  const service = services.get(url);
  if (!service) return isLost(host, loki) ? undefined : `there is no Service ${host.split(':')[0]}`;
  const wanted = Number(port || (protocol === 'https:' ? 443 : 80));
  const component = service.selector['app.kubernetes.io/component'];
  if (service.namespace === loki?.namespace && component && /^(read|querier|query-frontend|query-scheduler|compactor|ruler|index-gateway)$/.test(component))
    return `it leads to ${component}, which takes no lines`;
  return service.ports.includes(wanted) ? undefined : `Service ${service.namespace}/${service.name} has no port ${wanted}, only ${service.ports.join(', ')}`;
}

/** The address is correct, but its target was deleted: reported by the gateway's checks. */
const isLost = (host: string, loki: Evidence['loki']): boolean =>
  (loki?.gatewayLost ?? []).some((object) => object === `Service ${host.split('.')[1]}/${host.split('.')[0]}`);

export const pushAddress: DoctorCheck = {
  id: 'alloy.push-url',
  title: "Collectors push to Loki's address",
  at: ['doctor'],
  hop: 'alloy-push',
  async run(collected) {
    const { loki } = collected;
    const collectors = judged(collected);
    if (collectors.length === 0) return NO_COLLECTOR;
    const all = collectors.flatMap((collector) => collector.writers.map((writer) => ({ collector, writer })));
    const gateway = loki?.gateway && `http://${loki.gateway.workload.name}.${loki.namespace}.svc.cluster.local/loki/api/v1/push`;
    for (const { collector, writer } of all) {
      const wrong = addressFault(writer, collected);
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
    const read = collectors.some(({ text }) => text !== undefined && !/otelcol\.exporter\./.test(text));
    if (all.length === 0 && read)
      return fail('ALLOY_NO_WRITE', { evidence: collectors.map(({ configFrom }) => `${configFrom}: no loki.write with an endpoint`) });
    return all.length === 0 ? skip("the collectors' configuration could not be read") : pass(all.map(({ writer }) => writer.url ?? 'computed').join(', '));
  },
};

/** Receivers that get no lines, or sources that forward to no receiver. */
export const pipelineJoined: DoctorCheck = {
  id: 'alloy.joined',
  title: 'Every log source is forwarded to a loki.write',
  at: ['doctor'],
  hop: 'alloy-push',
  async run(collected) {
    const collectors = judged(collected);
    if (collectors.length === 0) return NO_COLLECTOR;
    for (const { blocks, configFrom } of collectors) {
      const sources = blocksNamed(blocks, /^loki\.source\.(file|kubernetes|podlogs)$/);
      const lost = sources.find((source) => !leadsOut(source, blocks));
      if (lost)
        return fail('ALLOY_NO_WRITE', {
          message: `What ${lost.name} "${lost.label}" reads is handed to no loki.write`,
          evidence: [`${configFrom}, line ${lost.line}: forward_to = ${lost.attributes['forward_to'] ?? 'nothing'}`],
        });
    }
    return pass();
  },
};

/** Limits, sizes, schemas and rings have findings of their own. */
const TOLD_ELSEWHERE = new RegExp(
  [...LIMIT_WORDS, /message larger than max|no schema config found for time|empty ring|live replicas required/i].map(({ source }) => source).join('|'),
  'i',
);

export const pushesAccepted: DoctorCheck = {
  id: 'alloy.pushes',
  title: 'Loki accepts pushes',
  at: ['doctor'],
  hop: 'alloy-push',
  symptom: true,
  async run(collected) {
    const { reading } = collected;
    const collectors = judged(collected);
    if (collectors.length === 0) return NO_COLLECTOR;
    const refused = refusals(collected);
    const heard = refused.filter(({ line }) => !TOLD_ELSEWHERE.test(line) && !cutOff(collected).some(({ line: cut }) => cut === line));
    const evidence = toldOnce(heard).slice(0, 3);
    const dropped = collectors.flatMap(({ counters }) => counters).filter(({ droppedEntries }) => droppedEntries > 0);
    const numbers = dropped.slice(0, 2).map(({ pod, droppedEntries }) => `pod ${pod}: loki_write_dropped_entries_total ${droppedEntries}`);
    if (heard.length === 0 && (dropped.length === 0 || refused.length > 0)) return pass();
    const status = /status(?:=| )(-1|\d{3})/.exec(heard[0]?.line ?? '')?.[1];
    const now = failing(collected);
    const asked = podsPushed(collected).length;
    const whose = now.length > 0 ? ` of ${now.length} of ${asked} collectors that were asked` : '';
    const message = `Pushes${whose} ${status === '-1' ? 'get no answer' : `are refused${status ? ` with HTTP ${status}` : ''}`}`;
    if (now.length > 0) return fail('ALLOY_PUSH_REFUSED', { message, evidence: [...evidence, ...ownAnswers(collected), ...numbers] });
    // Current responses show the present; the log includes the past as well.
    const arrives = reading?.newest && reading.asked.getTime() - reading.newest.time.getTime() < 120_000;
    if (arrives && dropped.length === 0 && heard.every(({ line }) => /will retry/i.test(line))) return pass('refused pushes succeeded on retry');
    return arrives
      ? warn('ALLOY_PUSH_REFUSED', {
          message: `Pushes were refused a while ago${status && status !== '-1' ? ` with HTTP ${status}` : ''}`,
          evidence: [...evidence, ...numbers],
        })
      : fail('ALLOY_PUSH_REFUSED', { message, evidence: [...evidence, ...numbers] });
  },
};

/** Loki's own messages about pushes that it could not accept. */
const ownAnswers = (collected: Evidence): readonly string[] =>
  said(collected.loki ? core(collected.loki) : [], /POST \/loki\/api\/v1\/push \((429|5\d\d)\)/, 2, freshSince(collected));

/** The login is correct, but the process can't open the file that contains it; Alloy logs that only at level debug. */
export const passwordReadable: DoctorCheck = {
  id: 'alloy.password',
  title: 'Collectors can read their password',
  at: ['doctor'],
  hop: 'alloy-push',
  async run(collected) {
    const collectors = judged(collected);
    if (collectors.length === 0) return NO_COLLECTOR;
    const bad = collectors.flatMap((collector) => collector.writers.flatMap((writer) => (writer.passwordFault ? [{ collector, writer }] : [])))[0];
    if (!bad) return pass();
    const states = podsPushed(collected).filter(({ pod }) => bad.collector.pods.some(({ name }) => name === pod.name));
    if (states.some(({ state }) => state === 'delivering')) return pass('pushes are accepted');
    const { kind, namespace, name } = bad.collector.workload;
    return fail('WRITER_PASSWORD_UNREADABLE', {
      message: `${kind} ${namespace}/${name} can't read the password of ${bad.writer.component}: ${bad.writer.passwordFault}`,
      evidence: [
        `${bad.collector.configFrom}, ${bad.writer.component} (line ${bad.writer.line}): password_file`,
        ...states
          .filter(({ state }) => state === 'failing' || state === 'waiting')
          .slice(0, 2)
          .map((one) => `pod ${one.pod.name}: ${counted(one)}`),
      ],
    });
  },
};
