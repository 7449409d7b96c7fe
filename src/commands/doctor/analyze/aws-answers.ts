/** Hops aws-identity and s3, by AWS's responses to the pods: read from their logs, when everything that could be checked is correct. */
import { REFUSED } from './aws-identity.ts';
import { core, freshSince, said, saying, toldOnce, unwrittenSince } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import { imageSaid, versionOf } from './loki-version.ts';
import { meshed } from './mesh.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

/** No response at all, in the error messages of Go, both SDKs and proxies. */
export const NO_ANSWER =
  /connection refused|connection reset|i\/o timeout|TLS handshake timeout|no such host|no route to host|network is unreachable|deadline exceeded|server misbehaving|Client\.Timeout exceeded|request send failed|RequestTimeout|unexpected EOF|dial tcp/i;
const STS = /sts[.\w-]{0,60}\.amazonaws\.com|AssumeRoleWithWebIdentity|operation error STS/i;
const S3 =
  /operation error S3|s3[.\w-]{0,60}\.amazonaws\.com|RequestCanceled|RequestError: send request failed|failed to flush|store put chunk|failed to (run compaction|put object)|error syncing tables|unable to list rules/i;
const DENIED = /AccessDenied|Access Denied|not authorized to perform|StatusCode: 403|status code: 403|AllAccessDisabled|KMS\.\w+|kms:\w+/i;

const both = (first: RegExp, second: RegExp): RegExp => new RegExp(`^(?=[\\s\\S]*(?:${first.source}))(?=[\\s\\S]*(?:${second.source}))`, 'i');

const atSts = (collected: Evidence, loki: LokiEvidence) => saying(core(loki), both(STS, NO_ANSWER), unwrittenSince(collected));

export const stsReached: DoctorCheck = {
  id: 'identity.sts',
  title: 'Loki can reach STS',
  at: ['doctor'],
  hop: 'aws-identity',
  async run(collected) {
    const { loki, cluster } = collected;
    if (!loki) return NO_LOKI;
    const heard = atSts(collected, loki);
    if (heard.length === 0) return pass();
    if (meshed(core(loki)).length > 0) return skip('a service mesh is in between');
    const global = heard.some(({ line }) => /\/\/sts\.amazonaws\.com/.test(line));
    return fail('LOKI_STS_UNREACHABLE', {
      message: `${heard.length === 1 ? `Pod ${heard[0]!.pod.name} gets` : `${heard.length} pods of Loki get`} no answer from STS${global ? ', which is asked at its global address' : ''}`,
      fix: `give the pods' subnets a NAT gateway, or an interface endpoint com.amazonaws.${cluster.region}.sts with private DNS${global ? '; and set AWS_STS_REGIONAL_ENDPOINTS=regional' : ''}`,
      evidence: said(core(loki), both(STS, NO_ANSWER), 3, unwrittenSince(collected)),
    });
  },
};

const NODE_ROLE = /assumed-role\/([^/\s"]+)\/i-[0-9a-f]+/;

/** The principal that AWS names as denied shows who called: a session named after an instance is the node. */
export const notAsNode: DoctorCheck = {
  id: 'identity.node-role',
  title: "Loki doesn't use the node's role",
  at: ['doctor'],
  hop: 'aws-identity',
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const [first] = saying(core(loki), NODE_ROLE, unwrittenSince(collected));
    if (!first) return pass();
    const node = NODE_ROLE.exec(first.line)?.[1] ?? '';
    const own = loki.account.roleArn ?? loki.account.association;
    return fail('LOKI_NODE_ROLE', {
      message: `Loki asks AWS as the node's role ${node}, not as ${own ?? 'a role of its own'}`,
      fix: own
        ? `kubectl -n ${loki.namespace} rollout restart deployment,statefulset; and keep pods from the node's credentials: set the hop limit of its metadata service to 1`
        : `give ServiceAccount ${loki.namespace}/${loki.account.name} a role of its own, and keep pods from the node's credentials`,
      evidence: [...said(core(loki), NODE_ROLE, 2, unwrittenSince(collected)), `ServiceAccount ${loki.namespace}/${loki.account.name}: ${own ?? 'no role'}`],
    });
  },
};

export const identityAccepted: DoctorCheck = {
  id: 'identity.accepted',
  title: "AWS accepts Loki's identity",
  at: ['doctor'],
  hop: 'aws-identity',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    if (atSts(collected, loki).length > 0) return skip('STS does not respond');
    const evidence = said(core(loki), REFUSED, 3, unwrittenSince(collected));
    if (evidence.length === 0) return pass();
    const [major = 0, minor = 0] = versionOf(loki) ?? [];
    const changed = major > 3 || (major === 3 && minor >= 6);
    // The other checks of this hop run first: role, provider and trust were correct, or could not be checked.
    return fail('LOKI_IDENTITY_REFUSED', {
      evidence: [...evidence, ...(changed ? [...imageSaid(loki), 'since 3.6 Loki signs in with another version of the SDK'] : [])],
      ...(changed && { fix: 'where the trust policy is right, use EKS Pod Identity, or loki.image.tag: 3.5.7 until it is solved' }),
    });
  },
};

