/** Verifies, before Helm runs, that Loki's service account can assume its role and that the role can use both buckets. */
import { rule } from '../design/permissions.ts';
import { createHash } from 'node:crypto';
import { canonical } from '../design/canonical.ts';
import type { UndoRecord, Step } from '../engine/types.ts';
import { ProblemError, type ProblemCode } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { named } from './ownership.ts';
import { reference } from './service-account.ts';

type Needs = Pick<Context, 'kubernetes' | 'webIdentity' | 'blueprint' | 'clock' | 'buckets'>;

const MARK = 'loki-eks.dev/identity-proved';
/** IAM is eventually consistent: a new role is usable after 2 to 30 seconds, rarely a minute (aws.md 2.5). */
const PATIENCE_MS = 90_000;
const PROPAGATION: readonly ProblemCode[] = [
  'ROLE_TRUST_REFUSED',
  'ROLE_TOKEN_REFUSED',
  'OIDC_PROVIDER_MISSING',
  'OIDC_AUDIENCE_WRONG',
  'OIDC_ISSUER_UNREACHABLE',
  'ROLE_S3_DENIED',
  'ROLE_KMS_DENIED',
];

export const identityProof: Step<Needs, UndoRecord> = {
  id: 'identity-proof',
  title: 'Loki can read and write its buckets',
  scope: 'cluster',
  needs: ['bucket.chunks', 'bucket.ruler', 'oidc-provider', 'role', 'service-account'],
  permissions: [
    // Bucket operations run as Loki's role.
    rule('loki', 'create', 'serviceaccounts/token', { to: 'prove that Loki can use its role before it needs it', for: ['install', 'adopt'] }),
  ],

  async inspect({ kubernetes, blueprint }) {
    const found = await kubernetes.get(reference(blueprint));
    if (found?.metadata.annotations?.[MARK] === subject(blueprint)) return { is: 'matches' };
    return {
      is: 'differs',
      changes: [{ action: 'update', target: named(blueprint.serviceAccount.object), detail: 'assume the role; put, get, list and delete a probe object' }],
    };
  },

  async apply(ctx, { record, say, signal }) {
    const { kubernetes, blueprint, clock } = ctx;
    const found = await kubernetes.get(reference(blueprint));
    // Recorded before the probe objects: a crash between putting and deleting one must not leave it in a bucket that stays.
    await record({ did: 'mark-proved', before: found?.metadata.annotations?.[MARK] ?? null, probed: bucketsOf(ctx) });
    const began = clock.now().getTime();
    for (;;) {
      try {
        say(`assuming ${blueprint.role.name} as ${blueprint.serviceAccount.namespace}/${blueprint.serviceAccount.name}`);
        await prove(ctx, bucketsOf(ctx));
        break;
      } catch (error) {
        const waited = clock.now().getTime() - began;
        // Overshoots by at most a quarter of the total wait.
        const pause = Math.min(5000, Math.max(250, waited / 4));
        if (!mayPropagate(error) || waited + pause > PATIENCE_MS) throw error;
        say(`waiting for IAM to propagate: ${error.problem.message}`);
        await clock.sleep(pause, signal);
      }
    }
    await kubernetes.patch(reference(blueprint), { metadata: { annotations: { [MARK]: subject(blueprint) } } });
  },

  async undo(ctx, receipt) {
    const { kubernetes, buckets, blueprint } = ctx;
    for (const name of (receipt['probed'] ?? []) as readonly string[]) {
      const { keys } = await buckets.keys(name, { prefix: keyOf(blueprint), limit: 1 });
      // The role that put it may also delete it; the user may not be allowed to.
      if (keys.length > 0) await prove(ctx, [name]);
    }
    const found = await kubernetes.get(reference(blueprint));
    if (!found || (found.metadata.annotations?.[MARK] ?? null) === receipt['before']) return;
    await kubernetes.patch(reference(blueprint), { metadata: { annotations: { [MARK]: receipt['before'] } } });
  },

  async remove() {
    return { is: 'absent' };
  },
};

/** A probe that runs to its end leaves nothing behind. */
async function prove({ kubernetes, webIdentity, blueprint }: Needs, buckets: readonly string[]): Promise<void> {
  const { namespace, name } = blueprint.serviceAccount;
  const token = await kubernetes.token({ namespace, serviceAccount: name, audience: blueprint.oidcProvider?.audience ?? 'sts.amazonaws.com', seconds: 600 });
  const credentials = await webIdentity.assume({ roleArn: blueprint.role.arn, token, session: `loki-eks-proof-${blueprint.ownership.installId}` });
  await Promise.all(buckets.map((bucket) => webIdentity.probe(bucket, { credentials, key: keyOf(blueprint) })));
}

const bucketsOf = ({ blueprint: { buckets } }: Needs) => [buckets.chunks.name, buckets.ruler.name];
const keyOf = ({ ownership }: Needs['blueprint']) => `loki-eks-probe/${ownership.installId}`;

const mayPropagate = (error: unknown): error is ProblemError =>
  error instanceof ProblemError && (PROPAGATION as readonly string[]).includes(error.problem.code);

/** What was verified: if any of it changes, it must be verified again. */
function subject({ role, buckets, serviceAccount }: Needs['blueprint']): string {
  const text = canonical({
    role: role.arn,
    trust: role.trust,
    policy: role.policy,
    buckets: [buckets.chunks.name, buckets.ruler.name],
    encryption: buckets.chunks.encryption,
    serviceAccount: `${serviceAccount.namespace}/${serviceAccount.name}`,
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
