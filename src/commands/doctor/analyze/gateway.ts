/** Hop gateway: nginx runs, reaches Loki, and accepts exactly the clients it should. */
import { getPath } from '../../../design/get-path.ts';
import type { Verdict } from '../../../engine/types.ts';
import { inWords } from './answers.ts';
import { crashing, freshSince, nowIn, said, shortened } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import { isReplacing, isStarting } from './starting.ts';
import { counted, podsPushed } from './pushes.ts';
import { failing, takingSince } from './refusals.ts';
import { noImage } from './scheduling.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const NO_GATEWAY = skip('Loki has no gateway');
const gatewayPods = ({ pods }: LokiEvidence) => pods.filter(({ component }) => component === 'gateway');

const NO_RESOLVER = /host not found in (resolver|upstream)/i;

export const gatewayResolves: DoctorCheck = {
  id: 'gateway.resolver',
  title: "The gateway's DNS resolver works",
  at: ['doctor'],
  hop: 'gateway',
  async run(collected) {
    const { loki, cluster } = collected;
    if (!loki) return NO_LOKI;
    if (!loki.gateway) return NO_GATEWAY;
    const down = said(
      gatewayPods(loki).filter(({ ready }) => !ready),
      NO_RESOLVER,
    );
    // A running nginx re-resolves every name; it logs a name only if resolution fails.
    const asked = said(gatewayPods(loki), /could not be resolved \(|(no resolver defined|resolver)[\s\S]{0,400}(timed out|refused)/i, 3, freshSince(collected));
    const bad = [502, 503, 504].includes(loki.gateway.anonymous?.status ?? 0);
    const evidence = [...down, ...(bad ? asked : [])];
    if (evidence.length === 0) return pass(loki.gateway.resolver);
    return fail('GATEWAY_RESOLVER', {
      message: `${down.length > 0 ? "nginx can't start" : "nginx can't find Loki"}: its resolver ${loki.gateway.resolver ?? ''} does not resolve`,
      fix: cluster.clusterDns
        ? 'set global.dnsService: kube-dns and global.dnsNamespace: kube-system in the values and upgrade the release'
        : 'set gateway.nginxConfig.resolver to the cluster DNS address in the values (there is no Service kube-system/kube-dns), and upgrade the release',
      evidence: [...evidence, `${loki.gateway.configFrom}: resolver ${loki.gateway.resolver ?? ''}`],
    });
  },
};

function deleted(lost: readonly string[], { release, namespace }: LokiEvidence): Verdict {
  return fail('GATEWAY_UNAVAILABLE', {
    message: `${lost.join(' and ')} ${lost.length === 1 ? 'is' : 'are'} gone, and with it the way to Loki`,
    ...(release && { fix: `helm -n ${namespace} rollback ${release.name} ${release.revision}` }),
    evidence: lost.map((object) => `${object}: in revision ${release?.revision} of release ${namespace}/${release?.name}, not in the cluster`),
  });
}

export const gatewayUp: DoctorCheck = {
  id: 'gateway.up',
  title: 'The gateway is ready',
  at: ['doctor'],
  hop: 'gateway',
  proves: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (loki.gatewayLost) return deleted(loki.gatewayLost, loki);
    if (!loki.gateway) return NO_GATEWAY;
    const { workload, loginSecret } = loki.gateway;
    const where = `${workload.kind} ${workload.namespace}/${workload.name}`;
    if (loginSecret?.exists === false) {
      return fail('GATEWAY_SECRET_MISSING', {
        message: `Secret ${loki.namespace}/${loginSecret.name} with the gateway's logins does not exist`,
        fix: `kubectl -n ${loki.namespace} create secret generic ${loginSecret.name} --from-file=.htpasswd`,
        evidence: [`${where}: spec.template.spec.volumes: secretName ${loginSecret.name}`],
      });
    }
    if (workload.wanted === 0)
      return fail('GATEWAY_UNAVAILABLE', {
        message: `${where} has no replicas`,
        fix: `kubectl -n ${workload.namespace} scale deployment ${workload.name} --replicas 2`,
        evidence: [`${where}: spec.replicas 0`],
      });
    const pods = gatewayPods(loki);
    // Pods are read a moment after the Deployment, so they are more current.
    const ready = Math.max(workload.ready, pods.filter((one) => one.ready).length);
    if (ready > 0) return pass(`${ready}/${workload.wanted} ready`);
    if (pods.length === 0 && isReplacing(loki, workload)) return skip('its pods are being created');
    if (pods.length > 0 && pods.every(({ unscheduled, containers }) => unscheduled !== undefined || containers.some(noImage)))
      return skip('its pods are waiting for a node or an image');
    if (said(pods, NO_RESOLVER).length > 0) return skip("nginx can't start without its resolver");
    if (pods.some((pod) => isStarting(pod, nowIn(collected)))) return skip('its pods are starting');
    const lines = said(crashing(pods), /emerg|error/);
    return fail('GATEWAY_UNAVAILABLE', {
      message: `No pod of ${where} is ready`,
      fix: `kubectl -n ${workload.namespace} describe pods -l app.kubernetes.io/component=gateway`,
      evidence:
        lines.length > 0
          ? lines
          : pods
              .slice(0, 3)
              .map(
                ({ name, containers, unscheduled }) =>
                  `pod ${name}: ${unscheduled ?? containers.map(({ waiting }) => waiting?.reason ?? 'not ready').join(', ')}`,
              ),
    });
  },
};

