/** The workloads of both releases, one row each. */
import type { Component, Problem } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { scaledToZero } from '../checks/parts.ts';
import { problem } from '../problems/problem.ts';
import type { Context } from '../context.ts';

interface Row extends Component {
  /** The component of Loki. */
  readonly part?: string;
}

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

interface Body {
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } } };
  readonly status?: { readonly readyReplicas?: number; readonly desiredNumberScheduled?: number; readonly numberReady?: number };
}

export async function components({ kubernetes, releases, blueprint }: Pick<Context, 'kubernetes' | 'releases' | 'blueprint'>): Promise<readonly Component[]> {
  const rows = await Promise.all(
    [blueprint.loki, blueprint.alloy].map(async ({ name, namespace }): Promise<readonly Row[]> => {
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
        : [{ name, kind: 'release', ready: 0, wanted: 0, state: 'absent', why: `release ${name} has no workloads in namespace ${namespace}` }];
    }),
  );
  return withoutReplicas(rows.flat(), blueprint);
}

/** Kubernetes counts 0 of 0 as ready; but Loki does not do a job whose components all have zero replicas. */
function withoutReplicas(rows: readonly Row[], { loki: { namespace, values } }: Context['blueprint']): readonly Component[] {
  const parts = rows.flatMap((row) => (row.part ? [{ component: row.part, wanted: row.wanted, ready: row.ready, row }] : []));
  const idle = new Map(scaledToZero(parts).flatMap(({ parts: all, words }) => all.map(({ row, component }) => [row, { words, component }] as const)));
  return rows.map(({ part: _part, ...row }, at): Component => {
    const found = idle.get(rows[at]!);
    if (!found) return row;
    const object = `${row.kind} ${namespace}/${row.name}`;
    const replicas = (values[found.component.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] as { readonly replicas?: number } | undefined)
      ?.replicas;
    const wrong = problem('LOKI_COMPONENT_SCALED_DOWN', {
      message: `${object} has no replicas, so Loki ${found.words}`,
      fix: `Run \`kubectl -n ${namespace} scale ${row.kind.toLowerCase()} ${row.name} --replicas=${replicas || 1}\``,
      evidence: [`${object}: spec.replicas 0`],
    });
    return { ...row, state: 'down', why: `spec.replicas is 0: Loki ${found.words}`, problem: wrong };
  });
}

function component(object: KubeObject, unready: { readonly why: string; readonly problem?: Problem } | undefined): Row {
  const { spec, status } = object as unknown as Body;
  const part = object.metadata.labels?.['app.kubernetes.io/component'];
  const daemon = object.kind === 'DaemonSet';
  const wanted = daemon ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1);
  const ready = daemon ? (status?.numberReady ?? 0) : (status?.readyReplicas ?? 0);
  const version = spec?.template?.spec?.containers?.[0]?.image?.split(':').at(-1)?.split('@')[0];
  return {
    name: object.metadata.name,
    ...(part && { part }),
    kind: object.kind,
    ready,
    wanted,
    ...(version && { version }),
    state: unready ? (ready === 0 ? 'down' : 'degraded') : 'ok',
    ...(unready && { why: unready.why }),
    ...(unready?.problem && { problem: unready.problem }),
  };
}
