/** The step of `doctor --fix` that puts the tenant into a foreign data source, once the user has named it. */
import { rule } from '../design/permissions.ts';
import { withTenant } from '../design/datasource-tenant.ts';
import type { UndoRecord, Step } from '../engine/types.ts';
import type { Ref } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';
import { writeBackup, restoreBackup, readBackup } from './object-backup.ts';

type Needs = Pick<Context, 'kubernetes'> & { readonly blueprint: Pick<Context['blueprint'], 'ownership'> };

export interface Tenanted {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly namespace: string;
  /** The object that holds the provisioning file. */
  readonly name: string;
  readonly key: string;
  readonly datasource: string;
  readonly tenant: string;
}

const refOf = ({ kind, namespace, name }: Pick<Tenanted, 'kind' | 'namespace' | 'name'>): Ref => ({ apiVersion: 'v1', kind, namespace, name });

async function textsOf({ kubernetes }: Needs, of: Tenanted): Promise<{ readonly before: string; readonly after: string } | undefined> {
  const object = await kubernetes.get(refOf(of));
  const value = (object?.['data'] as Readonly<Record<string, string>> | undefined)?.[of.key];
  if (value === undefined) return undefined;
  const before = of.kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value;
  const after = withTenant(before, { name: of.datasource, tenant: of.tenant });
  return after === undefined ? undefined : { before, after };
}

export const tenanted = (of?: Tenanted): Step<Needs, UndoRecord> => ({
  id: 'mend.datasource',
  title: 'Tenant of the Grafana data source',
  scope: 'cluster',
  permissions: [rule('grafana', 'get patch', 'secrets configmaps', { to: 'correct the tenant in the object that Grafana reads', for: ['doctor --fix'] })],

  async inspect(ctx) {
    const texts = of && (await textsOf(ctx, of));
    if (!texts || texts.before === texts.after) return { is: 'matches' };
    const detail = `data source "${of.datasource}": header X-Scope-OrgID: ${of.tenant}`;
    return { is: 'differs', changes: [{ action: 'update', target: `${of.kind} ${of.namespace}/${of.name}`, detail }] };
  },

  async apply(ctx, { record }) {
    const texts = of && (await textsOf(ctx, of));
    if (!texts) return;
    const { kind, namespace, name, key } = of;
    const former = await readBackup(ctx, [refOf(of)]);
    await record({ did: 'set-datasource-tenant', namespace, name, digest: former.digest });
    await writeBackup({ kubernetes: ctx.kubernetes, ownership: ctx.blueprint.ownership }, { namespace, name }, former);
    await ctx.kubernetes.patch(refOf(of), { data: { [key]: kind === 'Secret' ? Buffer.from(texts.after).toString('base64') : texts.after } });
  },

  undo: ({ kubernetes, blueprint: { ownership } }, receipt) =>
    restoreBackup({ kubernetes, ownership }, { namespace: String(receipt['namespace']), name: String(receipt['name']) }, receipt['digest']),

  remove: async () => ({ is: 'absent' }),
});
