/** The caller has the Kubernetes permissions that an installation needs. */
import type { Check, Problem } from '../engine/types.ts';
import type { Settings } from '../design/settings-type.ts';
import type { Access, Kubernetes } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

export const rbacSuffices: Check<Pick<CheckContext, 'kubernetes' | 'blueprint' | 'facts' | 'settings'>> = {
  id: 'kube.rbac-suffices',
  title: 'Kubernetes permissions are sufficient',
  at: ['preflight'],
  async run({ kubernetes, blueprint, facts, settings }) {
    const found = await missingRights(kubernetes, {
      ...callerOf(settings, facts.caller.arn),
      loki: blueprint.loki.namespace,
      collector: blueprint.alloy.namespace,
    });
    return found ? { is: 'fail', problem: found } : { is: 'pass', detail: 'all required permissions granted' };
  },
};

/** Everything the caller is not allowed to do, as one problem. */
export async function missingRights(
  kubernetes: Pick<Kubernetes, 'denied'>,
  { arn, loki, collector }: { readonly arn?: string; readonly loki: string; readonly collector: string },
): Promise<Problem | undefined> {
  const denied = await kubernetes.denied(accesses(loki, collector));
  const [first, ...others] = denied;
  if (!first) return undefined;
  return problem('RBAC_MISSING', {
    message: `${arn ?? 'The user of the kubeconfig'} may not ${inWords(first)}${others.length > 0 ? ` and ${others.length} more` : ''}`,
    fix:
      arn === undefined
        ? 'kubectl create clusterrolebinding loki-eks --clusterrole=cluster-admin --user=NAME, by an administrator; kubectl auth whoami tells the name'
        : `aws eks associate-access-policy … --policy-arn arn:${partitionOf(arn)}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy --access-scope type=cluster`,
    evidence: denied.map((access) => `denied: ${inWords(access)}`),
  });
}

/** The IAM principal is the caller only where it signs the token: a kubeconfig may hold any login. */
export const callerOf = ({ kubeconfig, context }: Pick<Settings, 'kubeconfig' | 'context'>, arn: string): { readonly arn?: string } =>
  kubeconfig || context ? {} : { arn };

/** China and GovCloud have their own policies under the same names. */
const partitionOf = (arn: string): string => arn.split(':')[1] || 'aws';

/** What the steps, Helm and verify do, by verb. */
function accesses(loki: string, collector: string): readonly Access[] {
  const inBoth = (access: Omit<Access, 'namespace'>) => [loki, collector].map((namespace) => ({ ...access, namespace }));
  return [
    { verb: 'create', resource: 'namespaces' },
    { verb: 'list', resource: 'nodes' },
    { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
    { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' },
    ...inBoth({ verb: 'create', resource: 'secrets' }),
    ...inBoth({ verb: 'list', resource: 'secrets' }),
    ...inBoth({ verb: 'create', resource: 'configmaps' }),
    ...inBoth({ verb: 'create', resource: 'services' }),
    ...inBoth({ verb: 'create', resource: 'serviceaccounts' }),
    { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: loki },
    { verb: 'create', group: 'apps', resource: 'deployments', namespace: loki },
    { verb: 'create', group: 'apps', resource: 'statefulsets', namespace: loki },
    { verb: 'create', group: 'apps', resource: 'daemonsets', namespace: collector },
    { verb: 'create', group: 'policy', resource: 'poddisruptionbudgets', namespace: loki },
    ...['get', 'create', 'update', 'delete'].map((verb) => ({ verb, group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system' })),
    { verb: 'create', resource: 'pods', namespace: loki },
    ...['list', 'patch', 'delete'].map((verb) => ({ verb, resource: 'persistentvolumeclaims', namespace: loki })),
    { verb: 'get', resource: 'pods', subresource: 'log', namespace: loki },
    // A websocket is opened with a GET, which servers up to 1.34 authorize as `get`.
    ...['get', 'create'].map((verb) => ({ verb, resource: 'pods', subresource: 'portforward', namespace: loki })),
  ];
}

const inWords = ({ verb, group, resource, subresource, namespace }: Access): string =>
  `${verb} ${resource}${subresource ? `/${subresource}` : ''}${group ? `.${group}` : ''}${namespace ? ` in ${namespace}` : ''}`;
