/** The volume claims that StatefulSets of a release leave behind: Helm does not track them, and their data is in the bucket by then. */
import type { Removal } from '../engine/types.ts';
import type { Context } from '../context.ts';
import { isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint'>;
type Use = 'loki' | 'alloy';

const queryFor = ({ blueprint }: Needs, use: Use) => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: blueprint[use].namespace });

async function claimNames(ctx: Needs, use: Use): Promise<readonly string[]> {
  const labels = `app.kubernetes.io/instance=${ctx.blueprint[use].name}`;
  const claims = await ctx.kubernetes.list({ ...queryFor(ctx, use), labels, metadataOnly: true });
  return claims.map(({ metadata }) => metadata.name);
}

/** After the pods that used them have stopped. */
export async function removeClaims(ctx: Needs, use: Use): Promise<void> {
  const names = await claimNames(ctx, use);
  await Promise.all(names.map((name) => ctx.kubernetes.delete({ ...queryFor(ctx, use), name })));
}

/**
 * A run that was interrupted between a release's record and its claims has left these. Nothing on them shows their owner: in a namespace
 * of ours they are ours, in any other they may belong to a foreign Loki.
 */
export async function removeLeftClaims(ctx: Needs, use: Use): Promise<Removal> {
  const names = await claimNames(ctx, use);
  if (names.length === 0) return { is: 'absent' };
  const { name, namespace } = ctx.blueprint[use];
  const home = await ctx.kubernetes.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
  if (!home || !isOwnedByLabels(home, ctx.blueprint.ownership)) {
    const how = `kubectl delete pvc --namespace ${namespace} --selector app.kubernetes.io/instance=${name}`;
    return { is: 'kept', target: `${names.length} volume claims of a release ${namespace}/${name}`, why: 'they have no ownership labels of loki-eks', how };
  }
  await removeClaims(ctx, use);
  return { is: 'removed' };
}
