/** Loki's service account, created before Helm so that its identity can be verified first; the chart is told to use it. */
import { BY_STEPS, rule } from '../design/permissions.ts';
import type { UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject, Ref } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';
import { adoptionMarks, giveBack, isAdopted, MADE_BY_HELM, mark, markChange, MARKED, foreignMark, unmark, type Marking } from './ownership-marks.ts';
import { named, isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'adopting'>;

export const serviceAccount: Step<Needs, UndoRecord> = {
  id: 'service-account',
  title: "Loki's service account",
  scope: 'cluster',
  needs: ['namespace.loki'],
  permissions: [
    rule('loki', 'get', 'serviceaccounts', { to: "read Loki's service account", for: BY_STEPS }),
    rule('loki', 'create patch delete', 'serviceaccounts', {
      to: 'create the service account or change its annotations, and roll that back',
      for: ['install', 'adopt'],
    }),
    rule('loki', 'patch', 'serviceaccounts', { to: 'release the service account', for: ['orphan'] }),
    rule('loki', 'patch delete', 'serviceaccounts', { to: 'delete the service account, or give it back', for: ['uninstall'] }),
  ],

  async inspect({ kubernetes, blueprint, adopting }) {
    const wanted = blueprint.serviceAccount.object;
    const found = await kubernetes.get(reference(blueprint));
    if (!found) return { is: 'differs', changes: [{ action: 'create', target: named(wanted) }] };
    const bar = foreignMark(found, { ownership: blueprint.ownership, ...(adopting && { adopting }) });
    if (bar) return { is: 'blocked', problem: bar };
    if (!isOwnedByLabels(found, blueprint.ownership)) return { is: 'differs', changes: [markChange(found, adoptionOf(found, blueprint))] };
    const differing = Object.keys(patchFor(found, wanted).annotations);
    return differing.length > 0 ? { is: 'differs', changes: [{ action: 'update', target: named(wanted), detail: differing.join(', ') }] } : { is: 'matches' };
  },

  async apply({ kubernetes, blueprint, adopting }, { record }) {
    const wanted = blueprint.serviceAccount.object;
    const found = await kubernetes.get(reference(blueprint));
    if (!found) {
      await record({ did: 'create-service-account' });
      await kubernetes.create(adopting ? kept(wanted) : wanted);
      return;
    }
    if (!isOwnedByLabels(found, blueprint.ownership)) return mark(kubernetes, found, { marking: adoptionOf(found, blueprint), record });
    const { annotations } = patchFor(found, wanted);
    const before = Object.fromEntries(Object.keys(annotations).map((key) => [key, found.metadata.annotations?.[key] ?? null]));
    await record({ did: 'annotate-service-account', before });
    await kubernetes.patch(reference(blueprint), { metadata: { annotations } });
  },

  async undo({ kubernetes, blueprint }, receipt) {
    if (receipt.did === MARKED) return unmark(kubernetes, receipt);
    const found = await kubernetes.get(reference(blueprint));
    if (!found || !isOwnedByLabels(found, blueprint.ownership)) return;
    if (receipt.did === 'create-service-account') await kubernetes.delete(reference(blueprint));
    else await kubernetes.patch(reference(blueprint), { metadata: { annotations: receipt['before'] } });
  },

  async remove({ kubernetes, blueprint }) {
    const found = await kubernetes.get(reference(blueprint));
    if (!found) return { is: 'absent' };
    if (!isOwnedByLabels(found, blueprint.ownership)) return { is: 'kept', target: named(found), why: 'loki-eks did not create it' };
    if (isAdopted(found)) return giveBack(kubernetes, found, blueprint);
    await kubernetes.delete(reference(blueprint));
    return { is: 'removed' };
  },
};

export const reference = ({ serviceAccount }: Needs['blueprint']): Ref => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  namespace: serviceAccount.namespace,
  name: serviceAccount.name,
});

/** One that a chart has created is deleted by the next upgrade of its release, unless helm is told to keep it. */
/** A release that is adopted may list an account of this name, which the next upgrade would delete. */
const kept = (wanted: KubeObject): KubeObject => ({ ...wanted, metadata: { ...wanted.metadata, annotations: { ...wanted.metadata.annotations, ...KEEP } } });

const KEEP = { 'helm.sh/resource-policy': 'keep' };

/** Written only by a chart, EKS or loki-eks: the account is deleted with the release that created it. */
const OF_CHARTS = /^(meta\.helm\.sh|helm\.sh|eks\.amazonaws\.com|loki-eks\.dev)\//;

function adoptionOf(found: KubeObject, { ownership, serviceAccount: { object } }: Needs['blueprint']): Marking {
  const byHelm = found.metadata.annotations?.[MADE_BY_HELM] !== undefined;
  const made = byHelm && Object.keys(found.metadata.annotations ?? {}).every((key) => OF_CHARTS.test(key));
  return adoptionMarks(found, { ownership, annotations: { ...patchFor(found, object).annotations, ...(byHelm && KEEP) }, made });
}

/** Only annotations of ours can differ: a `null` removes the role of the other kind of identity. */
function patchFor(found: KubeObject, wanted: KubeObject): { readonly annotations: Readonly<Record<string, string | null>> } {
  const annotations: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(wanted.metadata.annotations ?? {})) {
    if (found.metadata.annotations?.[key] !== value) annotations[key] = value;
  }
  const irsa = 'eks.amazonaws.com/role-arn';
  if (found.metadata.annotations?.[irsa] && !wanted.metadata.annotations?.[irsa]) annotations[irsa] = null;
  return { annotations };
}
