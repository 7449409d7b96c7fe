/** Which nodes have a collector and which have not: a node without one is a hole in the logs. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../steps/context.ts';

export interface Coverage {
  /** Nodes a collector can run on: Linux, not Fargate. */
  readonly linux: number;
  readonly withCollector: number;
  /** Names of those without a running collector. */
  readonly without: readonly string[];
  readonly fargate: number;
  readonly windows: number;
}

export async function coverage({ kubernetes, blueprint, facts }: Pick<Context, 'kubernetes' | 'blueprint' | 'facts'>): Promise<Coverage> {
  const { name, namespace } = blueprint.alloy;
  const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels: `app.kubernetes.io/instance=${name}` });
  const covered = new Set(pods.filter(isReady).map((pod) => (pod['spec'] as { nodeName?: string }).nodeName));
  const eligible = facts.nodes.filter(({ os, kind, ready }) => os === 'linux' && kind !== 'fargate' && ready);
  const without = eligible.filter((node) => !covered.has(node.name)).map((node) => node.name);
  return {
    linux: eligible.length,
    withCollector: eligible.length - without.length,
    without,
    fargate: facts.nodes.filter(({ kind }) => kind === 'fargate').length,
    windows: facts.nodes.filter(({ os }) => os === 'windows').length,
  };
}

function isReady(pod: KubeObject): boolean {
  const { conditions } = (pod['status'] ?? {}) as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