/** The password may be right and the hash malformed: then nginx responds with 500, only to the correct login. */
export const loginsUsable: DoctorCheck = {
  id: 'gateway.logins',
  title: 'The gateway can read its credentials',
  at: ['doctor'],
  hop: 'gateway',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (!loki.gateway) return NO_GATEWAY;
    const { loginSecret, workload } = loki.gateway;
    const evidence = said(
      gatewayPods(loki),
      /crypt_r\(\) failed|htpasswd.{0,200}(No such file|Permission denied)|open\(\) "[^"]{0,200}htpasswd/i,
      2,
      freshSince(collected),
    );
    if (evidence.length === 0 && !loginSecret?.wrong) return loki.gateway.asksLogin ? pass() : skip('the gateway has no authentication');
    return fail('GATEWAY_HASH', {
      message: loginSecret?.wrong
        ? `nginx can't use Secret ${workload.namespace}/${loginSecret.name}: ${loginSecret.wrong}`
        : "nginx can't check a hash in its password file: requests with valid credentials get 500",
      evidence: [...evidence, ...(loginSecret ? [`Secret ${workload.namespace}/${loginSecret.name}${loginSecret.wrong ? `: ${loginSecret.wrong}` : ''}`] : [])],
    });
  },
};

const UNPASSED = [499, 502, 503, 504];
/** The longest pause of a collector between two attempts, plus some slack. */
const LATELY_MS = 60_000;

/**
 * Pushes that got no further than the gateway, by the counters of collectors and by its own log. A request for labels takes another route,
 * and may succeed while no line gets through.
 */
function pushesUnpassed(collected: Evidence, loki: LokiEvidence): { readonly status: number; readonly evidence: readonly string[] } | undefined {
  const now = nowIn(collected);
  const down = failing(collected);
  // A collector that delivers now had a refusal that is already over.
  if (podsPushed(collected).some(({ state }) => state === 'delivering') && down.length === 0) return undefined;
  const inLog = gatewayPods(loki).flatMap(({ name, access }) => {
    const { status, count = 0, last, line = '' } = access?.refused.find((one) => UNPASSED.includes(one.status)) ?? {};
    const over = !last || now - last.getTime() > LATELY_MS || last.getTime() < takingSince(collected) || (access?.takenLast?.getTime() ?? 0) >= last.getTime();
    return status === undefined || over || (count < 2 && down.length === 0)
      ? []
      : [{ status, text: `pod ${name}: ${count} pushes answered ${status}, the last: ${shortened(line, 160)}` }];
  });
  const counters = down.filter(({ status }) => UNPASSED.includes(Number(status)));
  const status = inLog[0]?.status ?? Number(counters[0]?.status);
  if (inLog.length === 0 && counters.length === 0) return undefined;
  return { status, evidence: [...inLog.slice(0, 2).map(({ text }) => text), ...counters.slice(0, 2).map((one) => `pod ${one.pod.name}: ${counted(one)}`)] };
}

/** Upstreams that nginx is configured with, and that do not exist. */
const lostBehind = ({ services }: Evidence, { gateway }: LokiEvidence): readonly string[] =>
  (gateway?.upstreams ?? [])
    .filter((url) => services.has(url) && services.get(url) === undefined)
    .slice(0, 2)
    .map((url) => `${gateway?.configFrom}: ${url}, and there is no Service of that name`);