/** No request to S3 was made: the node's metadata service returned no role, or did not respond. */
const NO_IDENTITY = /ec2imds|EC2RoleRequestError|no EC2 IMDS role found|NoCredentialProviders/i;

export const s3Reached: DoctorCheck = {
  id: 's3.reached',
  title: 'Loki can reach S3',
  at: ['doctor'],
  hop: 's3',
  async run(collected) {
    const { loki, cluster } = collected;
    if (!loki) return NO_LOKI;
    const unanswered = (since: number) =>
      saying(core(loki), both(S3, NO_ANSWER), since).filter(({ line }) => !STS.test(line) && !DENIED.test(line) && !NO_IDENTITY.test(line));
    const lately = unanswered(unwrittenSince(collected));
    // Later writes by other pods do not clear the one that can't write.
    const heard = lately.length > 0 ? lately : unanswered(freshSince(collected));
    const [first] = heard;
    if (!first) return pass();
    if (meshed(core(loki)).length > 0) return skip('a service mesh is in between');
    const all = core(loki).filter(({ lines }) => lines !== undefined).length;
    const restart = `kubectl -n ${first.pod.namespace} delete pod ${first.pod.name}`;
    return (lately.length > 0 ? fail : warn)('LOKI_S3_UNREACHABLE', {
      message: `${heard.length} of ${all} pods of Loki get no answer from S3${first.pod.node ? `, as ${first.pod.name} on node ${first.pod.node}` : ''}`,
      fix: `put a gateway endpoint com.amazonaws.${cluster.region}.s3 into the route tables of the nodes' subnets${heard.length < all ? `; ${restart} may help the one pod` : ''}`,
      evidence: toldOnce(heard).slice(0, 3),
    });
  },
};

/** The simulator ignores bucket policies, key policies and service control policies; S3 itself does not. */
export const s3Allows: DoctorCheck = {
  id: 's3.allowed',
  title: "S3 accepts Loki's requests",
  at: ['doctor'],
  hop: 's3',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const heard = saying(core(loki), both(S3, DENIED), unwrittenSince(collected)).filter(({ line }) => !STS.test(line) && !NODE_ROLE.test(line));
    const [first] = heard;
    if (!first) return pass();
    const said_ = toldOnce(heard).slice(0, 3);
    const key = /kms/i.test(first.line);
    return fail('LOKI_S3_DENIED', {
      message: key
        ? "The bucket's key refuses Loki"
        : `S3 refuses what Loki asks${/ListBucket|syncing tables|compaction/i.test(first.line) ? ': it may write, but not list' : ''}`,
      evidence: said_,
    });
  },
};

/** Flushes that fail for none of the reasons above. */
export const chunksArrive: DoctorCheck = {
  id: 's3.flushes',
  title: 'Ingesters flush chunks to S3',
  at: ['doctor'],
  hop: 's3',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const evidence = said(core(loki), /failed to flush|failed to run compaction|unable to list rules|error syncing tables/i, 3, unwrittenSince(collected));
    const failures = loki.counters?.flushFailures ?? 0;
    if (evidence.length > 0)
      return fail('LOKI_FLUSH_FAILS', {
        message: `${failures > 0 ? `${failures} flushes have failed, the last` : 'A job on the bucket failed'} a moment ago`,
        evidence,
      });
    if (!loki.counters) return skip("Loki's metrics could not be read");
    if (failures === 0) return pass();
    const counter = `loki_ingester_chunks_flush_failures_total ${failures}`;
    return warn('LOKI_FLUSH_FAILS', {
      message: `${failures} flushes failed earlier`,
      evidence: [counter, ...said(core(loki), /failed to flush/i, 1)],
    });
  },
};
