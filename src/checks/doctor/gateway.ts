/** Hops gateway and tenant-write: nginx runs, reaches Loki, and lets the collector's login and tenant through. */
import { at } from '../../design/document.ts';
import type { Verdict } from '../../engine/types.ts';
import { crashing, said, shortened } from './log-lines.ts';
import type { Answer, DoctorCheck, GatewaySeen, LokiSeen, Survey, WriterSeen } from './survey.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const NO_GATEWAY = skip('Loki has no gateway');
const gatewayPods = ({ pods }: LokiSeen) => pods.filter(({ component }) => component === 'gateway');

/** nginx and Loki both answer 401; only one of them asks for a password. */
export const isLoginRefused = ({ status, headers, body }: Answer): boolean =>
  status === 401 && (/basic/i.test(headers['www-authenticate'] ?? '') || /<html/i.test(body)) && !isTenantMissing({ status, headers, body });
export const isTenantMissing = ({ status, body }: Answer): boolean => status === 401 && /no org id/i.test(body);
export const inWords = ({ status, body }: Answer): string =>
  `HTTP ${status} ${shortened(
    body
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
    120,
  )}`.trim();

export const gatewayResolves: DoctorCheck = {
  id: 'gateway.resolver',
  title: "The gateway's resolver resolves",
  at: ['doctor'],
  hop: 'gateway',
  async run({ loki, cluster }) {
    if (!loki) return NO_LOKI;
    if (!loki.gateway) return NO_GATEWAY;
    const evidence = said(gatewayPods(loki), /host not found in resolver/);
    const failing = loki.gateway.workload.ready === 0;
    if (!failing || evidence.length === 0) return pass(loki.gateway.resolver);
    return fail('GATEWAY_RESOLVER', {
      message: `nginx can't start: its resolver ${loki.gateway.resolver ?? ''} does not resolve`,
      fix: cluster.clusterDns
        ? 'set global.dnsService: kube-dns and global.dnsNamespace: kube-system in the values and upgrade the release'
        : 'set gateway.nginxConfig.resolver to the cluster DNS address in the values (there is no Service kube-system/kube-dns), and upgrade the release',
      evidence: [...evidence, `${loki.gateway.configFrom}: resolver ${loki.gateway.resolver ?? ''}`],
    });
  },
};