/** Every request passes through here: checks for errors of its own, and 5xx from upstreams. */
export const gatewayReachesLoki: DoctorCheck = {
  id: 'gateway.upstream',
  title: 'The gateway can reach Loki',
  at: ['doctor'],
  hop: 'gateway',
  symptom: true,
  async run(collected) {
    const { loki, collectors } = collected;
    if (!loki) return NO_LOKI;
    const answers = [loki.gateway?.anonymous, ...collectors.flatMap(({ writers }) => writers.map(({ answer }) => answer))].filter((one) => one !== undefined);
    const refused = loki.gateway && pushesUnpassed(collected, loki);
    if (refused)
      return fail('GATEWAY_UPSTREAM', {
        message: `The gateway can't pass pushes on to Loki: ${refused.status === 499 ? 'what is behind it does not answer' : `it answers HTTP ${refused.status}`}`,
        evidence: [
          ...refused.evidence,
          ...lostBehind(collected, loki),
          ...said(gatewayPods(loki), /could not be resolved|Connection refused|upstream/, 2, freshSince(collected)),
        ],
      });
    if (answers.length === 0) return loki.gateway ? skip('it could not be queried') : NO_GATEWAY;
    const bad = answers.find(({ status }) => [502, 503, 504].includes(status));
    if (bad)
      return fail('GATEWAY_UPSTREAM', {
        message: `The gateway can't reach Loki: it answers HTTP ${bad.status}`,
        evidence: [`GET /loki/api/v1/labels: ${inWords(bad)}`, ...said(gatewayPods(loki), /could not be resolved|Connection refused|upstream/)],
      });
    return pass();
  },
};

export const gatewayClosed: DoctorCheck = {
  id: 'gateway.closed',
  title: 'The gateway is not exposed to the internet',
  at: ['doctor'],
  hop: 'gateway',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const { gateway, release } = loki;
    if (!gateway) return NO_GATEWAY;
    if (!['LoadBalancer', 'NodePort'].includes(gateway.serviceType ?? '')) return pass(gateway.serviceType);
    const ranges = getPath((release?.values ?? {}) as Parameters<typeof getPath>[0], 'gateway.service.loadBalancerSourceRanges');
    if (gateway.asksLogin && ranges === undefined) return pass(`${gateway.serviceType}, with authentication`);
    return warn('GATEWAY_EXPOSED', {
      message: `Service ${loki.namespace}/${gateway.workload.name} is a ${gateway.serviceType}${gateway.asksLogin ? '' : ' and asks for no login'}${ranges === undefined ? '' : '; the chart ignores loadBalancerSourceRanges'}`,
      evidence: [`Service ${loki.namespace}/${gateway.workload.name}: spec.type ${gateway.serviceType}, no spec.loadBalancerSourceRanges`],
    });
  },
};

/** Helm waits for the address as well: with --wait, an install without one never finishes. */
export const gatewayAddressed: DoctorCheck = {
  id: 'gateway.address',
  title: "The gateway's load balancer has an address",
  at: ['doctor'],
  hop: 'gateway',
  partial: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    if (!loki.gateway) return NO_GATEWAY;
    const { workload, serviceType, addressed } = loki.gateway;
    if (serviceType !== 'LoadBalancer' || addressed === undefined) return skip('not a LoadBalancer');
    if (addressed) return pass();
    const object = `Service ${loki.namespace}/${workload.name}`;
    const events = loki.events.filter((event) => event.object === object).map(({ reason, message }) => `${object}: ${reason}, ${shortened(message, 220)}`);
    const subnets = events.some((text) => /suitable subnets|subnet/i.test(text));
    return fail('GATEWAY_NO_ADDRESS', {
      message: `${object} is a LoadBalancer without an address${subnets ? ': no subnet is tagged for it' : ''}`,
      ...(subnets && {
        fix: 'tag the subnets kubernetes.io/role/elb=1 (internal ones kubernetes.io/role/internal-elb=1), or set gateway.service.type: ClusterIP',
      }),
      evidence: [`${object}: status.loadBalancer.ingress is empty`, ...events.slice(0, 2)],
    });
  },
};
