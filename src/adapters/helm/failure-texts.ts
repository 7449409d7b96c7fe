/** Error messages of helm 3.14 to 4.x by which a failure is recognized; the first match wins, so specific ones come first. */
import type { ProblemCode } from '../../problems/problem.ts';

export interface Failed {
  /** `install of release loki/loki`, `pull of chart loki 18.11.0`: becomes part of the message. */
  readonly what: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly stderr: string;
  readonly code: number;
}

/** How a known failure is reported. `message` may use the groups of the pattern. */
interface Known {
  readonly text: RegExp;
  readonly code: ProblemCode;
  readonly message: (found: RegExpExecArray, failed: Failed) => string;
  readonly fix?: (found: RegExpExecArray, failed: Failed) => string;
}

const release = ({ namespace, name }: Failed) => (namespace ? `${namespace}/${name}` : `${name}`);
const AIR_GAPPED =
  'Check network and proxy (HTTPS_PROXY). Without internet access, fetch the chart elsewhere with `helm pull` and set `--loki-chart FILE.tgz` or `--alloy-chart FILE.tgz`';

const machine: readonly Known[] = [
  {
    // Go's message for a failed local write: a server's message has no path of this machine.
    text: /\b(?:write|open|mkdir|create|fsync|close|copy_file_range) (\/[^\s:]{1,400}): (no space left on device|disk quota exceeded)/,
    code: 'TEMP_DIR_UNUSABLE',
    message: ([, path, why], { what }) => `${what} can't write ${path}: ${why}`,
  },
];

const chart: readonly Known[] = [
  {
    text: /chart "([^"]+)" (?:version "([^"]*)" |matching \S* ?)not found in (\S+)|no chart (?:name|version) found for (\S+)/i,
    code: 'CHART_UNREACHABLE',
    message: ([, name, version, where, other]) => `${where ?? 'The repository'} has no chart ${name ?? other}${version ? ` ${version}` : ''}`,
    fix: () =>
      'Check `--chart-repo`, the name and the version: a mirror must contain the pinned version; or set `--loki-chart FILE.tgz` or `--alloy-chart FILE.tgz`',
  },
  {
    text: /looks like "([^"]+)" is not a valid chart repository or cannot be reached|repo (\S+) not found|failed to (?:fetch|do request|perform "\S+" on source)\b[^\n]{0,400}?((?:https?|oci):\/\/[^\s"]+)|(?:dial tcp|lookup)\b[^\n]*|unexpected status from \w+ request to (\S+?):/i,
    code: 'CHART_UNREACHABLE',
    message: ([, url, repo, source, registry], { what }) =>
      `${what} failed: ${[url, repo, source, registry].find(Boolean) ?? 'the chart repository'} can't be reached`,
    fix: () => AIR_GAPPED,
  },
  {
    text: /found in Chart\.yaml, but missing in charts\/ directory: ([^\n]+)/i,
    code: 'CHART_INVALID',
    message: ([, missing]) => `The chart lacks its dependencies ${missing}`,
    fix: () => 'Run `helm dependency build CHART_DIR`',
  },
  {
    text: /Chart\.yaml file is missing|chart\.metadata\.\w+ is required|cannot load Chart\.yaml|validation: chart|does not appear to be a (?:gzipped|valid) archive|unexpected EOF/i,
    code: 'CHART_INVALID',
    message: ([text]) => `The chart can't be read: ${text}`,
  },
  {
    text: /chart requires kubeVersion: (\S+) which is incompatible with Kubernetes (\S+)/i,
    code: 'CHART_INVALID',
    message: ([, wants, has]) => `The chart requires Kubernetes ${wants}; the cluster runs ${has}`,
    fix: () => 'Upgrade the cluster, or use an older chart with `--loki-chart` or `--alloy-chart`',
  },
];