export const gatewayUp: DoctorCheck = {
  id: 'gateway.up',
  title: 'The gateway is ready',
  at: ['doctor'],
  hop: 'gateway',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
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
      return fail('GATEWAY_ABSENT', {
        message: `${where} has no replicas`,
        fix: `kubectl -n ${workload.namespace} scale deployment ${workload.name} --replicas 2`,
        evidence: [`${where}: spec.replicas 0`],
      });
    if (workload.ready > 0) return pass(`${workload.ready} of ${workload.wanted} ready`);
    const pods = gatewayPods(loki);
    const lines = said(crashing(pods), /emerg|error/);
    return fail('GATEWAY_ABSENT', {
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

/** Everybody's requests pass here: an answer of its own, and no 5xx of what is behind it. */
export const gatewayReachesLoki: DoctorCheck = {
  id: 'gateway.upstream',
  title: 'The gateway reaches Loki',
  at: ['doctor'],
  hop: 'gateway',
  symptom: true,
  async run({ loki, collectors }) {
    if (!loki) return NO_LOKI;
    const answers = [loki.gateway?.anonymous, ...collectors.flatMap(({ writers }) => writers.map(({ answer }) => answer))].filter((one) => one !== undefined);
    if (answers.length === 0) return loki.gateway ? skip('it could not be asked') : NO_GATEWAY;
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
  title: 'The gateway is not open to the world',
  at: ['doctor'],
  hop: 'gateway',
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const { gateway, release } = loki;
    if (!gateway) return NO_GATEWAY;
    if (!['LoadBalancer', 'NodePort'].includes(gateway.serviceType ?? '')) return pass(gateway.serviceType);
    const ranges = at((release?.values ?? {}) as Parameters<typeof at>[0], 'gateway.service.loadBalancerSourceRanges');
    if (gateway.asksLogin && ranges === undefined) return pass(`${gateway.serviceType}, with a login`);
    return warn('GATEWAY_OPEN', {
      message: `Service ${loki.namespace}/${gateway.workload.name} is a ${gateway.serviceType}${gateway.asksLogin ? '' : ' and asks for no login'}${ranges === undefined ? '' : '; the chart ignores loadBalancerSourceRanges'}`,
      evidence: [`Service ${loki.namespace}/${gateway.workload.name}: spec.type ${gateway.serviceType}, no spec.loadBalancerSourceRanges`],
    });
  },
};

const writersOf = ({ collectors }: Survey): readonly { readonly writer: WriterSeen; readonly from: string }[] =>
  collectors.flatMap(({ writers, configFrom }) => writers.filter(({ ours }) => ours).map((writer) => ({ writer, from: `${configFrom}, ${writer.component}` })));

const BASIC_AUTH = `basic_auth {
  username      = "USER"
  password_file = "/etc/loki/password"   # a mounted Secret
}`;

function loginVerdict(gateway: GatewaySeen, { writer, from }: { readonly writer: WriterSeen; readonly from: string }): Verdict | undefined {
  if (!gateway.asksLogin && !(writer.answer && isLoginRefused(writer.answer))) return undefined;
  if (!writer.hasLogin) {
    return fail('WRITER_LOGIN_MISSING', {
      message: `The collector sends no login, but the gateway asks for one (${from})`,
      fix: `put into the endpoint of ${writer.component}:\n${BASIC_AUTH}`,
      evidence: [
        `${from}: no basic_auth in its endpoint (line ${writer.line})`,
        `${gateway.configFrom}: auth_basic is on`,
        ...(writer.answer ? [`GET /loki/api/v1/labels without a login: ${inWords(writer.answer)}`] : []),
      ],
    });
  }
  if (!writer.answer || !isLoginRefused(writer.answer)) return undefined;
  return fail('WRITER_LOGIN_REFUSED', {
    message: `The gateway refuses the collector's login, user "${writer.login?.user}"`,
    evidence: [
      `${from}: basic_auth, username "${writer.login?.user}"`,
      `GET /loki/api/v1/labels with that login: ${inWords(writer.answer)}`,
      `htpasswd: Secret ${gateway.workload.namespace}/${gateway.loginSecret?.name}`,
    ],
  });
}

export const writerLogin: DoctorCheck = {
  id: 'gateway.writer-login',
  title: "The gateway takes the collector's login",
  at: ['doctor'],
  hop: 'gateway',
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    if (!loki.gateway) return NO_GATEWAY;
    const writers = writersOf(survey);
    if (writers.length === 0) return skip('no collector writes to this gateway');
    const { gateway } = loki;
    return (
      writers.map((one) => loginVerdict(gateway, one)).find((one) => one !== undefined) ??
      (writers.some(({ writer }) => writer.answer) ? pass() : skip('the login could not be read'))
    );
  },
};

export const writerTenant: DoctorCheck = {
  id: 'tenant.writer',
  title: 'What is written has a tenant',
  at: ['doctor'],
  hop: 'tenant-write',
  async run(survey) {
    const { loki } = survey;
    if (!loki) return NO_LOKI;
    if (at(loki.config, 'auth_enabled') === false) return pass('Loki has one tenant only');
    const writers = writersOf(survey);
    if (writers.length === 0) return skip('no collector writes to this Loki');
    if (loki.gateway?.setsTenant) return pass(`the gateway sets it: ${loki.gateway.setsTenant}`);
    const bad = writers.find(({ writer }) => writer.tenant === undefined || (writer.answer && isTenantMissing(writer.answer) && writer.tenant.is === 'fixed'));
    if (!bad) return pass(writers.map(({ writer }) => (writer.tenant?.is === 'fixed' ? writer.tenant.name : 'decided by a stage')).join(', '));
    return fail('WRITER_TENANT_MISSING', {
      message: `The collector names no tenant, and Loki has more than one (${bad.from})`,
      fix: `put into the endpoint of ${bad.writer.component}:  tenant_id = "TENANT"`,
      evidence: [
        `${bad.from}: neither tenant_id nor the header X-Scope-OrgID (line ${bad.writer.line})`,
        ...(bad.writer.answer ? [`GET /loki/api/v1/labels: ${inWords(bad.writer.answer)}`] : []),
        `${loki.configFrom}: auth_enabled: true`,
      ],
    });
  },
};
