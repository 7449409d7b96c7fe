import { describe, expect, it } from 'vitest';
import { helmFailure } from './failures.ts';

const told = (stderr: string) => helmFailure({ what: 'install of release loki/loki', namespace: 'loki', name: 'loki', code: 1, stderr }).problem;

describe('what helm says', () => {
  it.each([
    ['Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress', 'HELM_BUSY', 'loki/loki'],
    ['Error: INSTALLATION FAILED: cannot re-use a name that is still in use', 'HELM_RELEASE_BROKEN', 'loki/loki'],
    ['Error: INSTALLATION FAILED: cannot reuse a name that is still in use', 'HELM_RELEASE_BROKEN', 'loki/loki'],
    ['Error: UPGRADE FAILED: "loki" has no deployed releases', 'HELM_RELEASE_BROKEN', 'loki/loki'],
    ['Error: UPGRADE FAILED: timed out waiting for the condition', 'HELM_TIMED_OUT', 'timed out'],
    [
      'Error: resource Deployment/loki/demo not ready. status: InProgress, message: Replicas: 0/1\ncontext deadline exceeded',
      'HELM_TIMED_OUT',
      'Deployment/loki/demo is InProgress',
    ],
    [
      'Error: Unable to continue with install: ServiceAccount "loki" in namespace "loki" exists and cannot be imported into the current release: invalid ownership metadata; label validation error',
      'HELM_OBJECT_NOT_OURS',
      'ServiceAccount "loki" in namespace loki',
    ],
    [
      'Error: secrets "x" is forbidden: unable to create new content in namespace loki because it is being terminated',
      'KUBE_NAMESPACE_TERMINATING',
      'Namespace loki',
    ],
    [
      'Error: UPGRADE FAILED: cannot patch "loki-ingester" with kind StatefulSet: StatefulSet.apps "loki-ingester" is invalid: spec: Forbidden: updates to statefulset spec for fields other than',
      'HELM_FIELD_IMMUTABLE',
      'StatefulSet loki-ingester',
    ],
    [
      'Error: UPGRADE FAILED: cannot patch "x" with kind Deployment: Deployment.apps "x" is invalid: spec.selector: Invalid value: field is immutable',
      'HELM_FIELD_IMMUTABLE',
      'Deployment x',
    ],
    [
      "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nloki:\n- at '/deploymentMode': got number, want string\n",
      'HELM_VALUES_REFUSED',
      "at '/deploymentMode': got number, want string",
    ],
    ['Error: failed to parse -: error converting YAML to JSON: yaml: line 1: did not find expected', 'HELM_VALUES_REFUSED', 'did not find expected'],
    [
      'Error: execution error at (loki/templates/validate.yaml:4:4): You must provide a schema_config',
      'HELM_VALUES_REFUSED',
      'You must provide a schema_config',
    ],
    [
      'Error: template: loki/templates/a.yaml:12:3: executing "loki/templates/a.yaml" at <.Values.x.y>: nil pointer evaluating interface {}.y',
      'HELM_VALUES_REFUSED',
      'loki/templates/a.yaml:12',
    ],
    ['Error: kubernetes cluster unreachable: the server has asked for the client to provide credentials', 'KUBE_UNAUTHORIZED', 'credentials'],
    [
      'Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp 127.0.0.1:1: connect: connection refused',
      'KUBE_UNREACHABLE',
      'connection refused',
    ],
    [
      'Error: kubernetes cluster unreachable: Get "https://x/version": getting credentials: exec: executable node failed with exit code 1',
      'KUBE_EXEC_FAILED',
      'exit code 1',
    ],
    [
      'Error: query: failed to query with labels: secrets is forbidden: User "ci" cannot list resource "secrets" in API group "" in the namespace "loki"',
      'KUBE_FORBIDDEN',
      'ci is not allowed to list secrets in namespace loki',
    ],
    [
      'Error: looks like "https://x.example/charts" is not a valid chart repository or cannot be reached: Get "https://x.example/charts/index.yaml": dial tcp: lookup x.example: no such host',
      'CHART_UNREACHABLE',
      'https://x.example/charts',
    ],
    [
      'Error: chart "loki" version "99.0.0" not found in https://x.example/charts repository',
      'CHART_UNREACHABLE',
      'https://x.example/charts has no chart loki 99.0.0',
    ],
    ['Error: repo grafana not found', 'CHART_UNREACHABLE', 'grafana'],
    [
      'Error: failed to do request: Head "https://ghcr.io/v2/x/manifests/1": dial tcp: lookup ghcr.io: no such host',
      'CHART_UNREACHABLE',
      'https://ghcr.io/v2/x',
    ],
    [
      'Error: UPGRADE FAILED: conflict occurred while applying object loki/loki-gateway apps/v1, Kind=Deployment: Apply failed with 1 conflict: conflict with "kubectl-edit"',
      'HELM_FIELD_CONFLICT',
      'loki/loki-gateway',
    ],
    [
      'Error: Internal error occurred: failed calling webhook "mservice.elbv2.k8s.aws": failed to call webhook: no endpoints available for service "aws-load-balancer-webhook-service"',
      'KUBE_WEBHOOK_DOWN',
      'mservice.elbv2.k8s.aws',
    ],
    [
      'Error: An error occurred while checking for chart dependencies: found in Chart.yaml, but missing in charts/ directory: minio, rollout-operator',
      'CHART_INVALID',
      'minio, rollout-operator',
    ],
    [
      'Error: unable to build kubernetes objects: resource mapping not found for name: "loki" namespace: "" from "": no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"',
      'KUBE_KIND_UNKNOWN',
      'ServiceMonitor',
    ],
    ['Release loki has been cancelled.\nError: context canceled', 'HELM_CANCELLED', 'canceled'],
    ['Error: something new', 'HELM_FAILED', 'something new'],
  ])('%s', (text, code, names) => {
    const problem = told(text);
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(names);
    expect(problem.evidence!.join('\n')).toContain(text.split('\n')[0]!.slice(0, 200));
  });

  it('tells the original error of a release that helm has rolled back', () =>
    expect(
      told(
        'Error: release loki failed, and has been uninstalled due to rollback-on-failure being set: x\nan error occurred while uninstalling the release. original install error: field is immutable',
      ).code,
    ).toBe('HELM_FIELD_IMMUTABLE'));

  it('leaves out noise and keeps only the last lines', () => {
    const problem = told(`WARNING: Kubernetes configuration file is group-readable\n${'chatter\n'.repeat(40)}Error: odd`);
    expect(problem.evidence).toHaveLength(12);
    expect(problem.evidence!.at(-1)).toBe('Error: odd');
  });
});
