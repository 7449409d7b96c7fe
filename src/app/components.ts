/** The workloads of both releases, one row each. */
import type { Problem } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../steps/context.ts';

export interface Component {
  readonly name: string;
  readonly kind: string;
  readonly ready: number;
  readonly wanted: number;
  readonly version?: string;
  readonly state: 'ok' | 'degraded' | 'down' | 'absent';
  readonly why?: string;
  readonly problem?: Problem;
}

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

interface Body {
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } } };
  readonly status?: { readonly readyReplicas?: number; readonly desiredNumberScheduled?: number; readonly numberReady?: number };
}

export async function components({ kubernetes, releases, blueprint }: Pick<Context, 'kubernetes' | 'releases' | 'blueprint'>): Promise<readonly Component[]> {
  const rows = await Promise.all(
    [blueprint.loki, blueprint.alloy].map(async ({ name, namespace }): Promise<readonly Component[]> => {
      const labels = `app.kubernetes.io/instance=${name}`;
      const [lists, unready] = await Promise.all([
        Promise.all(KINDS.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, namespace, labels }))),
        releases.unready(name, namespace),
      ]);
      const found = lists.flat().map((object) =>
        component(
          object,
          unready.find(({ workload }) => workload === `${object.kind} ${namespace}/${object.metadata.name}`),
        ),
      );
      return found.length > 0
        ? found
        : [{ name, kind: 'release', ready: 0, wanted: 0, state: 'absent', why: `nothing of release ${name} is in namespace ${namespace}` }];
    }),
  );
  return rows.flat();
}

function component(object: KubeObject, unready: { readonly why: string; readonly problem?: Problem } | undefined): Component {
  const { spec, status } = object as unknown as Body;
  const daemon = object.kind === 'DaemonSet';
  const wanted = daemon ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1);
  const ready = daemon ? (status?.numberReady ?? 0) : (status?.readyReplicas ?? 0);
  const version = spec?.template?.spec?.containers?.[0]?.image?.split(':').at(-1)?.split('@')[0];
  return {
    name: object.metadata.name,
    kind: object.kind,
    ready,
    wanted,
    ...(version && { version }),
    state: unready ? (ready === 0 ? 'down' : 'degraded') : 'ok',
    ...(unready && { why: unready.why }),
    ...(unready?.problem && { problem: unready.problem }),
  };
}