const values: readonly Known[] = [
  {
    text: /values don't meet the specifications of the schema\(s\)[^\n]{0,400}:\n(?:([^\n]*):\n)?((?:-[^\n]*\n?)+)?/i,
    code: 'HELM_VALUES_REFUSED',
    message: ([, , list]) => `The chart's schema rejects the values${list ? `: ${list.trim().split('\n')[0]!.replace(/^- /, '')}` : ''}`,
    fix: () => 'Correct that key in the file given with `--loki-values` or `--alloy-values`',
  },
  {
    text: /failed to parse (\S+): ([^\n]+)/i,
    code: 'HELM_VALUES_REFUSED',
    message: ([, , why]) => `helm can't parse the values: ${why}`,
  },
  {
    text: /execution error at \(([^)]{1,400})\): ([^\n]+)/i,
    code: 'HELM_VALUES_REFUSED',
    message: ([, where, why]) => `The chart rejects the values: ${why} (${where})`,
    fix: () => 'Change the key that the chart names in the file given with `--loki-values` or `--alloy-values`',
  },
  {
    text: /template: ([^\s:]+:\d+)(?!\d)[^\n]{0,400}?: ([^\n]+)|YAML parse error on ([^\s:]+): ([^\n]+)/i,
    code: 'HELM_VALUES_REFUSED',
    message: ([, at, why, file, yaml]) => `The chart can't be rendered with these values: ${at ?? file}: ${why ?? yaml}`,
    fix: () => 'Check the file given with `--loki-values` or `--alloy-values` for a key of the wrong type',
  },
];

const cluster: readonly Known[] = [
  {
    text: /failed calling webhook "([^"]+)"/i,
    code: 'KUBE_WEBHOOK_DOWN',
    message: ([, webhook]) => `The admission webhook ${webhook} is not responding, so the cluster rejects writes`,
    fix: ([, webhook]) =>
      `Repair the service behind ${webhook} (\`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide\`), then run the command again`,
  },
  {
    text: /admission webhook "([^"]+)" denied the request|violates PodSecurity "([^"]+)"/i,
    code: 'KUBE_ADMISSION_DENIED',
    message: ([, webhook, level]) => `${webhook ?? `Pod Security ${level}`} rejects an object of the chart`,
  },
  { text: /exceeded quota/i, code: 'KUBE_QUOTA_EXCEEDED', message: (_, failed) => `Release ${release(failed)} exceeds the namespace's resource quota` },
  {
    text: /in namespace "?([^\s":]+)"? because it is being terminated/i,
    code: 'KUBE_NAMESPACE_TERMINATING',
    message: ([, namespace]) => `Namespace ${namespace} is being deleted`,
    fix: ([, namespace]) => `Wait until it is gone: \`kubectl wait --for=delete namespace/${namespace} --timeout=10m\``,
  },
  {
    text: /(?<!\S)(\S+ "[^"]+") in namespace "([^"]*)" exists and cannot be imported into the current release/i,
    code: 'HELM_OBJECT_NOT_OURS',
    message: ([, object, namespace]) => `${object}${namespace ? ` in namespace ${namespace}` : ''} already exists and does not belong to this release`,
    fix: () => 'Delete or rename the object if it is unused, or install into another namespace with `--namespace`',
  },
  {
    text: /exists and cannot be imported into the current release|invalid ownership metadata/i,
    code: 'HELM_OBJECT_NOT_OURS',
    message: (_, { what }) => `${what} failed: an object of the chart already exists and does not belong to the release`,
  },
  {
    text: /(?:cannot patch|failed to update|failed to create resource)[^\n]{0,200}?"([^"\n]{1,253})" with kind (\w+)\b[^\n]{0,400}(?:updates to statefulset spec|field is immutable)/i,
    code: 'HELM_FIELD_IMMUTABLE',
    message: ([, object, kind]) => `${kind} ${object} can't be changed in place: the new values change an immutable field`,
    fix: ([, object, kind], { namespace }) =>
      `Run \`kubectl -n ${namespace} delete ${kind!.toLowerCase()} ${object} --cascade=orphan\`, which keeps pods and volumes, then run the command again`,
  },
  {
    text: /updates to statefulset spec|field is immutable/i,
    code: 'HELM_FIELD_IMMUTABLE',
    message: (_, { what }) => `${what} failed: the new values change an immutable field`,
  },
  {
    text: /conflict occurred while applying object (\S+)[^\n]*|Apply failed with \d+ conflicts?: ([^\n]+)/i,
    code: 'HELM_FIELD_CONFLICT',
    message: ([, object]) => `${object ? `Object ${object}` : 'An object of the release'} was changed by another program, which now owns the field`,
  },
  {
    text: /no matches for kind "([^"]+)" in version "([^"]+)"/i,
    code: 'KUBE_KIND_UNKNOWN',
    message: ([, kind, version]) => `The chart creates a ${kind} (${version}), which the cluster does not serve`,
    fix: ([, kind]) => `Install the CustomResourceDefinition of ${kind}, or disable it in the values`,
  },
  {
    text: /(?:the server has asked for the client to provide credentials|\bUnauthorized\b)/,
    code: 'KUBE_UNAUTHORIZED',
    message: () => 'The Kubernetes API rejects the credentials of helm',
  },
  {
    text: /getting credentials: exec: ([^\n]+)/i,
    code: 'KUBE_EXEC_FAILED',
    message: ([, why]) => `helm could not get a token for the cluster: ${why}`,
  },
  {
    text: /(?:User "([^"]*)" )?cannot (\w+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?/i,
    code: 'KUBE_FORBIDDEN',
    message: ([, user, verb, resource, group, namespace]) =>
      `${user || 'You'} ${user ? 'is' : 'are'} not allowed to ${verb} ${resource}${group ? `.${group}` : ''}${namespace ? ` in namespace ${namespace}` : ''}`,
  },
  { text: /kubernetes cluster unreachable: ([^\n]*)/i, code: 'KUBE_UNREACHABLE', message: ([, why]) => `helm can't reach the Kubernetes API: ${why}` },
];

