/** Hops gateway and tenant-write: collectors are authorized, and their lines have a tenant. */
import { getPath } from '../../../design/get-path.ts';
import type { Verdict } from '../../../engine/types.ts';
import { accessIn, inWords, isLoginRefused, isTenantMissing, type Asked } from './answers.ts';
import type { WriterEvidence } from './collectors-evidence.ts';
import { freshSince, shortened, timeOf } from './log-lines.ts';
import type { GatewayEvidence, LokiEvidence } from './loki-evidence.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';

const NO_GATEWAY = skip('Loki has no gateway');
const writersOf = ({ collectors }: Evidence): readonly { readonly writer: WriterEvidence; readonly from: string }[] =>
  collectors.flatMap(({ writers, configFrom }) => writers.filter(({ ours }) => ours).map((writer) => ({ writer, from: `${configFrom}, ${writer.component}` })));

const BASIC_AUTH = `basic_auth {
  username      = "USER"
  password_file = "/etc/loki/password"   # a mounted Secret
}`;

function loginVerdict(gateway: GatewayEvidence, { writer, from }: { readonly writer: WriterEvidence; readonly from: string }): Verdict | undefined {
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
  title: "The gateway accepts the collectors' credentials",
  at: ['doctor'],
  hop: 'gateway',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (!loki.gateway) return NO_GATEWAY;
    const writers = writersOf(collected);
    const { gateway } = loki;
    const refused = refusedAtGateway(collected, loki, { agents: COLLECTORS, tenant: false });
    if (writers.length === 0 && refused.length > 0 && gateway.asksLogin)
      return fail('WRITER_LOGIN_MISSING', { message: 'The gateway rejects pushes: missing or invalid credentials', evidence: refused });
    if (writers.length === 0) return skip('no collector writes to this gateway');
    return (
      writers.map((one) => loginVerdict(gateway, one)).find((one) => one !== undefined) ??
      (writers.some(({ writer }) => writer.answer) ? pass() : skip('the credentials could not be read'))
    );
  },
};

export const writerTenant: DoctorCheck = {
  id: 'tenant.writer',
  title: 'Collectors send a tenant',
  at: ['doctor'],
  hop: 'tenant-write',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (getPath(loki.config, 'auth_enabled') === false) return pass('Loki is single-tenant');
    const writers = writersOf(collected);
    const refused = refusedAtGateway(collected, loki, { agents: COLLECTORS, tenant: true });
    if (writers.length === 0 && refused.length > 0)
      return fail('WRITER_TENANT_MISSING', { message: 'Loki rejects pushes: no tenant is set', evidence: refused });
    if (writers.length === 0) return skip('no collector writes to this Loki');
    if (loki.gateway?.setsTenant) return pass(`set by the gateway: ${loki.gateway.setsTenant}`);
    const bad = writers.find(({ writer }) => writer.tenant === undefined || (writer.answer && isTenantMissing(writer.answer) && writer.tenant.is === 'fixed'));
    if (!bad) return pass(writers.map(({ writer }) => (writer.tenant?.is === 'fixed' ? writer.tenant.name : 'set by a pipeline stage')).join(', '));
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

/** What nginx has logged about other clients: one that is refused need not be part of the evidence. Canaries are left out. */
export function refusedAtGateway(collected: Evidence, loki: LokiEvidence, of: { readonly agents: RegExp; readonly tenant: boolean }): readonly string[] {
  const since = freshSince(collected);
  return loki.pods
    .filter(({ component }) => component === 'gateway')
    .flatMap(({ name, lines = [] }) => {
      const asked = lines.flatMap((line) => {
        const one = accessIn(line);
        return one && of.agents.test(one.agent) && !/canary/i.test(one.agent) && (timeOf(line) ?? since) >= since ? [{ line, one }] : [];
      });
      const last = asked.at(-1);
      return last && isRefusal(last.one, of.tenant) ? [`pod ${name}: ${shortened(last.line, 220)}`] : [];
    })
    .slice(0, 2);
}

/** Loki's "no org id" has ten bytes; nginx sends a page. */
const isRefusal = ({ status, bytes }: Asked, tenant: boolean): boolean => status === 401 && (tenant ? bytes > 0 && bytes <= 20 : bytes > 20);

export const COLLECTORS = /alloy|promtail|grafana-agent|fluent|vector|otel|logstash|loki-?client/i;
