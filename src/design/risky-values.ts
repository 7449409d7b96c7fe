/** Values that other parts of the installation rely on: a user may change them, but is warned about what then no longer fits. */
import { isMap, type Values } from './merge.ts';

const because: Readonly<Record<'loki' | 'alloy', Readonly<Record<string, string>>>> = {
  loki: {
    fullnameOverride: "the gateway's address and the checks rely on the default names",
    nameOverride: "the gateway's address and the checks rely on the default names",
    namespaceOverride: 'the role trusts a service account in the namespace of the settings',
    deploymentMode: 'sizes and checks assume Distributed mode',
    'loki.auth_enabled': 'the gateway and Alloy send a tenant',
    'loki.storage.bucketNames': 'the role can only access the buckets of the plan',
    'loki.storage.s3': 'the role can only access the buckets of the plan',
    'loki.schemaConfig': 'logs written under another schema can only be read while that schema is listed',
    serviceAccount: 'the role trusts the service account that loki-eks creates',
    'gateway.enabled': 'Alloy and Grafana send to the gateway',
    'gateway.basicAuth': 'Alloy and Grafana use the credentials that loki-eks creates',
    'gateway.service.type': 'it would bypass --expose, which controls who can reach the gateway',
    'gateway.nginxConfig.locationSnippet': 'it sets the tenant of every request',
  },
  alloy: {
    fullnameOverride: 'the checks rely on the default names',
    'alloy.configMap': 'it replaces the pipeline that the checks rely on',
    'alloy.mounts.varlog': 'without it Alloy finds no files and reports no error',
    'alloy.storagePath': 'read positions are stored there across restarts',
    'controller.type': 'only a DaemonSet reads the files of every node',
  },
};

/** One sentence for each of the user's values that something else relies on. */
export function riskyValues(which: 'loki' | 'alloy', { file, values }: { readonly file: string; readonly values: Values }): readonly string[] {
  return Object.entries(because[which])
    .filter(([path]) => sets(values, path.split('.')))
    .map(([path, why]) => `${file} sets ${path}: ${why}.`);
}

function sets(node: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  return isMap(node) && Object.hasOwn(node, key) && (rest.length === 0 || node[key] === null || sets(node[key], rest));
}