const state: readonly Known[] = [
  {
    text: /another operation \(install\/upgrade\/rollback\) is in progress/i,
    code: 'HELM_BUSY',
    message: (_, failed) => `Another helm operation is in progress on release ${release(failed)}`,
  },
  {
    text: /cannot re-?use a name that is still in use|has no deployed releases/i,
    code: 'HELM_RELEASE_BROKEN',
    message: (_, failed) => `Release ${release(failed)} has no good revision to upgrade`,
    fix: (_, { name, namespace }) =>
      `Check \`helm -n ${namespace} history ${name}\`; if you need nothing of it, run \`helm -n ${namespace} uninstall ${name}\`, then run the command again`,
  },
  {
    text: /(?:must have at most|limit is) 1048576|request is too large|etcdserver: request is too large/i,
    code: 'HELM_RELEASE_TOO_LARGE',
    message: (_, failed) => `Release ${release(failed)} exceeds the 1 MiB limit of a Secret`,
  },
  {
    text: /timed out waiting for the condition|context deadline exceeded|resource (\S+) not ready\. status: ([^\n]*)/i,
    code: 'HELM_TIMED_OUT',
    message: ([, object, status], { what }) => `${what} timed out${object ? `: ${object} is ${status}` : ''}`,
  },
  {
    text: /(?:pre|post)-(?:install|upgrade|delete|rollback) hooks? failed[^\n]{0,400}?: ([^\n]+)/i,
    code: 'HELM_HOOK_FAILED',
    message: ([, why]) => `A hook of the chart failed: ${why}`,
  },
  { text: /Release (\S+) has been cancelled/i, code: 'HELM_CANCELLED', message: (_, { what }) => `${what} was canceled` },
];

export const KNOWN: readonly Known[] = [...machine, ...cluster, ...values, ...state.slice(0, 3), ...chart, ...state.slice(3)];
